//! The lines of a log that hold a text.

use trainyard_api::{
    Envelope, Page,
    failures::ReadFailures,
    log::{LogHit, LogSearchQuery},
    paths,
};

use super::super::{
    answer::{Answer, ok},
    extract::{Call, NoBody, QueryParams},
    path::WorkerPath,
    show,
};
use crate::jobs::{Hit, worker_log};

/// The longest text that is looked for, in bytes.
const LONGEST: usize = 1000;

/// Search a worker's log
///
/// The lines that hold `q`, in their order, with the offset at which each is read. The text is looked for as it is. A line
/// ends at a line feed or a carriage return; one that is longer than 64 KiB may be told as several. Looked through is what
/// the log holds now, from `offset` on; a log so long that it takes more than 30 seconds is 503, and can be searched in
/// parts.
#[utoipa::path(
    get, path = paths::POD_LOG_SEARCH, operation_id = "searchLog", tag = "jobs",
    params(WorkerPath, LogSearchQuery),
    responses((status = 200, description = "One page.", body = Envelope<Page<LogHit>>), ReadFailures)
)]
pub(crate) async fn search(
    Call { app, actor, path }: Call<WorkerPath>,
    query: QueryParams,
    _: NoBody,
) -> Answer<Page<LogHit>> {
    let mut query = query.read(&["q", "attempt", "offset", "pageNo", "pageSize"]);
    let text = query.required("q", wanted);
    let attempt = query.count("attempt");
    let offset = query.number("offset", i64::MIN..=i64::MAX).unwrap_or_default();
    let page = query.page();
    let text = query.finish(text)?.unwrap_or_default();
    let log = worker_log(&app, &actor, &path.id, &path.pod_name, attempt).await?;
    let found = log.search(&app, text, offset, page).await?;
    let wire = |hit: Hit| LogHit { offset: hit.offset, line: hit.line, part: hit.is_part };
    ok(show::page(found, page, wire))
}

fn wanted(text: &str) -> Result<String, &'static str> {
    match text {
        "" => Err("must not be empty"),
        text if text.len() > LONGEST => Err("must have at most 1,000 bytes"),
        text if text.contains(['\n', '\r']) => Err("must be a part of one line, without line ends"),
        text => Ok(text.to_owned()),
    }
}

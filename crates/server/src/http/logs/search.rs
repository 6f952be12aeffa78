//! The call that searches a worker's log for a text.

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
use crate::{jobs::worker_log, logs::Hit};

/// The longest text of a search, in bytes.
const MAX_TEXT_BYTES: usize = 1000;

/// Search a worker's log
///
/// The lines that contain `q` literally, in their order, with the offset of each. A line ends at a line feed or a
/// carriage return; a line of more than 64 KiB may be listed as several. The search covers the current log from
/// `offset` on. If it takes more than 30 seconds, the response is 503; search a part of the log instead. A user with four
/// searches in progress gets 429.
#[utoipa::path(
    get, path = paths::POD_LOG_SEARCH, operation_id = "searchLog", tag = "jobs",
    params(WorkerPath, LogSearchQuery),
    responses((status = 200, description = "One page of lines.", body = Envelope<Page<LogHit>>), ReadFailures)
)]
pub(crate) async fn search(
    Call { app, actor, path }: Call<WorkerPath>,
    query: QueryParams,
    _: NoBody,
) -> Answer<Page<LogHit>> {
    let mut query = query.read(&["q", "attempt", "offset", "pageNo", "pageSize"]);
    let text = query.required("q", search_text);
    let attempt = query.count("attempt");
    let offset = query.number("offset", i64::MIN..=i64::MAX).unwrap_or_default();
    let page = query.page();
    let text = query.finish(text)?.unwrap_or_default();
    let log = worker_log(&app, &actor, &path.id, &path.pod_name, attempt).await?;
    let found = log.search(&actor.user, text, offset, page).await?;
    let wire = |hit: Hit| LogHit { offset: hit.offset, line: hit.line, part: hit.is_part };
    ok(show::page(found, page, wire))
}

fn search_text(text: &str) -> Result<String, &'static str> {
    match text {
        "" => Err("must not be empty"),
        text if text.len() > MAX_TEXT_BYTES => Err("must have at most 1,000 bytes"),
        text if text.contains(['\n', '\r']) => Err("must be part of one line, without line ends"),
        text => Ok(text.to_owned()),
    }
}

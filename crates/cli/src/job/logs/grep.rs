//! `job logs --grep`: prints the lines that contain a text. The server searches.

use trainyard_api::{
    Client, ClientError,
    log::{LogHit, LogSearchQuery},
    page::MAX_PAGE_SIZE,
    pod::Pod,
};

use crate::{exit::Failure, out};

/// Prints the lines of one worker's log that contain the text, and returns their number.
pub(super) async fn one(client: &Client, id: &str, worker: &Pod, text: &str, prefix: &str) -> Result<u64, Failure> {
    let mut query = LogSearchQuery {
        q: text.to_owned(),
        attempt: Some(worker.attempt),
        page_no: Some(1),
        page_size: Some(MAX_PAGE_SIZE),
        ..LogSearchQuery::default()
    };
    let mut count = 0;
    loop {
        let page = match client.log_search(id, &worker.pod_name, &query).await {
            Ok(answer) => answer.data,
            Err(ClientError::Server { status: 400, message, .. }) => return Err(Failure::Usage(message)),
            Err(error) => return Err(error.into()),
        };
        for hit in &page.records {
            out::line(&format!("{prefix}{}", shown(hit)))?;
        }
        count += page.records.len() as u64;
        if page.records.is_empty() || count >= page.total_rows {
            return Ok(count);
        }
        query.page_no = query.page_no.map(|number| number.saturating_add(1));
    }
}

/// The line, with `…` at both ends if the server sent only a part of it.
fn shown(hit: &LogHit) -> String {
    let dots = if hit.part { "…" } else { "" };
    format!("{dots}{}{dots}", hit.line)
}

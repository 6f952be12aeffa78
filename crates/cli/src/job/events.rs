//! `job events`: lists or follows the events of a job.

use serde_json::json;
use trainyard_api::{
    Client,
    event::{Event, EventListQuery},
    page::MAX_PAGE_SIZE,
};

use crate::{
    exit::Failure,
    lookup,
    out::{self, Format},
    table, times,
};

/// Arguments of `job events`.
#[derive(Debug, clap::Args)]
pub(crate) struct EventArgs {
    /// Id or name of the job
    job: String,
    /// Follow until the job ends; with -o json, one event on each line
    #[arg(long)]
    follow: bool,
}

/// Runs the command.
pub(crate) async fn run(client: &Client, args: EventArgs, format: Format) -> Result<(), Failure> {
    let id = lookup::job(client, &args.job).await?;
    match args.follow {
        true => follow(client, &id, format).await,
        false => list(client, &id, format).await,
    }
}

async fn list(client: &Client, id: &str, format: Format) -> Result<(), Failure> {
    let (events, raw) = all(client, id).await?;
    out::show(format, &raw.into(), || table::rows(&["time", "type", "reason", "message", "by"], events.iter().map(row)))
}

/// All events of a job, typed and as the server sent them.
pub(crate) async fn all(client: &Client, id: &str) -> Result<(Vec<Event>, Vec<serde_json::Value>), Failure> {
    let (mut events, mut raw) = (Vec::new(), Vec::new());
    loop {
        let after = events.last().map(|event: &Event| event.sequence);
        let query = EventListQuery { after, page_no: None, page_size: Some(MAX_PAGE_SIZE) };
        let answer = client.event_list(id, &query).await?;
        if answer.data.records.is_empty() {
            return Ok((events, raw));
        }
        events.extend(answer.data.records);
        raw.extend(answer.raw.get("records").and_then(|records| records.as_array()).cloned().unwrap_or_default());
    }
}

async fn follow(client: &Client, id: &str, format: Format) -> Result<(), Failure> {
    let mut events = client.event_follow(id, 0);
    while let Some(event) = events.next().await? {
        match format {
            Format::Table => {
                out::line(&row(&event).iter().map(|cell| table::safe(cell)).collect::<Vec<_>>().join("  "))?
            }
            Format::Json => out::line(&json!(event).to_string())?,
            Format::Yaml => out::show(format, &json!([event]), String::new)?,
        }
    }
    Ok(())
}

fn row(event: &Event) -> Vec<String> {
    vec![
        times::local(Some(event.time_ms)),
        event.kind.clone(),
        event.reason.clone(),
        event.message.clone(),
        event.actor.clone(),
    ]
}

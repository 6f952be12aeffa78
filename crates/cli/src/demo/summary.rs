//! What the demo says at its end: how the job went, where its logs lie, and how to go on.

use std::path::Path;

use trainyard_api::{Client, centre::Centre, job::JobDetail};

use super::step;
use crate::{
    exit::Failure,
    job::{events, show},
    out, paths, table, times,
};

/// The centre the demo trains in, told in a line.
pub(super) async fn centre(client: &Client) -> Result<Centre, Failure> {
    let centres = client.centre_list().await?.data;
    let centre = centres.into_iter().min_by_key(|centre| centre.id);
    let centre = centre.ok_or_else(|| Failure::Other("the server has no compute centre".to_owned()))?;
    let Centre { name, capacity, isolation, .. } = &centre;
    let gpus: u32 = capacity.gpus.iter().map(|gpu| gpu.count).sum();
    let size = format!("{} cores, {:.1} GB, {gpus} GPUs", capacity.cpu_cores, capacity.memory_gb);
    step(&format!("trains on {name}: {size}; {isolation}"))?;
    Ok(centre)
}

/// How the job went: its states with their times, its attempts, its logs.
pub(super) async fn print(client: &Client, detail: &JobDetail) -> Result<(), Failure> {
    let job = &detail.record;
    let took = times::took(job.start_time_ms, job.end_time_ms);
    step(&format!("{} is {} after {took}", job.id, job.status.as_str()))?;
    let (events, _) = events::all(client, &job.id).await?;
    let rows =
        events.iter().map(|event| vec![times::local(Some(event.time_ms)), event.kind.clone(), event.message.clone()]);
    out::line(&table::rows(&["time", "status", "what happened"], rows))?;
    out::line(&format!("\nattempts: {}; {}\n", detail.attempts.len(), show::logs(detail)))
}

/// What to try next, where nothing stays.
pub(super) fn how_to_go_on(data_stays: bool) -> Result<(), Failure> {
    match data_stays {
        true => step("the server stops now; its data stay; to go on:")?,
        false => step("the server stops now and its data go, logs included (`--keep` leaves both); to go on:")?,
    }
    out::line("    trainyard serve                                  # a server that stays")?;
    out::line("    trainyard template create -f template.yaml       # save your own settings")?;
    out::line("    trainyard job create --template NAME --follow    # train from them")
}

/// Where a server is that lives on.
pub(super) fn kept(url: &str, data_dir: &Path, template: &str, pid: u32) -> Result<(), Failure> {
    let dir = data_dir.display();
    step("the server stays up:")?;
    out::line(&table::fields(&[
        ("    address", url.to_owned()),
        ("    data", dir.to_string()),
        ("    admin key", paths::admin_key_file(data_dir).display().to_string()),
        ("    look", format!("trainyard job list --data-dir {dir}")),
        ("    train again", format!("trainyard job create --template {template} --follow --data-dir {dir}")),
        ("    stop it", format!("kill {pid}, then rm -r {dir}")),
    ]))
}

//! The output of the demo beside the training: the centre, the result of the job, its log files, the next commands.

use std::path::Path;

use trainyard_api::{Client, centre::Centre, job::JobDetail};

use super::step;
use crate::{
    exit::Failure,
    job::{events, show},
    out, paths, table, times,
};

/// The centre with the lowest id, in which the demo trains; prints its capacity.
pub(super) async fn centre(client: &Client) -> Result<Centre, Failure> {
    let centres = client.centre_list().await?.data;
    let centre = centres.into_iter().min_by_key(|centre| centre.id);
    let centre = centre.ok_or_else(|| Failure::Other("the server has no compute centre".to_owned()))?;
    let Centre { name, capacity, isolation, .. } = &centre;
    let gpus: u32 = capacity.gpus.iter().map(|gpu| gpu.count).sum();
    let size = format!("{} cores, {:.1} GB, {gpus} GPUs", capacity.cpu_cores, capacity.memory_gb);
    step(&format!("training in centre {name:?}: {size}; isolation: {isolation}"))?;
    Ok(centre)
}

/// Prints the result of the job: its events, its attempts, its log files.
pub(super) async fn print(client: &Client, detail: &JobDetail) -> Result<(), Failure> {
    let job = &detail.record;
    let took = times::took(job.start_time_ms, job.end_time_ms);
    step(&format!("{}: {} after {took}", job.id, job.status.as_str()))?;
    let (events, _) = events::all(client, &job.id).await?;
    let rows =
        events.iter().map(|event| vec![times::local(Some(event.time_ms)), event.kind.clone(), event.message.clone()]);
    out::line(&table::rows(&["time", "event", "message"], rows))?;
    out::line(&format!("\nattempts: {}; {}\n", detail.attempts.len(), show::logs(detail)))
}

/// Prints commands to try next, after the server of the demo has ended.
pub(super) fn next_commands(data_stays: bool) -> Result<(), Failure> {
    match data_stays {
        true => step("stopping the server; its data directory stays; to continue:")?,
        false => step("stopping the server and deleting its data and logs (`--keep` keeps both); to continue:")?,
    }
    let program = paths::program();
    out::line(&format!("    {program} serve                                  # start your own server"))?;
    out::line(&format!(
        "    {program} template create -f FILE                # create a template from a YAML or JSON file"
    ))?;
    out::line(&format!("    {program} job create --template NAME --follow    # create a job and follow it"))
}

/// Prints the address of the server that stays, and the commands to use and stop it.
pub(super) fn running_server(url: &str, data_dir: &Path, template: &str, pid: u32) -> Result<(), Failure> {
    let (dir, program) = (data_dir.display(), paths::program());
    step("the server keeps running:")?;
    out::line(&table::fields(&[
        ("    address", url.to_owned()),
        ("    data", dir.to_string()),
        ("    admin key", paths::admin_key_file(data_dir).display().to_string()),
        ("    list jobs", format!("{program} job list --data-dir {dir}")),
        ("    train again", format!("{program} job create --template {template} --follow --data-dir {dir}")),
        ("    stop it", format!("kill {pid}, then rm -r {dir}")),
    ]))
}

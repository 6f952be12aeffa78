//! The steps of the demo, and the resources that must be removed after them.

use std::{env, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use trainyard_api::{
    Client,
    job::{JobDetail, JobListQuery, JobStatus},
    page::MAX_PAGE_SIZE,
    template::find::TemplateListQuery,
};

use super::{DemoArgs, framework, own_server::OwnServer, progress, step, summary};
use crate::{
    exit::Failure,
    job::follow::{self, FollowOptions, Ranks},
    out, paths,
};

/// Longest wait for the end of the training, which normally takes seconds.
const TRAINING_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Longest wait for the end of stopped jobs: their grace period of 30 s and a margin.
const END_LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Resources that the demo created and removes at its end.
#[derive(Debug, Default)]
pub(super) struct DemoResources {
    server: Option<OwnServer>,
    client: Option<Client>,
    template: Option<String>,
}

/// Runs all steps; records created resources at once, so that a signal at any step can remove them.
pub(super) async fn run(args: &DemoArgs, resources: &mut DemoResources) -> Result<(), Failure> {
    let cache = cache();
    let ready = framework::ready(args.framework, &cache).await?;
    let server = resources.server.insert(OwnServer::start(args.data_dir.as_deref())?);
    let client = server.ready().await?;
    resources.client = Some(client.clone());
    step(&format!("started a server: {}, data in {}", client.base_url(), server.data_dir.display()))?;
    let template = ready.template(&summary::centre(&client).await?);
    let id = saved(&client, &template).await?;
    resources.template = Some(id.clone());
    let job = client.job_create(&json!({ "createType": "TEMPLATE", "templateId": id })).await?.data.id;
    step(&format!("created {job} from the template; output of its two workers:"))?;
    let mut progress = progress::Progress::new();
    let mut on_update = |update| progress.show(update);
    let followed =
        timeout(TRAINING_LIMIT, follow::run(&client, &job, FollowOptions::plain(Ranks::All), &mut on_update)).await;
    let detail = followed.map_err(|_| Failure::Other("the training did not end within 15 minutes".to_owned()))??;
    progress.finish();
    summary::print(&client, &detail).await?;
    verdict(&detail, progress.into_findings().faults())?;
    match args.keep {
        true => Ok(()),
        false => summary::next_commands(args.data_dir.is_some()),
    }
}

/// Creates the template and compares it with the list; returns its id.
async fn saved(client: &Client, template: &Value) -> Result<String, Failure> {
    let answer = client.template_create(template).await?;
    let id = answer.located_id().unwrap_or_default().to_owned();
    let query = TemplateListQuery { page_size: Some(MAX_PAGE_SIZE), ..TemplateListQuery::default() };
    let list = client.template_list(&query).await?.raw;
    let records = list.get("records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let record = records.iter().find(|record| record.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let sent = template.as_object().into_iter().flatten();
    match record {
        None => Err(Failure::Other(format!("template {id} was created but is not in the list"))),
        Some(record) => {
            for (field, value) in sent {
                if record.get(field) != Some(value) {
                    return Err(Failure::Other(format!(
                        "the list shows another {field} of the template than was sent"
                    )));
                }
            }
            step(&format!("created template {} ({id}) and found it in the list", template["name"]))?;
            Ok(id)
        }
    }
}

fn verdict(detail: &JobDetail, faults: Vec<String>) -> Result<(), Failure> {
    match detail.record.status {
        JobStatus::Succeeded if faults.is_empty() => Ok(()),
        JobStatus::Succeeded => Err(Failure::Other(format!("the training ended, but {}", faults.join("; ")))),
        _ => Err(Failure::Other(format!("the training did not succeed: {}", detail.record.message))),
    }
}

/// The directory for reusable files: the build directory of this program if it has one, else the user's cache.
fn cache() -> PathBuf {
    let named = env::var_os("TRAINYARD_DEMO_CACHE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let built = || {
        let program = env::current_exe().ok()?;
        let folder = program.parent()?.parent()?;
        folder.join("CACHEDIR.TAG").exists().then(|| folder.join("demo"))
    };
    let path = named.or_else(built).unwrap_or_else(paths::cache_dir);
    std::path::absolute(&path).unwrap_or(path)
}

impl DemoResources {
    /// Leaves the server running; returns whether there is a server.
    pub(super) fn keep(&mut self) -> bool {
        self.server.as_mut().map(OwnServer::keep).is_some()
    }

    /// Prints the address of the running server and how to stop it.
    pub(super) fn print_server(&self) -> Result<(), Failure> {
        let (Some(server), Some(client)) = (&self.server, &self.client) else {
            return Ok(());
        };
        let template = self.template.as_deref().unwrap_or("NAME");
        summary::running_server(client.base_url(), &server.data_dir, template, server.pid().unwrap_or_default())
    }

    /// Stops the jobs and waits for their end, then stops the server.
    pub(super) async fn clean_up(&mut self) {
        if let (Some(client), Some(template)) = (&self.client, &self.template)
            && let Err(failure) = end_jobs(client, template).await
        {
            out::report(&failure);
        }
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

/// Stops all jobs of the template. A signal may have interrupted a creation before its response arrived, so the list of
/// jobs is the only complete one.
async fn end_jobs(client: &Client, template: &str) -> Result<(), Failure> {
    let query = JobListQuery {
        page_size: Some(MAX_PAGE_SIZE),
        template_id: Some(template.to_owned()),
        ..JobListQuery::default()
    };
    let deadline = Instant::now() + END_LIMIT;
    loop {
        let jobs = client.job_list(&query).await?.data.records;
        let running: Vec<_> = jobs.iter().filter(|job| !job.status.is_end()).collect();
        if running.is_empty() {
            return Ok(());
        }
        for job in running {
            if job.status != JobStatus::Stopping {
                // The job may have ended since the list was read. The next list shows it.
                drop(client.job_stop(&job.id).await);
            }
        }
        if Instant::now() > deadline {
            return Err(Failure::Other("the job did not end within 60 s; check for remaining processes".to_owned()));
        }
        sleep(POLL_INTERVAL).await;
    }
}

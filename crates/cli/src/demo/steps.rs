//! The demo's steps, and what stands on the stage while they are played.

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

/// Training takes seconds; a job that is not done by then never will be.
const TRAINING_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The grace of a stop, and some.
const END_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What must be cleared away at the end.
#[derive(Debug, Default)]
pub(super) struct DemoResources {
    server: Option<OwnServer>,
    client: Option<Client>,
    template: Option<String>,
}

/// Plays the demo.
pub(super) async fn run(args: &DemoArgs, resources: &mut DemoResources) -> Result<(), Failure> {
    let cache = cache();
    let ready = framework::ready(args.framework, &cache).await?;
    let server = resources.server.insert(OwnServer::start(args.data_dir.as_deref())?);
    let client = server.ready().await?;
    resources.client = Some(client.clone());
    step(&format!("a server of its own: {}, data in {}", client.base_url(), server.data_dir.display()))?;
    let template = ready.template(&summary::centre(&client).await?);
    let id = saved(&client, &template).await?;
    resources.template = Some(id.clone());
    let job = client.job_create(&json!({ "createType": "TEMPLATE", "templateId": id })).await?.data.id;
    step(&format!("made the job {job} from it; these are its two workers:"))?;
    let mut progress = progress::Progress::new();
    let mut on_update = |update| progress.show(update);
    let followed =
        timeout(TRAINING_LIMIT, follow::run(&client, &job, FollowOptions::plain(Ranks::All), &mut on_update)).await;
    let detail = followed.map_err(|_| Failure::Other("the training takes too long".to_owned()))??;
    progress.finish();
    summary::print(&client, &detail).await?;
    verdict(&detail, progress.into_findings().faults())?;
    match args.keep {
        true => Ok(()),
        false => summary::how_to_go_on(args.data_dir.is_some()),
    }
}

/// Sends the template and reads it back from the list; answers its id.
async fn saved(client: &Client, template: &Value) -> Result<String, Failure> {
    let answer = client.template_create(template).await?;
    let id = answer.located_id().unwrap_or_default().to_owned();
    let query = TemplateListQuery { page_size: Some(MAX_PAGE_SIZE), ..TemplateListQuery::default() };
    let list = client.template_list(&query).await?.raw;
    let records = list.get("records").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let record = records.iter().find(|record| record.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let sent = template.as_object().into_iter().flatten();
    match record {
        None => Err(Failure::Other(format!("the template {id} was saved but is not in the list"))),
        Some(record) => {
            for (field, value) in sent {
                if record.get(field) != Some(value) {
                    return Err(Failure::Other(format!("the template's {field} did not come back as it was sent")));
                }
            }
            step(&format!("saved the template {} ({id}) and read it back from the list", template["name"]))?;
            Ok(id)
        }
    }
}

fn verdict(detail: &JobDetail, faults: Vec<String>) -> Result<(), Failure> {
    match detail.record.status {
        JobStatus::Succeeded if faults.is_empty() => Ok(()),
        JobStatus::Succeeded => Err(Failure::Other(format!("the training ran, but {}", faults.join("; ")))),
        _ => Err(Failure::Other(format!("the training did not succeed: {}", detail.record.message))),
    }
}

/// Where what can be used again lies: in the build folder this program lies in, else in the user's cache.
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
    /// Lets the server live on; answers whether there is one.
    pub(super) fn keep(&mut self) -> bool {
        self.server.as_mut().map(OwnServer::keep).is_some()
    }

    /// Says where the server that lives on is.
    pub(super) fn print_server(&self) -> Result<(), Failure> {
        let (Some(server), Some(client)) = (&self.server, &self.client) else {
            return Ok(());
        };
        let template = self.template.as_deref().unwrap_or("NAME");
        summary::kept(client.base_url(), &server.data_dir, template, server.pid().unwrap_or_default())
    }

    /// Stops the job and waits for its end, then stops the server.
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

/// Ends every job of the template: also one whose making was interrupted before its id came.
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
                // It may have ended by itself since: the next look tells.
                drop(client.job_stop(&job.id).await);
            }
        }
        if Instant::now() > deadline {
            return Err(Failure::Other("the job does not end; look for its processes".to_owned()));
        }
        sleep(LOOK_AGAIN).await;
    }
}

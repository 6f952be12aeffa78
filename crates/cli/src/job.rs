//! `job …`: create, list, show, follow, stop, restart and delete jobs.

mod create;
pub(crate) mod events;
pub(crate) mod follow;
mod log_output;
mod logs;
pub(crate) mod show;

use clap::Subcommand;
use serde_json::json;
use trainyard_api::{
    job::{JobListQuery, JobTimeout},
    template::copy::SaveAsTemplate,
};

use crate::{
    connect,
    exit::Failure,
    lookup,
    options::{GlobalOptions, Paging},
    out,
    times::{self, TimeLimit},
};

/// Arguments of `job`.
#[derive(Debug, clap::Args)]
pub(crate) struct JobArgs {
    #[command(subcommand)]
    command: JobCommand,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum JobCommand {
    /// Create a job from a template, or from a file and --set alone
    Create(create::CreateArgs),
    /// List jobs, newest first
    List {
        /// Filter by a part of the name
        #[arg(long)]
        name: Option<String>,
        /// Filter by status: Queued, Starting, Running, Retrying, Stopping, Stopped, Succeeded, Failed
        #[arg(long)]
        status: Option<String>,
        /// Filter by compute centre
        #[arg(long, value_name = "ID")]
        centre: Option<i64>,
        /// Filter by the template (id or name) from which the job was created
        #[arg(long)]
        template: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one job: status, reasons for waiting, attempts, workers, log files
    Show {
        /// Id or name of the job
        job: String,
    },
    /// Print, follow, search or save the logs of a job's workers
    Logs(logs::LogArgs),
    /// List the events of a job, oldest first
    Events(events::EventArgs),
    /// Stop a job: SIGTERM to its workers, SIGKILL after the grace period
    Stop {
        /// Id or name of the job
        job: String,
    },
    /// Run a finished job again
    Restart {
        /// Id or name of the job
        job: String,
    },
    /// Change the time limit of a job, which counts the running time of all attempts
    Timeout {
        /// Id or name of the job
        job: String,
        /// Seconds, or a duration such as 90m, 2h, 1d12h; none removes the limit
        #[arg(value_parser = times::parse_limit)]
        limit: TimeLimit,
    },
    /// Save the requested settings of a job as a template
    SaveAsTemplate {
        /// Id or name of the job
        job: String,
        /// Name of the new template
        name: String,
    },
    /// Delete a job that has ended, with its logs and files
    Delete {
        /// Id or name of the job
        job: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: JobArgs) -> Result<(), Failure> {
    let format = args.options.output;
    let client = || connect::client(&args.options);
    match args.command {
        JobCommand::Create(create) => create::run(&client, create, format).await,
        JobCommand::List { name, status, centre, template, paging } => {
            let client = client()?;
            let template_id = match template {
                Some(template) => Some(lookup::template(&client, &template).await?),
                None => None,
            };
            let query = JobListQuery {
                page_no: paging.page,
                page_size: Some(paging.page_size),
                name,
                status,
                aidc_id: centre,
                template_id,
            };
            let answer = client.job_list(&query).await?;
            out::show(format, &answer.raw, || show::list(&answer.data))
        }
        JobCommand::Show { job } => {
            let client = client()?;
            let answer = client.job_detail(&lookup::job(&client, &job).await?).await?;
            out::show(format, &answer.raw, || show::detail(&answer.data))
        }
        JobCommand::Logs(logs) => logs::run(&client()?, logs).await,
        JobCommand::Events(events) => events::run(&client()?, events, format).await,
        JobCommand::Stop { job } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_stop(&id).await?;
            out::show(format, &answer.raw, || format!("requested the stop of {id}"))
        }
        JobCommand::Restart { job } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_restart(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is queued again"))
        }
        JobCommand::Timeout { job, limit } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_timeout(&id, JobTimeout { timeout_seconds: limit.0 }).await?;
            out::show(format, &answer.raw, || match limit.0 {
                Some(seconds) => {
                    let limit = times::span(i64::try_from(seconds).unwrap_or(i64::MAX));
                    format!("time limit of {id} is now {limit}")
                }
                None => format!("{id} has no time limit now"),
            })
        }
        JobCommand::SaveAsTemplate { job, name } => {
            let client = client()?;
            let job = lookup::job(&client, &job).await?;
            let answer = client.job_save(&job, &SaveAsTemplate { name, visibility: None }).await?;
            let id = answer.located_id().unwrap_or_default();
            out::show(format, &json!({ "id": id }), || id.to_owned())
        }
        JobCommand::Delete { job } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_delete(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is deleted"))
        }
    }
}

//! `job …`: making jobs, watching them, stopping and restarting them.

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
    /// Make a job from a template, or from a file and --set alone
    Create(create::CreateArgs),
    /// List jobs, the newest first
    List {
        /// Only those with this in their name
        #[arg(long)]
        name: Option<String>,
        /// Only those with this status, such as Running or Queued
        #[arg(long)]
        status: Option<String>,
        /// Only those of this compute centre
        #[arg(long, value_name = "ID")]
        centre: Option<i64>,
        /// Only those made from this template (id or name)
        #[arg(long)]
        template: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one job: its state, what it waits for, its attempts and workers
    Show {
        /// Id or name
        job: String,
    },
    /// Print what a job's workers write
    Logs(logs::LogArgs),
    /// List what happened to a job
    Events(events::EventArgs),
    /// Stop a job
    Stop {
        /// Id or name
        job: String,
    },
    /// Have a job that has ended run once more
    Restart {
        /// Id or name
        job: String,
    },
    /// Give a job another limit of running time, summed over its attempts
    Timeout {
        /// Id or name
        job: String,
        /// Seconds, or a time such as 90m, 2h, 1d12h; `none` takes the limit away
        #[arg(value_parser = times::parse_limit)]
        limit: TimeLimit,
    },
    /// Save what a job was asked to be as a template
    SaveAsTemplate {
        /// Id or name
        job: String,
        /// Name of the template
        name: String,
    },
    /// Delete a job that has ended
    Delete {
        /// Id or name
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
            out::show(format, &answer.raw, || format!("{id} is asked to stop"))
        }
        JobCommand::Restart { job } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_restart(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is in the queue again"))
        }
        JobCommand::Timeout { job, limit } => {
            let client = client()?;
            let id = lookup::job(&client, &job).await?;
            let answer = client.job_timeout(&id, JobTimeout { timeout_seconds: limit.0 }).await?;
            out::show(format, &answer.raw, || match limit.0 {
                Some(seconds) => format!("{id} may run for {seconds} s in all"),
                None => format!("{id} may run without end"),
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

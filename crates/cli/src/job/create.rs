//! `job create`: creates a job from a template with overrides, or from a file and settings alone.

#[cfg(test)]
mod tests;

use clap::ArgGroup;
use serde_json::{Map, Value};
use trainyard_api::Client;

use super::{
    follow::{FollowOptions, Ranks},
    logs,
};
use crate::{
    exit::Failure,
    lookup,
    out::{self, Format},
    request::RequestArgs,
    table,
};

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --template, the file and --set override settings of the template: null unsets a setting, \
    and mounts merge by mount path. --set takes precedence over the file."
)]
#[command(group(ArgGroup::new("source").args(["template", "file", "set"]).required(true).multiple(true)))]
pub(crate) struct CreateArgs {
    /// Template (id or name)
    #[arg(long)]
    template: Option<String>,
    #[command(flatten)]
    request: RequestArgs,
    /// Follow the logs of all workers until the job ends; the exit code says how it ended.
    /// Ctrl-C stops following, not the job
    #[arg(long)]
    follow: bool,
}

/// Runs the command.
pub(crate) async fn run(
    client: impl Fn() -> Result<Client, Failure>,
    args: CreateArgs,
    format: Format,
) -> Result<(), Failure> {
    let mut body = body(args.request.body()?, args.template.is_some());
    let client = client()?;
    if let Some(template) = &args.template {
        let id = lookup::template(&client, template).await?;
        args.request.add_parameters(&client, &id, &mut body).await?;
        body.insert("templateId".to_owned(), id.into());
    }
    let answer = client.job_create(&body).await?;
    let id = &answer.data.id;
    for warning in &answer.data.warnings {
        out::note(&format!("warning: {}: {}", table::safe(&warning.path), table::safe(&warning.message)));
    }
    if !args.follow {
        return out::show(format, &answer.raw, || id.clone());
    }
    out::note(&format!("created {id}; Ctrl-C stops following, not the job"));
    logs::follow(&client, id, FollowOptions::plain(Ranks::All)).await
}

/// Adds `createType` to the body. A file may name `TEMPLATE` and its own `templateId`.
fn body(mut body: Map<String, Value>, from_template: bool) -> Map<String, Value> {
    if from_template {
        body.insert("createType".to_owned(), "TEMPLATE".into());
    } else {
        body.entry("createType").or_insert_with(|| "CUSTOM".into());
    }
    body
}

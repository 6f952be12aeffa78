//! `template …`: saving templates and managing them.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use trainyard_api::spec::{TrainingFramwork, TrainingType};
use trainyard_api::template::{TemplateDetail, TemplateListQuery, TemplateRecord};
use trainyard_api::{Client, Page};

use crate::args::Common;
use crate::exit::Failure;
use crate::{body, connect, name, out, paging, table, times};

/// Arguments of `template`.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    command: TemplateCommand,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum TemplateCommand {
    /// Save a template
    Create {
        /// File with the template as YAML or JSON; `-` is standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List templates, the newest first
    List {
        /// Only those with this in their name
        #[arg(long)]
        name: Option<String>,
        /// Only those of this compute centre
        #[arg(long, value_name = "ID")]
        centre: Option<i64>,
        /// Only those of this kind of training: PRE_TRAINING, HPC
        #[arg(long = "type", value_name = "TYPE", value_parser = word::<TrainingType>)]
        training_type: Option<TrainingType>,
        /// Only those of this framework: PyTorch, DeepSpeed, MPI, TensorFlow
        #[arg(long, value_parser = word::<TrainingFramwork>)]
        framework: Option<TrainingFramwork>,
        #[command(flatten)]
        paging: paging::Paging,
    },
    /// Show one template
    Show {
        /// Id or name
        template: String,
    },
    /// Replace a template's content by that of a file
    Update {
        /// Id or name
        template: String,
        /// File with the whole new content as YAML or JSON; `-` is standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Refuse if the template is no longer at this revision; by default the one it has when the command starts
        #[arg(long)]
        revision: Option<u64>,
    },
    /// Delete a template; jobs made from it are not touched
    Delete {
        /// Id or name
        template: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: TemplateArgs) -> Result<(), Failure> {
    let format = args.common.output;
    match args.command {
        TemplateCommand::Create { file } => {
            let body = body::read(&file)?;
            let answer = connect::client(&args.common)?.template_create(&body).await?;
            // The published answer is empty; what a script needs next is the id.
            let id = answer.located_id().unwrap_or_default();
            out::show(format, &json!({ "id": id }), || id.to_owned())
        }
        TemplateCommand::List { name, centre, training_type, framework, paging } => {
            let query = TemplateListQuery {
                page_no: paging.page,
                page_size: Some(paging.page_size),
                name,
                aidc_id: centre,
                training_type,
                training_framwork: framework,
            };
            let answer = connect::client(&args.common)?.template_list(&query).await?;
            out::show(format, &answer.raw, || list(&answer.data))
        }
        TemplateCommand::Show { template } => {
            let client = connect::client(&args.common)?;
            let answer = client.template_detail(&name::template(&client, &template).await?).await?;
            out::show(format, &answer.raw, || detail(&answer.data))
        }
        TemplateCommand::Update { template, file, revision } => {
            let body = body::read(&file)?;
            let client = connect::client(&args.common)?;
            let id = name::template(&client, &template).await?;
            let answer = client.template_update(&id, current(&client, &id, revision).await?, &body).await?;
            let (version, revision) = (answer.data.version, answer.data.revision);
            out::show(format, &answer.raw, || format!("{id} is at version {version}, revision {revision}"))
        }
        TemplateCommand::Delete { template } => {
            let client = connect::client(&args.common)?;
            let id = name::template(&client, &template).await?;
            let answer = client.template_delete(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is deleted"))
        }
    }
}

async fn current(client: &Client, id: &str, given: Option<u64>) -> Result<u64, Failure> {
    match given {
        Some(revision) => Ok(revision),
        None => Ok(client.template_detail(id).await?.data.record.revision),
    }
}

/// A word of the contract, as it is written there.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn list(page: &Page<TemplateRecord>) -> String {
    let rows = page.records.iter().map(|record| {
        vec![
            record.id.clone(),
            record.body.name.clone().unwrap_or_default(),
            record.version.to_string(),
            record.body.spec.training_framwork.map(framework).unwrap_or_default(),
            record.body.spec.aidc_id.map(|id| id.to_string()).unwrap_or_default(),
            record.create_by.clone(),
            times::local(Some(record.updated_time_ms)),
        ]
    });
    let text = table::rows(&["id", "name", "version", "framework", "centre", "by", "updated"], rows);
    paging::with_rest(text, page)
}

fn framework(framework: TrainingFramwork) -> String {
    json!(framework).as_str().unwrap_or_default().to_owned()
}

fn detail(detail: &TemplateDetail) -> String {
    let record = &detail.record;
    let head = table::fields(&[
        ("id", record.id.clone()),
        ("version", format!("{}, revision {}", record.version, record.revision)),
        ("project", record.project.clone()),
        ("created", format!("{} by {}", times::local(Some(record.created_time_ms)), record.create_by)),
        ("updated", times::local(Some(record.updated_time_ms))),
        ("runnable", if detail.runnable { "yes" } else { "not yet" }.to_owned()),
    ]);
    let content = serde_yaml_ng::to_string(&record.body).unwrap_or_default();
    let warnings = detail.warnings.iter().map(|warning| match warning.path.as_str() {
        "" => format!("\nwarning: {}", table::safe(&warning.message)),
        path => format!("\nwarning: {path}: {}", table::safe(&warning.message)),
    });
    format!("{head}\n\n{}{}", content.trim_end(), warnings.collect::<String>())
}

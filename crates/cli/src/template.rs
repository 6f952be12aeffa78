//! `template …`: create, list, show, preview, change, compare, import, export and delete templates.

mod edit;
mod import_export;
mod list;
mod preview;
mod versions;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use trainyard_api::{
    Client, PageQuery,
    template::{TemplateDetail, Visibility, copy::TemplateCopy, version::DiffQuery},
};

use crate::{
    body, connect,
    exit::Failure,
    lookup,
    options::{GlobalOptions, Paging},
    out,
    request::RequestArgs,
    table, times,
};

/// Arguments of `template`.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    command: TemplateCommand,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum TemplateCommand {
    /// Create a template from a YAML or JSON file of its fields
    Create {
        /// YAML or JSON file with the template; use - for standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List templates, newest first
    List(list::ListArgs),
    /// Show one template, or one of its versions
    Show {
        /// Id or name of the template
        template: String,
        /// Version to show [default: the default version]
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Show the job that a template would create, and its problems; creates nothing
    Preview {
        /// Id or name of the template
        template: String,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// List the versions of a template, newest first
    Versions {
        /// Id or name of the template
        template: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// Compare two versions of a template
    Diff {
        /// Id or name of the template
        template: String,
        /// Base version of the comparison
        from: u32,
        /// Version to compare with it [default: the default version]
        to: Option<u32>,
    },
    /// Choose the default version, which jobs use if they name none
    Default {
        /// Id or name of the template
        template: String,
        /// Number of the version
        version: u64,
    },
    /// Copy a template
    Copy {
        /// Id or name of the template
        template: String,
        /// Name of the copy
        name: String,
        /// Version to copy [default: the default version]
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Visibility of the copy: private (you and the managers of the project), project, public (all projects) [default: project]
        #[arg(long, value_parser = word::<Visibility>)]
        visibility: Option<Visibility>,
    },
    /// Change a template in your editor ($VISUAL, $EDITOR); checks the text, shows the changes and saves them
    Edit(edit::EditArgs),
    /// Export a template as YAML, JSON or an sbatch script
    Export(import_export::ExportArgs),
    /// Create a template from a file: Trainyard YAML or JSON, an sbatch script, a Kubeflow PyTorchJob or TrainJob
    Import(import_export::ImportArgs),
    /// Hide a template from lists; it stays usable by its id
    Archive {
        /// Id or name of the template
        template: String,
    },
    /// Show a template in lists again
    Unarchive {
        /// Id or name of the template
        template: String,
    },
    /// Replace the content of a template by that of a file
    Update {
        /// Id or name of the template
        template: String,
        /// YAML or JSON file with the whole new content; use - for standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Fail unless the template is at this revision [default: its revision when the command starts]
        #[arg(long)]
        revision: Option<u64>,
        /// Reason for the change, saved with the new version
        #[arg(short = 'm', long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Delete a template; its jobs stay
    Delete {
        /// Id or name of the template
        template: String,
    },
}

/// Runs the command.
pub(crate) async fn run(args: TemplateArgs) -> Result<(), Failure> {
    let format = args.options.output;
    match args.command {
        TemplateCommand::Create { file } => {
            let body = body::read(&file)?;
            let answer = connect::client(&args.options)?.template_create(&body).await?;
            // The published response is empty. The id, which a script needs next, is in the `Location` header.
            let id = answer.located_id().unwrap_or_default();
            out::show(format, &json!({ "id": id }), || id.to_owned())
        }
        TemplateCommand::List(list) => list::run(&connect::client(&args.options)?, list, format).await,
        TemplateCommand::Show { template, version } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            if let Some(version) = version {
                let answer = client.version_detail(&id, version).await?;
                return out::show(format, &answer.raw, || versions::detail(&answer.data));
            }
            let answer = client.template_detail(&id).await?;
            out::show(format, &answer.raw, || detail(&answer.data))
        }
        TemplateCommand::Preview { template, request } => {
            let mut body = request.body()?;
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            request.add_parameters(&client, &id, &mut body).await?;
            let answer = client.template_preview(&id, &body).await?;
            out::show(format, &answer.raw, || preview::show(&answer.data))?;
            if answer.data.runnable { Ok(()) } else { Err(Failure::NotRunnable) }
        }
        TemplateCommand::Versions { template, paging } => {
            let client = connect::client(&args.options)?;
            let query = PageQuery { page_no: paging.page, page_size: Some(paging.page_size) };
            let answer = client.version_list(&lookup::template(&client, &template).await?, &query).await?;
            out::show(format, &answer.raw, || versions::list(&answer.data))
        }
        TemplateCommand::Diff { template, from, to } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            let to = match to {
                Some(to) => to,
                None => u32::try_from(client.template_detail(&id).await?.data.record.version).unwrap_or(u32::MAX),
            };
            let answer = client.template_diff(&id, DiffQuery { from, to }).await?;
            out::show(format, &answer.raw, || versions::changes(&answer.data.changes))
        }
        TemplateCommand::Default { template, version } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            let answer = client.set_default_version(&id, version).await?;
            out::show(format, &answer.raw, || format!("version {version} is the default of {id}"))
        }
        TemplateCommand::Copy { template, name, version, visibility } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            let answer = client.template_copy(&id, &TemplateCopy { name, version, visibility }).await?;
            let id = answer.located_id().unwrap_or_default();
            out::show(format, &json!({ "id": id }), || id.to_owned())
        }
        TemplateCommand::Edit(edit) => edit::run(&connect::client(&args.options)?, edit, format).await,
        TemplateCommand::Export(export) => {
            import_export::export(&connect::client(&args.options)?, export, format).await
        }
        TemplateCommand::Import(import) => {
            import_export::import(&connect::client(&args.options)?, import, format).await
        }
        TemplateCommand::Archive { template } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            let answer = client.template_archive(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is archived"))
        }
        TemplateCommand::Unarchive { template } => {
            let client = connect::client(&args.options)?;
            let id = lookup::archived_template(&client, &template).await?;
            let answer = client.template_unarchive(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is in lists again"))
        }
        TemplateCommand::Update { template, file, revision, comment } => {
            let mut body = body::read(&file)?;
            body.extend(comment.map(|comment| ("comment".to_owned(), comment.into())));
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
            let answer = client.template_update(&id, current(&client, &id, revision).await?, &body).await?;
            let (version, revision) = (answer.data.version, answer.data.revision);
            out::show(format, &answer.raw, || format!("{id} is at version {version}, revision {revision}"))
        }
        TemplateCommand::Delete { template } => {
            let client = connect::client(&args.options)?;
            let id = lookup::template(&client, &template).await?;
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

/// Parses a word of the contract, such as `PRE_TRAINING`.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn detail(detail: &TemplateDetail) -> String {
    let record = &detail.record;
    let head = table::fields(&[
        ("id", record.id.clone()),
        ("version", format!("{}, revision {}", record.version, record.revision)),
        ("project", record.project.clone()),
        ("created", format!("{} by {}", times::local(Some(record.created_time_ms)), record.create_by)),
        ("updated", times::local(Some(record.updated_time_ms))),
        ("used", versions::usage(&detail.usage)),
        ("runnable", if detail.runnable { "yes" } else { "not yet" }.to_owned()),
    ]);
    let content = serde_yaml_ng::to_string(&record.body).unwrap_or_default();
    let warnings = detail.warnings.iter().map(|warning| match warning.path.as_str() {
        "" => format!("\nwarning: {}", table::safe(&warning.message)),
        path => format!("\nwarning: {path}: {}", table::safe(&warning.message)),
    });
    format!("{head}\n\n{}{}", content.trim_end(), warnings.collect::<String>())
}

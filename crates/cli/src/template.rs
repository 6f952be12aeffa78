//! `template …`: saving templates and managing them.

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
    /// Save a template
    Create {
        /// File with the template as YAML or JSON; `-` is standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// List templates, the newest first
    List(list::ListArgs),
    /// Show one template, or one of its versions
    Show {
        /// Id or name
        template: String,
        /// Version to show; by default the default version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Show what a job made from a template would be, and what would keep it from running; makes nothing
    Preview {
        /// Id or name
        template: String,
        #[command(flatten)]
        request: RequestArgs,
    },
    /// List a template's versions, the newest first
    Versions {
        /// Id or name
        template: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// Compare two versions of a template
    Diff {
        /// Id or name
        template: String,
        /// Version to compare with
        from: u32,
        /// Version to compare; by default the default version
        to: Option<u32>,
    },
    /// Choose the version that is used where none is named
    Default {
        /// Id or name
        template: String,
        /// The version
        version: u64,
    },
    /// Copy a template
    Copy {
        /// Id or name
        template: String,
        /// Name of the copy
        name: String,
        /// Version to copy; by default the default version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// Who sees the copy: private, project, public
        #[arg(long, value_parser = word::<Visibility>)]
        visibility: Option<Visibility>,
    },
    /// Change a template in your editor ($VISUAL, $EDITOR): what it says is judged, shown and then saved
    Edit(edit::EditArgs),
    /// Write a template down as YAML, as JSON, or as an sbatch script
    Export(import_export::ExportArgs),
    /// Make a template of a file: ours as YAML or JSON, an sbatch script, a PyTorchJob or TrainJob of Kubeflow
    Import(import_export::ImportArgs),
    /// Hide a template from lists; by its id it can be used as before
    Archive {
        /// Id or name
        template: String,
    },
    /// Show a template in lists again
    Unarchive {
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
        /// Why the template is changed; kept with the version that this makes
        #[arg(short = 'm', long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Delete a template; jobs made from it are not touched
    Delete {
        /// Id or name
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
            // The published answer is empty; what a script needs next is the id.
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

/// A word of the contract, as it is written there.
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

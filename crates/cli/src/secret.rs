//! `secret …`: create, list and delete the secrets of a project. A value never stands on the command line.

use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::PathBuf,
};

use clap::Subcommand;
use trainyard_api::{
    Page, PageQuery,
    secret::{SecretCreate, SecretDeleteQuery, SecretRecord, SecretScope},
};

use crate::{
    connect,
    exit::Failure,
    options::{self, GlobalOptions, Paging},
    out, table, times,
};

/// Arguments of `secret`.
#[derive(Debug, clap::Args)]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    command: SecretCommand,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Create a secret, or replace its value
    #[command(
        after_help = "Prompts for the value without showing it, or reads standard input. One line break at the end \
        is not part of the value.\n\nUse it in a template or job: --set 'env.WANDB_API_KEY={\"secret\":\"wandb\"}'"
    )]
    Create {
        /// Name with which `env` names the secret
        name: String,
        /// Read the value from a file
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
        /// For your own jobs only; by default for all jobs of the project
        #[arg(long)]
        personal: bool,
        /// Replace the value if the secret exists; running jobs keep the old one
        #[arg(long)]
        replace: bool,
    },
    /// List secrets, without their values
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Delete a secret; running jobs keep it, and jobs that have not started wait
    Delete {
        /// Name of the secret
        name: String,
        /// Scope: project or personal; needed if both exist
        #[arg(long, value_parser = scope)]
        scope: Option<SecretScope>,
        /// User of a personal secret, for managers and admins [default: yourself]
        #[arg(long)]
        user: Option<String>,
        /// Project of the secret, for admins [default: the project of the key]
        #[arg(long)]
        project: Option<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(args: SecretArgs) -> Result<(), Failure> {
    let format = args.options.output;
    let client = connect::client(&args.options)?;
    match args.command {
        SecretCommand::Create { name, from_file, personal, replace } => {
            let value = value(&name, from_file)?;
            let scope = personal.then_some(SecretScope::Personal);
            let body = SecretCreate { name, value, scope, replace: replace.then_some(true) };
            let answer = client.secret_create(&body).await?;
            out::show(format, &answer.raw, || created(&answer.data))
        }
        SecretCommand::List { paging } => {
            let query = PageQuery { page_no: paging.page, page_size: Some(paging.page_size) };
            let answer = client.secret_list(&query).await?;
            out::show(format, &answer.raw, || list(&answer.data))
        }
        SecretCommand::Delete { name, scope, user, project } => {
            let query = SecretDeleteQuery { scope, user, project };
            let answer = client.secret_delete(&name, &query).await?;
            out::show(format, &answer.raw, || format!("{name} is deleted; running jobs keep it"))
        }
    }
}

fn scope(text: &str) -> Result<SecretScope, String> {
    serde_json::from_value(text.into()).map_err(|_| "must be project or personal".to_owned())
}

/// The value from the file, from a prompt that does not show it, or from standard input.
fn value(name: &str, file: Option<PathBuf>) -> Result<String, Failure> {
    let read = match &file {
        Some(path) => fs::read(path),
        None if io::stdin().is_terminal() => {
            drop(write!(io::stderr().lock(), "value of {name}: "));
            console::Term::stderr().read_secure_line().map(String::into_bytes)
        }
        None => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
    };
    let place = file.map_or_else(|| "the value".to_owned(), |path| path.display().to_string());
    let bytes = read.map_err(|error| Failure::Usage(format!("cannot read {place}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::Usage(format!(
            "{place} is not UTF-8 text; encode it, such as with base64, and decode it in the command"
        ))
    })?;
    let value = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).unwrap_or(&text);
    match value.is_empty() {
        true => {
            Err(Failure::Usage("no value given; type it, pass it on standard input, or use --from-file".to_owned()))
        }
        false => Ok(value.to_owned()),
    }
}

fn created(record: &SecretRecord) -> String {
    let name = &record.name;
    let jobs = if record.user.is_some() { "your jobs in the project" } else { "all jobs of the project" };
    format!("{name} is set for {jobs} {}; use it as {{\"secret\": \"{name}\"}} in `env`", record.project)
}

fn list(page: &Page<SecretRecord>) -> String {
    let rows = page.records.iter().map(|record| {
        vec![
            record.name.clone(),
            record.user.as_ref().map_or_else(|| "project".to_owned(), |user| format!("personal ({user})")),
            record.project.clone(),
            record.update_by.clone(),
            times::local(Some(record.updated_time_ms)),
            if record.usable { "" } else { "cannot be opened: put the right secret.key back, or set it again" }
                .to_owned(),
        ]
    });
    options::with_rest(table::rows(&["name", "scope", "project", "set by", "set", "problem"], rows), page)
}

//! `key …`: create, list and revoke API keys; replace a lost admin key.

use std::path::PathBuf;

use clap::Subcommand;
use trainyard_api::{
    Page, PageQuery,
    key::{KeyCreate, KeyCreated, KeyRecord, Role},
};

use crate::{
    connect,
    exit::Failure,
    options::{self, GlobalOptions, Paging},
    out, paths, table, times,
};

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    options: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Create a key; its text is shown only once
    Create {
        /// Name that says what the key is for
        name: String,
        /// User of the key; a new user is created
        #[arg(long)]
        user: String,
        /// Project of the key; a new project is created
        #[arg(long)]
        project: String,
        /// Rights: admin (the whole server), manager (the whole project), member (the user's own jobs and templates),
        /// viewer (reads the project)
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        /// Expiry time, yyyy-MM-dd HH:mm:ss in the time zone of the server [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List API keys, without their text
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Revoke a key; calls with it fail from then on
    Revoke {
        /// Id of the key, as `key list` shows it
        id: String,
    },
    /// Replace a lost admin key; the server must be stopped
    #[command(after_help = "Changes the data directory (--data-dir) and does not use the API.")]
    ResetAdmin,
}

/// Runs the command.
pub(crate) async fn run(args: KeyArgs) -> Result<(), Failure> {
    let format = args.options.output;
    match args.command {
        KeyCommand::Create { name, user, project, role, expires } => {
            let body = KeyCreate { name, user, project, role, expires };
            let answer = connect::client(&args.options)?.key_create(&body).await?;
            out::show(format, &answer.raw, || created(&answer.data))
        }
        KeyCommand::List { paging } => {
            let query = PageQuery { page_no: paging.page, page_size: Some(paging.page_size) };
            let answer = connect::client(&args.options)?.key_list(&query).await?;
            out::show(format, &answer.raw, || list(&answer.data))
        }
        KeyCommand::Revoke { id } => {
            let answer = connect::client(&args.options)?.key_delete(&id).await?;
            out::show(format, &answer.raw, || format!("{id} is revoked"))
        }
        KeyCommand::ResetAdmin => reset_admin(args.options.data_dir.unwrap_or_else(paths::default_data_dir)).await,
    }
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into()).map_err(|_| "must be admin, manager, member or viewer".to_owned())
}

fn created(created: &KeyCreated) -> String {
    let note = "(shown only once; save it now)";
    format!("{}\n\n{}\n{note}", table::fields(&fields(&created.record)), created.key)
}

fn fields(record: &KeyRecord) -> [(&'static str, String); 6] {
    [
        ("id", record.id.clone()),
        ("name", record.name.clone()),
        ("user", record.user.clone()),
        ("project", record.project.clone()),
        ("role", role_word(record.role).to_owned()),
        ("expires", times::local(record.expires_ms)),
    ]
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Manager => "manager",
        Role::Member => "member",
        Role::Viewer => "viewer",
    }
}

fn list(page: &Page<KeyRecord>) -> String {
    let rows = page.records.iter().map(|record| {
        let mut row: Vec<String> = fields(record).into_iter().map(|(_, value)| value).collect();
        row.push(times::local(Some(record.created_time_ms)));
        row.push(times::local(record.last_used_time_ms));
        row
    });
    options::with_rest(
        table::rows(&["id", "name", "user", "project", "role", "expires", "created", "last used"], rows),
        page,
    )
}

async fn reset_admin(data_dir: PathBuf) -> Result<(), Failure> {
    let path = trainyard_server::keys::reset_admin(&data_dir).await;
    let path = path.map_err(|error| Failure::because("cannot replace the admin key", error))?;
    out::note("the old admin key is revoked; the new key is in");
    out::line(&path.display().to_string())
}

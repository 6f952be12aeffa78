//! `key …`: API keys, and the way back in for who has lost the admin key.

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
    /// Make a key; its text is shown once
    Create {
        /// What the key is for
        name: String,
        /// User who acts with it; made when first named
        #[arg(long)]
        user: String,
        /// Project it works in; made when first named
        #[arg(long)]
        project: String,
        /// What it may do: admin (the server), manager (the project), member (own jobs and templates), viewer
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        /// Until when it is valid, `yyyy-MM-dd HH:mm:ss` in the server's time zone; by default without end
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List keys
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Revoke a key
    Revoke {
        /// Id of the key
        id: String,
    },
    /// Make a new admin key in place of a lost one; the server must be stopped
    ///
    /// Works on the data directory (--data-dir), not through the API.
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
    let note = "(shown this once; keep it now)";
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
    let path = path.map_err(|error| Failure::because("the admin key was not replaced", error))?;
    out::note("the old admin key is revoked; the new one lies in");
    out::line(&path.display().to_string())
}

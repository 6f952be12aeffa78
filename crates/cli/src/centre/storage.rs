//! `centre storage …`: add, list and remove the storages that jobs of a centre can mount.

use clap::Subcommand;
use trainyard_api::centre::{Centre, Storage, StorageCreate};

use crate::{connect, exit::Failure, lookup, options::GlobalOptions, out, table};

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Add a storage, so that jobs can mount it
    Add {
        /// Existing directory on the host of the centre
        path: String,
        /// Storage type: nas-capacity, nas-performance
        #[arg(long = "type", value_name = "TYPE", default_value = "nas-capacity")]
        kind: String,
        /// Id that mounts use [default: a generated id]
        #[arg(long)]
        id: Option<String>,
        /// Name to display
        #[arg(long)]
        name: Option<String>,
        /// Let jobs read the storage but not write to it
        #[arg(long)]
        read_only: bool,
        #[command(flatten)]
        centre: CentreOption,
    },
    /// List the storages of a centre
    List {
        #[command(flatten)]
        centre: CentreOption,
    },
    /// Remove a storage that was added by a call; its files stay
    Remove {
        /// Id of the storage
        id: String,
        #[command(flatten)]
        centre: CentreOption,
    },
}

/// The option that selects a centre.
#[derive(Debug, clap::Args)]
pub(crate) struct CentreOption {
    /// Id or name of the centre [default: the centre with the lowest id]
    #[arg(long, value_name = "CENTRE")]
    centre: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(options: &GlobalOptions, command: StorageCommand) -> Result<(), Failure> {
    let client = connect::client(options)?;
    let centres = async || -> Result<Vec<Centre>, Failure> { Ok(client.centre_list().await?.data) };
    match command {
        StorageCommand::Add { path, kind, id, name, read_only, centre } => {
            let read_only = read_only.then_some(true);
            let body = StorageCreate { storage_id: id, storage_type: kind, path, read_only, name };
            let answer = client.storage_create(centre.id_among(&centres().await?)?, &body).await?;
            out::show(options.output, &answer.raw, || format!("added storage {}", answer.data.storage_id))
        }
        StorageCommand::List { centre } => {
            let answer = client.storage_list(centre.id_among(&centres().await?)?).await?;
            out::show(options.output, &answer.raw, || list(&answer.data))
        }
        StorageCommand::Remove { id, centre } => {
            let answer = client.storage_delete(centre.id_among(&centres().await?)?, &id).await?;
            out::show(options.output, &answer.raw, || format!("removed storage {id}; its files stay"))
        }
    }
}

impl CentreOption {
    fn id_among(&self, centres: &[Centre]) -> Result<i64, Failure> {
        lookup::centre(centres, self.centre.as_deref())
            .and_then(|at| centres.get(at))
            .map(|centre| centre.id)
            .ok_or_else(|| lookup::unknown_centre(self.centre.as_deref()))
    }
}

fn list(storages: &[Storage]) -> String {
    let rows = storages.iter().map(|storage| {
        vec![
            storage.storage_id.clone(),
            storage.name.clone().unwrap_or_default(),
            storage.storage_type.clone(),
            storage.path.clone(),
            if storage.read_only { "read" } else { "read, write" }.to_owned(),
            if storage.configured { "configuration" } else { "added" }.to_owned(),
        ]
    });
    table::rows(&["id", "name", "type", "path", "access", "from"], rows)
}

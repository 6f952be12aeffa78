//! `backup` and `restore`: the database as one file, and back.

use std::path::PathBuf;

use trainyard_server::backup;

use crate::{exit::Failure, out, places};

/// Arguments of both.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The backup
    file: PathBuf,
    /// Data directory of this machine's own server [default: /var/lib/trainyard as root, else ~/.local/share/trainyard]
    #[arg(long, value_name = "DIR", env = "TRAINYARD_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// Makes a backup.
pub(crate) async fn make(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(places::default_data_dir);
    let made = backup::make(&data_dir, &args.file).await;
    made.map_err(|error| Failure::because("there is no backup", error))?;
    out::line(&format!("{} is a copy of the database as it was just now", args.file.display()))
}

/// Puts one back.
pub(crate) async fn restore(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(places::default_data_dir);
    let before = backup::restore(&data_dir, &args.file).await;
    if let Some(before) = before.map_err(|error| Failure::because("nothing was restored", error))? {
        out::note("the database that was there before lies in");
        out::line(&before.display().to_string())?;
    }
    out::note("start the server to go on from the backup");
    Ok(())
}

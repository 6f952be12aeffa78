//! `serve`, `backup` and `restore`: run the server of this machine, copy and replace its database.
//!
//! These commands call `trainyard-server` directly and do not use the API.

use std::path::PathBuf;

use trainyard_server::{
    backup,
    config::{self, Overrides},
};

use crate::{exit::Failure, out, paths};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Each option is also an environment variable (TRAINYARD_LISTEN, TRAINYARD_DATA_DIR, …) and a \
    key of the configuration file. Options take precedence over variables, and variables over the file.")]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free port [default: 127.0.0.1:8470]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Directory for the database, logs and files of jobs
    /// [default: /var/lib/trainyard as root, else ~/.local/share/trainyard]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file in TOML
    #[arg(long, value_name = "FILE", env = "TRAINYARD_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Time zone of the times in responses, such as Asia/Shanghai [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

/// Runs the server until a signal stops it.
pub(crate) async fn serve(args: ServeArgs) -> Result<(), Failure> {
    let ServeArgs { listen, data_dir, config, time_zone } = args;
    let config = config::load(Overrides { listen, data_dir, config, time_zone })
        .map_err(|error| Failure::Usage(error.to_string()))?;
    trainyard_server::run(config).await.map_err(|error| Failure::Other(error.to_string()))
}

/// Arguments of `backup` and of `restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// File of the backup
    file: PathBuf,
    /// Data directory of this machine's server
    /// [default: /var/lib/trainyard as root, else ~/.local/share/trainyard]
    #[arg(long, value_name = "DIR", env = "TRAINYARD_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
}

/// Copies the database to a new file.
pub(crate) async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(paths::default_data_dir);
    let saved = backup::make(&data_dir, &args.file).await;
    saved.map_err(|error| Failure::because("cannot create the backup", error))?;
    out::line(&format!("saved a backup of the database in {}", args.file.display()))
}

/// Replaces the database by a backup. Standard output names the file of the previous database, for scripts.
pub(crate) async fn restore(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(paths::default_data_dir);
    let before = backup::restore(&data_dir, &args.file).await;
    if let Some(before) = before.map_err(|error| Failure::because("cannot restore the backup", error))? {
        out::note("the previous database is now in");
        out::line(&before.display().to_string())?;
    }
    out::note("start the server to use the restored database");
    Ok(())
}

//! `serve`, `backup` and `restore`: run this machine's own server, and copy its database. None of them uses the API.

use std::path::PathBuf;

use trainyard_server::{
    backup,
    config::{self, Overrides},
};

use crate::{exit::Failure, out, paths};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Every option is also a variable (TRAINYARD_LISTEN, TRAINYARD_DATA_DIR, …) and a line of the \
    configuration file; the command line wins over the variables, and these over the file.")]
pub(crate) struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:8470]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Directory for everything it keeps [default: /var/lib/trainyard as root, else ~/.local/share/trainyard]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "TRAINYARD_CONFIG")]
    config: Option<PathBuf>,
    /// Time zone of the times in answers, such as Asia/Shanghai [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

/// Runs the server until it is told to stop.
pub(crate) async fn serve(args: ServeArgs) -> Result<(), Failure> {
    let ServeArgs { listen, data_dir, config, time_zone } = args;
    let config = config::load(Overrides { listen, data_dir, config, time_zone })
        .map_err(|error| Failure::Usage(error.to_string()))?;
    trainyard_server::run(config).await.map_err(|error| Failure::Other(error.to_string()))
}

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
pub(crate) async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(paths::default_data_dir);
    let made = backup::make(&data_dir, &args.file).await;
    made.map_err(|error| Failure::because("there is no backup", error))?;
    out::line(&format!("{} is a copy of the database as it was just now", args.file.display()))
}

/// Puts one back.
pub(crate) async fn restore(args: BackupArgs) -> Result<(), Failure> {
    let data_dir = args.data_dir.unwrap_or_else(paths::default_data_dir);
    let before = backup::restore(&data_dir, &args.file).await;
    if let Some(before) = before.map_err(|error| Failure::because("nothing was restored", error))? {
        out::note("the database that was there before lies in");
        out::line(&before.display().to_string())?;
    }
    out::note("start the server to go on from the backup");
    Ok(())
}

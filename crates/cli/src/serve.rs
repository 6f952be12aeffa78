//! `serve`: runs the server. Everything it does is decided in its own crate; here is only what can be typed.

use std::path::PathBuf;

use trainyard_server::config::{self, Overrides};

use crate::exit::Failure;

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
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let ServeArgs { listen, data_dir, config, time_zone } = args;
    let config = config::load(Overrides { listen, data_dir, config, time_zone })
        .map_err(|error| Failure::Usage(error.to_string()))?;
    trainyard_server::run(config).await.map_err(|error| Failure::Other(error.to_string()))
}

//! The configuration: a TOML file, overridden by `TRAINYARD_…` variables, overridden by the command line.
//!
//! Every key has a default; an unknown key is refused, since a misspelt one would be a silent default.

mod centre;
mod read;

pub use centre::{
    CapacityConfig, CentreConfig, EngineKind, GpuConfig, LimitsKind, ProductConfig, Runtime, StorageConfig,
};
pub use read::{load, load_with};

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

use serde::Deserialize;
use trainyard_domain::job::DEFAULT_PLATFORM_RETRIES;

/// What the command line may say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `HOST:PORT`; port 0 lets the kernel choose.
    pub listen: Option<String>,
    /// Where everything is kept.
    pub data_dir: Option<PathBuf>,
    /// The TOML file.
    pub config: Option<PathBuf>,
    /// An IANA name such as `Asia/Shanghai`.
    pub time_zone: Option<String>,
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API listens.
    pub listen: String,
    /// Where database, logs and jobs lie.
    pub data_dir: PathBuf,
    /// The time zone of the `…Time` fields.
    pub time_zone: String,
    /// Days after a job's end until its logs and folder go; its row stays.
    pub retention_days: u32,
    /// Below so many free GB in the data directory nothing new starts.
    pub min_free_gb: f64,
    /// How often the platform may fail one job that asked for retries, before the job fails.
    pub platform_retries: u32,
    /// The most MB (of 2^20 bytes) that are kept of one worker's log: its first and its last half.
    pub log_cap_mb: u64,
    /// Hours of waiting that lift a job by one class.
    pub ageing_hours: f64,
    /// First and last port that jobs are given.
    pub port_range: (u16, u16),
    /// Further variables of the server's environment that pass to the workers.
    pub pass_env: Vec<String>,
    /// Further names of GPU models: the driver's name, then what clients call it.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// The compute centres; without any, this machine is number 1.
    pub centre: Vec<CentreConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8470".to_owned(),
            data_dir: default_data_dir(),
            time_zone: "UTC".to_owned(),
            retention_days: 30,
            min_free_gb: 1.0,
            platform_retries: DEFAULT_PLATFORM_RETRIES,
            log_cap_mb: 1024,
            ageing_hours: 12.0,
            port_range: (20_000, 29_999),
            pass_env: Vec::new(),
            aliases: BTreeMap::new(),
            centre: vec![CentreConfig::this_machine()],
        }
    }
}

/// A configuration that cannot be used, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It says something wrong.
    #[error("{source_name}: {message}")]
    Wrong {
        /// The file, the variable or the option.
        source_name: String,
        /// What, and what would be right.
        message: String,
    },
}

impl Config {
    /// What is wrong, by its key.
    fn check(&self) -> Result<(), (&'static str, String)> {
        self.listen_address().map_err(|message| ("listen", message))?;
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            let message = format!("{:?} is no time zone; use a name such as UTC or Asia/Shanghai", self.time_zone);
            return Err(("time_zone", message));
        }
        if self.port_range.0 < 1024 || self.port_range.0 > self.port_range.1 {
            let message = "must be two ports from 1024 on, the first not above the last";
            return Err(("port_range", message.to_owned()));
        }
        if !self.min_free_gb.is_finite() || self.min_free_gb < 0.0 {
            return Err(("min_free_gb", "must be 0 or more".to_owned()));
        }
        if self.log_cap_mb == 0 {
            return Err(("log_cap_mb", "must be 1 or more".to_owned()));
        }
        if !is_hours(self.ageing_hours) {
            return Err(("ageing_hours", "must be more than 0 and at most 87,600".to_owned()));
        }
        if self.centre.is_empty() {
            let message = "leave the list out to have this machine as number 1, or name at least one";
            return Err(("centre", message.to_owned()));
        }
        let data_dir = std::path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone());
        let data_dir = data_dir.to_string_lossy();
        let mut seen = BTreeSet::new();
        for centre in &self.centre {
            if !seen.insert(centre.id) {
                return Err(("centre", format!("two of them have the id {}", centre.id)));
            }
            centre.check(&data_dir).map_err(|message| ("centre", format!("{}: {message}", centre.id)))?;
        }
        Ok(())
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// What is wrong with `listen`.
    pub fn listen_address(&self) -> Result<SocketAddr, String> {
        use std::net::ToSocketAddrs as _;
        let wrong = || format!("{:?} is no HOST:PORT, such as 127.0.0.1:8470", self.listen);
        self.listen.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
    }

    /// The time zone of the answers; UTC where the configured one has vanished.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// A length of time that the queue can reckon with: at most ten years.
fn is_hours(hours: f64) -> bool {
    hours > 0.0 && hours <= 87_600.0
}

/// Hours in milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "checked to be ten years at most")]
pub(crate) fn hours_ms(hours: f64) -> i64 {
    (hours * 3_600_000.0).round().max(1.0) as i64
}

/// `/var/lib/trainyard` as root, else below the user's home.
pub fn default_data_dir() -> PathBuf {
    match std::env::home_dir() {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".local/share/trainyard"),
        _ => PathBuf::from("/var/lib/trainyard"),
    }
}

//! The configuration: a TOML file, overridden by `TRAINYARD_…` variables, overridden by the command line.
//!
//! Every key has a default. An unknown key is refused, since a misspelt key would silently keep its default.

mod accounts;
mod centre;
mod limits;
mod read;
mod run_as;

pub use accounts::{AccountConfig, AccountTable, EVERY_OTHER};
pub use centre::{
    CapacityConfig, CentreConfig, EngineKind, GpuConfig, LimitsKind, ProductConfig, Runtime, StorageConfig,
};
pub use limits::Limits;
pub use read::{load, load_with};
pub use run_as::RunAs;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

use serde::Deserialize;
use trainyard_domain::{job::DEFAULT_PLATFORM_RETRIES, time::Span};

/// The values that the command line may override.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The address to listen on, `HOST:PORT`. With port 0 the kernel chooses the port.
    pub listen: Option<String>,
    /// The data directory.
    pub data_dir: Option<PathBuf>,
    /// The path of the TOML file.
    pub config: Option<PathBuf>,
    /// The time zone as an IANA name such as `Asia/Shanghai`.
    pub time_zone: Option<String>,
}

/// All keys of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address on which the API listens, `HOST:PORT`.
    pub listen: String,
    /// A further Unix socket, which every account of this host can reach.
    pub socket: Option<PathBuf>,
    /// The accounts of this host that may call without an API key, over a Unix socket.
    pub accounts: AccountTable,
    /// The directory of the database, the logs and the jobs' files.
    pub data_dir: PathBuf,
    /// The time zone of the `…Time` fields.
    pub time_zone: String,
    /// Days from a job's end until its logs and its folder are deleted; its row stays.
    pub retention_days: u32,
    /// GB that must be free in the data directory; with less, no job starts.
    pub min_free_gb: f64,
    /// How many faults of the platform a job with retries survives before it fails.
    pub platform_retries: u32,
    /// The cap of one worker's log in MB of 2^20 bytes; of a longer log, its first and its last half are kept.
    pub log_cap_mb: u64,
    /// Hours of waiting that lift a job by one priority class.
    pub ageing_hours: f64,
    /// The first and the last port that the server reserves for jobs.
    pub port_range: (u16, u16),
    /// The first and the last user id for centres with `run_as = "pool"`.
    pub pool_uids: (u32, u32),
    /// Further variables of the server's environment that workers inherit.
    pub pass_env: Vec<String>,
    /// Further names of GPU models: by the driver's name, the names that clients use.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Bounds on what callers can make the server hold or do at once.
    pub limits: Limits,
    /// The compute centres; if the list is left out, this host is centre 1.
    pub centre: Vec<CentreConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8470".to_owned(),
            socket: None,
            accounts: AccountTable::new(),
            data_dir: default_data_dir(),
            time_zone: "UTC".to_owned(),
            retention_days: 30,
            min_free_gb: 1.0,
            platform_retries: DEFAULT_PLATFORM_RETRIES,
            log_cap_mb: 1024,
            ageing_hours: 12.0,
            port_range: (20_000, 29_999),
            pool_uids: (200_000, 265_535),
            pass_env: Vec::new(),
            aliases: BTreeMap::new(),
            limits: Limits::default(),
            centre: vec![CentreConfig::this_machine()],
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A key has a value that is not allowed.
    #[error("{source_name}: {message}")]
    Wrong {
        /// The file, the variable or the option that sets the value.
        source_name: String,
        /// The key, the rule that it breaks, and an allowed value.
        message: String,
    },
}

impl Config {
    /// Checks all values. An error is the key and the rule that it breaks.
    fn check(&self) -> Result<(), (&'static str, String)> {
        self.listen_address().map_err(|message| ("listen", message))?;
        if self.socket.as_deref().is_some_and(|path| !path.is_absolute()) {
            return Err(("socket", "must be an absolute path such as /run/trainyard/server.sock".to_owned()));
        }
        accounts::check(&self.accounts).map_err(|message| ("accounts", message))?;
        limits::check(&self.limits).map_err(|message| ("limits", message))?;
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            let message = format!("{:?} is not a time zone; use a name such as UTC or Asia/Shanghai", self.time_zone);
            return Err(("time_zone", message));
        }
        if self.port_range.0 < 1024 || self.port_range.0 > self.port_range.1 {
            let message = "must be two ports of 1024 or more, the first not above the last";
            return Err(("port_range", message.to_owned()));
        }
        if self.pool_uids.0 < FIRST_POOL_UID || self.pool_uids.0 > self.pool_uids.1 || self.pool_uids.1 == u32::MAX {
            let message =
                format!("must be two user ids from {FIRST_POOL_UID} to {}, the first not above the last", u32::MAX - 1);
            return Err(("pool_uids", message));
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
            let message = "must have at least one entry; leave the list out to use this host as centre 1";
            return Err(("centre", message.to_owned()));
        }
        let data_dir = std::path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone());
        let data_dir = data_dir.to_string_lossy();
        let mut seen = BTreeSet::new();
        for centre in &self.centre {
            if !seen.insert(centre.id) {
                return Err(("centre", format!("two centres have the id {}", centre.id)));
            }
            centre.check(&data_dir).map_err(|message| ("centre", format!("{}: {message}", centre.id)))?;
        }
        Ok(())
    }

    /// The address to listen on, with the host name resolved.
    ///
    /// Error: the rule that `listen` breaks.
    pub fn listen_address(&self) -> Result<SocketAddr, String> {
        use std::net::ToSocketAddrs as _;
        let invalid = || format!("{:?} is not a valid HOST:PORT such as 127.0.0.1:8470", self.listen);
        self.listen.to_socket_addrs().map_err(|_| invalid())?.next().ok_or_else(invalid)
    }

    /// The time zone of the times in responses; UTC if the host no longer has the configured one.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// Ids below this one belong to the system and its ordinary accounts.
const FIRST_POOL_UID: u32 = 10_000;

/// Whether a number of hours is a duration that the queue can work with: more than zero, at most ten years.
fn is_hours(hours: f64) -> bool {
    hours > 0.0 && hours <= 87_600.0
}

/// Converts hours to milliseconds, at least one.
#[expect(clippy::cast_possible_truncation, reason = "checked to be ten years at most")]
pub(crate) fn hours(hours: f64) -> Span {
    Span::from_ms((hours * 3_600_000.0).round().max(1.0) as i64)
}

/// The default data directory: `/var/lib/trainyard` for root, otherwise `.local/share/trainyard` in the user's home.
pub fn default_data_dir() -> PathBuf {
    match std::env::home_dir() {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".local/share/trainyard"),
        _ => PathBuf::from("/var/lib/trainyard"),
    }
}

//! The configuration: a TOML file, overridden by `TRAINYARD_…` variables, overridden by the command line.
//!
//! Every key has a default; an unknown key is refused, since a misspelt one would be a silent default.

mod centre;

pub use centre::{CapacityConfig, CentreConfig, EngineKind, GpuConfig, ProductConfig, Runtime, StorageConfig};

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

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
        /// The file or the variable.
        source_name: String,
        /// What, and what would be right.
        message: String,
    },
}

/// The keys that a variable may set: all that are one value or a list of words.
const FROM_ENVIRONMENT: &[&str] =
    &["listen", "data_dir", "time_zone", "retention_days", "min_free_gb", "port_range", "pass_env"];

/// Reads the file that the command line names, then the variables, then the command line itself.
///
/// # Errors
/// Whatever is wrong, with the file or variable that says it.
pub fn load(overrides: Overrides) -> Result<Config, ConfigError> {
    load_with(overrides, |name| std::env::var(name).ok())
}

/// [`load`] with the variables given, for tests.
///
/// # Errors
/// As [`load`].
pub fn load_with(overrides: Overrides, variable: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let mut table = match &overrides.config {
        Some(path) => read_file(path)?,
        None => toml::Table::new(),
    };
    for key in FROM_ENVIRONMENT {
        let name = format!("TRAINYARD_{}", key.to_uppercase());
        if let Some(text) = variable(&name) {
            table.insert((*key).to_owned(), from_environment(&name, key, &text)?);
        }
    }
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            table.insert(key.to_owned(), toml::Value::String(value));
        }
    };
    put("listen", overrides.listen);
    put("data_dir", overrides.data_dir.map(|path| path.to_string_lossy().into_owned()));
    put("time_zone", overrides.time_zone);
    let source_name =
        overrides.config.map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
    let config: Config = table.try_into().map_err(|error: toml::de::Error| ConfigError::Wrong {
        source_name: source_name.clone(),
        message: error.to_string(),
    })?;
    config.check().map_err(|message| ConfigError::Wrong { source_name, message })?;
    Ok(config)
}

fn read_file(path: &Path) -> Result<toml::Table, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    text.parse().map_err(|error: toml::de::Error| ConfigError::Wrong {
        source_name: path.display().to_string(),
        message: error.to_string(),
    })
}

/// A variable's text as the TOML value of its key: lists are separated by commas, `port_range` by a hyphen.
fn from_environment(name: &str, key: &str, text: &str) -> Result<toml::Value, ConfigError> {
    let wrong = |message: &str| ConfigError::Wrong { source_name: name.to_owned(), message: message.to_owned() };
    let number = |text: &str| text.trim().parse::<i64>().map(toml::Value::Integer);
    match key {
        "retention_days" => number(text).map_err(|_| wrong("must be a whole number of days")),
        "min_free_gb" => text.trim().parse().map(toml::Value::Float).map_err(|_| wrong("must be a number of GB")),
        "port_range" => {
            let (first, last) = text.split_once('-').ok_or_else(|| wrong("must be FIRST-LAST, such as 20000-29999"))?;
            let port = |text| number(text).map_err(|_| wrong("must be FIRST-LAST, such as 20000-29999"));
            Ok(toml::Value::Array(vec![port(first)?, port(last)?]))
        }
        "pass_env" => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            Ok(toml::Value::Array(names.map(|name| toml::Value::String(name.to_owned())).collect()))
        }
        _ => Ok(toml::Value::String(text.to_owned())),
    }
}

impl Config {
    fn check(&self) -> Result<(), String> {
        self.listen_address()?;
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(format!(
                "time_zone: {:?} is no time zone; use a name such as UTC or Asia/Shanghai",
                self.time_zone
            ));
        }
        if self.port_range.0 < 1024 || self.port_range.0 > self.port_range.1 {
            return Err("port_range: must be two ports from 1024 on, the first not above the last".to_owned());
        }
        if !self.min_free_gb.is_finite() || self.min_free_gb < 0.0 {
            return Err("min_free_gb: must be 0 or more".to_owned());
        }
        if self.centre.is_empty() {
            return Err("centre: leave the list out to have this machine as number 1, or name at least one".to_owned());
        }
        let mut seen = std::collections::BTreeSet::new();
        for centre in &self.centre {
            if !seen.insert(centre.id) {
                return Err(format!("centre: two of them have the id {}", centre.id));
            }
            centre.check()?;
        }
        Ok(())
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// What is wrong with `listen`.
    pub fn listen_address(&self) -> Result<SocketAddr, String> {
        use std::net::ToSocketAddrs as _;
        let wrong = || format!("listen: {:?} is no HOST:PORT, such as 127.0.0.1:8470", self.listen);
        self.listen.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
    }

    /// The time zone of the answers; UTC where the configured one has vanished.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// `/var/lib/trainyard` as root, else below the user's home.
pub fn default_data_dir() -> PathBuf {
    match std::env::home_dir() {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".local/share/trainyard"),
        _ => PathBuf::from("/var/lib/trainyard"),
    }
}

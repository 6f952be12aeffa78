//! Reads the configuration from its three sources. An error names the source that sets the invalid value.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use super::{Config, ConfigError, Overrides};

/// The keys that a variable can set: all keys with a scalar, a list of words or a port range as value.
const FROM_ENVIRONMENT: &[&str] = &[
    "listen",
    "data_dir",
    "time_zone",
    "retention_days",
    "min_free_gb",
    "platform_retries",
    "log_cap_mb",
    "ageing_hours",
    "port_range",
    "pass_env",
];

/// Reads the file that the command line names, then the variables, then the command line itself.
///
/// Error: the first invalid value, with the file, variable or option that sets it.
pub fn load(overrides: Overrides) -> Result<Config, ConfigError> {
    load_with(overrides, |name| std::env::var_os(name))
}

/// [`load`] with a function that looks up variables, for tests. An empty variable counts as not set.
///
/// Errors: as for [`load`].
pub fn load_with(overrides: Overrides, variable: impl Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
    let file = overrides.config.as_deref();
    let mut config = file.map_or_else(|| Ok(Config::default()), read_file)?;
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    for key in FROM_ENVIRONMENT {
        let name = format!("TRAINYARD_{}", key.to_uppercase());
        if let Some(text) = variable(&name).filter(|text| !text.is_empty()) {
            set(&mut config, key, text)
                .map_err(|message| ConfigError::Wrong { source_name: name.clone(), message: message.to_owned() })?;
            sources.insert(key, name);
        }
    }
    if let Some(listen) = overrides.listen {
        config.listen = listen;
        sources.insert("listen", "--listen".to_owned());
    }
    if let Some(data_dir) = overrides.data_dir {
        config.data_dir = data_dir;
        sources.insert("data_dir", "--data-dir".to_owned());
    }
    if let Some(time_zone) = overrides.time_zone {
        config.time_zone = time_zone;
        sources.insert("time_zone", "--time-zone".to_owned());
    }
    config.check().map_err(|(key, message)| {
        let file = || file.map_or_else(|| "the configuration".to_owned(), |path| path.display().to_string());
        let source_name = sources.remove(key).unwrap_or_else(file);
        ConfigError::Wrong { source_name, message: format!("{key}: {message}") }
    })?;
    Ok(config)
}

fn read_file(path: &Path) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text)
        .map_err(|error| ConfigError::Wrong { source_name: path.display().to_string(), message: error.to_string() })
}

/// Sets a key from the text of its variable. Commas separate the items of a list, a hyphen the ports of `port_range`.
fn set(config: &mut Config, key: &str, text: OsString) -> Result<(), &'static str> {
    if key == "data_dir" {
        config.data_dir = text.into();
        return Ok(());
    }
    let text = text.into_string().map_err(|_| "must be UTF-8 text")?;
    let text = text.trim();
    match key {
        "listen" => config.listen = text.to_owned(),
        "time_zone" => config.time_zone = text.to_owned(),
        "retention_days" => config.retention_days = text.parse().map_err(|_| "must be a whole number of days")?,
        "min_free_gb" => config.min_free_gb = text.parse().map_err(|_| "must be a number of GB")?,
        "platform_retries" => config.platform_retries = text.parse().map_err(|_| "must be a whole number")?,
        "log_cap_mb" => config.log_cap_mb = text.parse().map_err(|_| "must be a whole number of MB")?,
        "ageing_hours" => config.ageing_hours = text.parse().map_err(|_| "must be a number of hours")?,
        "port_range" => config.port_range = ports(text).ok_or("must be FIRST-LAST, such as 20000-29999")?,
        _ => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            config.pass_env = names.map(str::to_owned).collect();
        }
    }
    Ok(())
}

fn ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

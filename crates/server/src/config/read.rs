//! Reads the configuration from its three sources. An error names the source that sets the invalid value.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::Path,
    str::FromStr,
};

use super::{Config, ConfigError, Limits, Overrides};

/// Sets a key from the text of its variable. The error is the rule that the text breaks.
type Set = fn(&mut Config, &OsStr) -> Result<(), &'static str>;

/// The keys that a variable can set: all keys with a scalar, a list of words or a range as value.
const FROM_ENVIRONMENT: &[(&str, Set)] = &[
    ("listen", |config, text| put(&mut config.listen, trimmed(text).map(str::to_owned))),
    ("socket", |config, text| put(&mut config.socket, Ok(Some(text.into())))),
    ("data_dir", |config, text| put(&mut config.data_dir, Ok(text.into()))),
    ("time_zone", |config, text| put(&mut config.time_zone, trimmed(text).map(str::to_owned))),
    ("retention_days", |config, text| put(&mut config.retention_days, number(text, "must be a whole number of days"))),
    ("min_free_gb", |config, text| put(&mut config.min_free_gb, number(text, "must be a number of GB"))),
    ("platform_retries", |config, text| put(&mut config.platform_retries, number(text, "must be a whole number"))),
    ("log_cap_mb", |config, text| put(&mut config.log_cap_mb, number(text, "must be a whole number of MB"))),
    ("ageing_hours", |config, text| put(&mut config.ageing_hours, number(text, "must be a number of hours"))),
    ("port_range", |config, text| put(&mut config.port_range, range(text, "must be FIRST-LAST, such as 20000-29999"))),
    ("pool_uids", |config, text| put(&mut config.pool_uids, range(text, "must be FIRST-LAST, such as 200000-265535"))),
    ("pass_env", |config, text| put(&mut config.pass_env, names(text))),
];

/// The message for a variable of a limit.
const NO_LIMIT: &str = "must be a whole number of 1 or more";

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
    for (key, set) in FROM_ENVIRONMENT {
        let name = format!("TRAINYARD_{}", key.to_uppercase());
        if let Some(text) = variable(&name).filter(|text| !text.is_empty()) {
            set(&mut config, &text)
                .map_err(|message| ConfigError::Wrong { source_name: name.clone(), message: message.to_owned() })?;
            sources.insert(key, name);
        }
    }
    for key in Limits::KEYS {
        let name = format!("TRAINYARD_LIMITS_{}", key.to_uppercase());
        if let Some(text) = variable(&name).filter(|text| !text.is_empty())
            && let Some(limit) = config.limits.get_mut(key)
        {
            *limit = number(&text, NO_LIMIT)
                .and_then(|limit| if limit > 0 { Ok(limit) } else { Err(NO_LIMIT) })
                .map_err(|message| ConfigError::Wrong { source_name: name, message: message.to_owned() })?;
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
        match sources.remove(key) {
            Some(source_name) => ConfigError::Wrong { source_name, message },
            None => ConfigError::Wrong { source_name: file(), message: format!("{key}: {message}") },
        }
    })?;
    Ok(config)
}

fn read_file(path: &Path) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    toml::from_str(&text)
        .map_err(|error| ConfigError::Wrong { source_name: path.display().to_string(), message: error.to_string() })
}

fn put<T>(value: &mut T, read: Result<T, &'static str>) -> Result<(), &'static str> {
    *value = read?;
    Ok(())
}

/// The text of a variable without the blanks around it.
fn trimmed(text: &OsStr) -> Result<&str, &'static str> {
    text.to_str().map(str::trim).ok_or("must be UTF-8 text")
}

fn number<T: FromStr>(text: &OsStr, rule: &'static str) -> Result<T, &'static str> {
    trimmed(text)?.parse().map_err(|_| rule)
}

/// Two numbers with a hyphen between them.
fn range<T: FromStr>(text: &OsStr, rule: &'static str) -> Result<(T, T), &'static str> {
    let read = |text: &str| {
        let (first, last) = text.split_once('-')?;
        Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
    };
    read(trimmed(text)?).ok_or(rule)
}

/// Names with commas between them.
fn names(text: &OsStr) -> Result<Vec<String>, &'static str> {
    let names = trimmed(text)?.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}

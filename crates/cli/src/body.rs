//! Reading what is sent: YAML or JSON from a file or standard input. Every value keeps its JSON type.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};
use trainyard_domain::json;

use crate::exit::Failure;

/// The object in a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    parse(&text(path)?).map_err(|why| Failure::Usage(format!("{}: {why}", name(path))))
}

/// The text of a file; `-` is standard input.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin().lock()),
        false => std::fs::read_to_string(path),
    };
    text.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", name(path))))
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// JSON where it begins like JSON, for its exact errors; else YAML.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with('{').then(|| json::read(text.as_bytes()));
    let value = match json {
        Some(Ok(value)) => value,
        // `{a: 1}` begins like JSON and is YAML; of two errors, JSON's is the one about what was meant.
        Some(Err(why)) => yaml(text).map_err(|_| format!("it {why}"))?,
        None => yaml(text).map_err(|why| format!("it {why}"))?,
    };
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Err("it is empty; an object with fields is needed".to_owned()),
        other => Err(format!("it holds {} where an object with fields is needed", kind(&other))),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut documents = trainyard_exchange::read_yaml(text)?.into_iter();
    let first = documents.next().unwrap_or_default();
    if documents.next().is_some() { Err("holds several documents; send them one by one".to_owned()) } else { Ok(first) }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

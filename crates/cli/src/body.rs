//! Reading bodies: YAML or JSON from a file or standard input. Every value keeps its JSON type.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};
use trainyard_domain::json;

use crate::exit::Failure;

/// Reads the object in a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    parse(&text(path)?).map_err(|why| Failure::Usage(format!("{}: {why}", name(path))))
}

/// Reads the text of a file; `-` is standard input.
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

/// Parses text that begins with `{` as JSON first, because errors of JSON are more exact, and any other text as YAML.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let json = text.trim_start().starts_with('{').then(|| json::read(text.as_bytes()));
    let value = match json {
        Some(Ok(value)) => value,
        // `{a: 1}` begins like JSON but is YAML. If both parsers fail, the error of JSON is the useful one.
        Some(Err(why)) => yaml(text).map_err(|_| format!("the text {why}"))?,
        None => yaml(text).map_err(|why| format!("the text {why}"))?,
    };
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Err("the text is empty; write an object with fields".to_owned()),
        other => Err(format!("the text is {}; write an object with fields", kind(&other))),
    }
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut documents = trainyard_exchange::read_yaml(text)?.into_iter();
    let first = documents.next().unwrap_or_default();
    if documents.next().is_some() { Err("has several documents; use one file for each".to_owned()) } else { Ok(first) }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

//! `--set path=value`: sets one field of a body. Paths have the same form as in faults and provenance.
//!
//! Examples: `resource.gpuCount=2`, `env["a.b"]=x`, `storageConfigs["/data"].onlyRead=true`. A value that is valid JSON
//! (`2`, `true`, `null`, `"2"`, `{…}`) is JSON, any other value is text. A text field takes only `null` and `"…"` as JSON.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use trainyard_domain::job_spec::field;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    /// The item of `storageConfigs` with this mount path.
    Mount(String),
}

/// Applies one assignment `path=value` to the body.
pub(crate) fn apply(body: &mut Map<String, Value>, assignment: &str) -> Result<(), String> {
    let (path, value) = split(assignment)?;
    let mut whole = Value::Object(std::mem::take(body));
    let mut at = &mut whole;
    let steps = steps(path)?;
    for step in &steps {
        at = enter(at, step).map_err(|why| format!("{path}: {why}"))?;
    }
    *at = match (steps.as_slice(), parse_value(value)) {
        ([Step::Key(key)], parsed) if is_text(key) && !parsed.is_null() && !parsed.is_string() => value.into(),
        (_, parsed) => parsed,
    };
    if let Value::Object(object) = whole {
        *body = object;
    }
    Ok(())
}

/// Whether a top-level field is text, so that a command `true` stays text although it is valid JSON.
fn is_text(key: &str) -> bool {
    key == "name" || field(key).is_some_and(|field| field.kind.is_text())
}

/// The value as JSON if it is valid JSON, else as text.
pub(crate) fn parse_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Splits at the first equals sign that is not inside a quoted key.
fn split(assignment: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in assignment.char_indices() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '=' if !quoted => {
                let (path, value) = assignment.split_at(at);
                return Ok((path.trim(), value.strip_prefix('=').unwrap_or(value)));
            }
            _ => {}
        }
    }
    Err(format!("{assignment:?} is not PATH=VALUE, such as resource.gpuCount=2"))
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let bad = || format!("{path:?} is not a path; write resource.gpuCount, env[\"a.b\"] or storageConfigs[0].onlyRead");
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        rest = match rest.strip_prefix('[') {
            Some(inner) if inner.starts_with('"') => {
                let mut texts = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                let key = texts.next().and_then(Result::ok).ok_or_else(bad)?;
                let after = inner.get(texts.byte_offset()..).ok_or_else(bad)?;
                steps.push(Step::Key(key));
                after.strip_prefix(']').ok_or_else(bad)?
            }
            Some(inner) => {
                let (index, after) = inner.split_once(']').ok_or_else(bad)?;
                steps.push(Step::Index(index.parse().map_err(|_| bad())?));
                after
            }
            None => {
                let end = rest.find(['.', '[', ']', '"']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                if key.is_empty() {
                    return Err(bad());
                }
                steps.push(Step::Key(key.to_owned()));
                after
            }
        };
        rest = match rest.strip_prefix('.') {
            Some(next) if !next.starts_with('[') => next,
            None if rest.is_empty() => return Ok(mounts_by_path(steps)),
            None if rest.starts_with('[') => rest,
            _ => return Err(bad()),
        };
    }
}

/// Turns the key after `storageConfigs` into a mount: on the wire mounts are a list, but paths name them by mount path.
fn mounts_by_path(mut steps: Vec<Step>) -> Vec<Step> {
    if let [Step::Key(list), item, ..] = steps.as_mut_slice()
        && list == "storageConfigs"
        && let Step::Key(path) = item
    {
        *item = Step::Mount(std::mem::take(path));
    }
    steps
}

/// The value one step deeper; creates it if it does not exist.
fn enter<'a>(at: &'a mut Value, step: &Step) -> Result<&'a mut Value, String> {
    match step {
        Step::Key(key) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let object = at
                .as_object_mut()
                .ok_or_else(|| format!("cannot set {key:?}: the value that should contain it is not an object"))?;
            Ok(object.entry(key.clone()).or_insert(Value::Null))
        }
        Step::Index(index) => {
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            let list = at
                .as_array_mut()
                .ok_or_else(|| format!("cannot set [{index}]: the value that should contain it is not a list"))?;
            if *index == list.len() {
                list.push(Value::Null);
            }
            let length = list.len();
            list.get_mut(*index).ok_or_else(|| format!("[{index}] is beyond the end of a list of {length}"))
        }
        Step::Mount(path) => {
            let known = at.as_array().and_then(|list| list.iter().position(|item| item["mountPath"] == path.as_str()));
            let index = known.unwrap_or_else(|| at.as_array().map_or(0, Vec::len));
            let item = enter(at, &Step::Index(index))?;
            if known.is_none() {
                *item = json!({ "mountPath": path });
            }
            Ok(item)
        }
    }
}

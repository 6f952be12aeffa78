//! Secrets in exports: a text names them and never contains their values.

use serde_json::Value;
use trainyard_domain::{
    document::Document,
    path,
    secret::{reference, references},
};

use crate::ledger::Node;

/// Every place of a document that names a secret: its path and the name.
fn places(document: &Document) -> Vec<(String, &str)> {
    let in_env = references(document).map(|(variable, name)| (path::member("env", variable), name));
    let declared = document.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let in_parameters = declared.filter_map(|parameter| {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        let at = path::member(&path::keyed("parameters", name), "default");
        Some((at, reference(parameter.get("default")?)?))
    });
    in_env.chain(in_parameters).collect()
}

/// The notes of a format that keeps the names.
pub(crate) fn kept(document: &Document) -> Vec<String> {
    let note = |(at, name): (String, &str)| {
        format!(
            "{at}: names the secret `{name}`, without its value; a job gets the secret of this name in its own project"
        )
    };
    places(document).into_iter().map(note).collect()
}

/// The reason why a script does not have a variable; `None` if the value names no secret.
pub(crate) fn not_in_a_script(node: &Node<'_>) -> Option<String> {
    let name = reference(node.value).filter(|_| path::root(&node.path) == "env")?;
    Some(lost(name, "variables"))
}

/// The notes about parameters that a script lists without their default.
pub(crate) fn not_defaults_of_a_script(document: &Document) -> Vec<String> {
    let in_parameters = places(document).into_iter().filter(|(at, _)| path::root(at) == "parameters");
    in_parameters.map(|(at, name)| format!("{at}: {}", lost(name, "parameters"))).collect()
}

fn lost(name: &str, list: &str) -> String {
    format!(
        "is the secret `{name}`, which a script cannot read; add the variable to the list of {list}, or let the command read \
         it from a file"
    )
}

//! Exports a template as a batch script that runs: directives, comments with what Slurm cannot express, variables, parameters,
//! the command, and the launch part.

use serde_json::{Value, json};
use trainyard_domain::document::Document;

use super::{
    COMMAND, DIRECTIVE, END_OF_LIST, FIELD_MARK, OUTPUT, PARAMETERS, VARIABLES, directive, launch, own_script, reason,
    render::{Rendered, render},
};
use crate::{
    Exported,
    ledger::{self, Ledger, Node},
    secrets, shell,
    unmapped::Listing,
};

/// The members of `resource` with a directive of their own.
const SIZES: &[&str] = &["workerCount", "cpuCores", "memoryGB", "gpuCount", "gpuName"];

/// The fields of the time limit, which are written on one line.
const LIMIT: &[&str] = &["enableTimeoutCancel", "timeoutHours", "timeoutSeconds"];

/// Writes a document as a script, with notes about everything that Slurm cannot express.
pub(crate) fn write(document: &Document) -> Exported {
    let rendered = render(document);
    // Without this declaration, the defaults of parameters would be read back as plain variables.
    let declared = document.get("parameters").map(|parameters| json!({ "parameters": parameters }));
    let mut fields: Vec<Value> = declared.into_iter().collect();
    let read_back = read_back(&script(&rendered, &fields, &[]));
    fields.extend(fields_that_differ(document, &read_back));
    let notes = notes(document, &read_back);
    Exported { text: script(&rendered, &fields, &notes), notes }
}

/// The document that an import reads from an exported script.
fn read_back(text: &str) -> Document {
    let script = directive::split(text);
    own_script::recognise(&script).map(|own| own.read(&script, &mut Listing::default())).unwrap_or_default()
}

/// The notes: every value that an import of the script does not read back unchanged, with the reason; then what the script
/// does differently from Trainyard.
fn notes(document: &Document, read_back: &Document) -> Vec<String> {
    let whole = Value::Object(document.clone());
    let root = Node::root("", &whole);
    let mut ledger = Ledger::default();
    for (key, node) in root.members() {
        let back = read_back.get(key);
        match back {
            Some(back) if same(node.value, back) => ledger.mark_translated(&node),
            Some(back) if key == "resource" || key == "env" => {
                let members = node.members().filter(|(key, it)| back.get(key).is_some_and(|back| same(it.value, back)));
                members.for_each(|(_, member)| ledger.mark_translated(&member));
            }
            _ => {}
        }
    }
    let mut listing = Listing::default();
    let why =
        |node: &Node<'_>| secrets::not_in_a_script(node).unwrap_or_else(|| reason::of_field(&node.path, document));
    ledger.list_rest(&root, &why, &mut listing);
    let line = |path: &str, why: &str| if path.is_empty() { why.to_owned() } else { format!("{path}: {why}") };
    let mut notes: Vec<String> = listing.into_vec().iter().map(|left| line(&left.path, &left.why)).collect();
    notes.extend(secrets::not_defaults_of_a_script(document));
    notes.extend(reason::differences(document));
    notes
}

/// Whether a job runs alike with two values: in sizes and variables, a text equals a number that is written the same.
fn same(sent: &Value, back: &Value) -> bool {
    match (sent, back) {
        (Value::Object(sent), Value::Object(back)) => {
            sent.len() == back.len() && sent.iter().all(|(key, it)| back.get(key).is_some_and(|back| same(it, back)))
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => sent == back,
        _ => ledger::shown(sent) == ledger::shown(back),
    }
}

/// The values that an import of the script alone would not read back, each as an object for a line of its own. A value is
/// `null` if the import would read one and the document has none.
fn fields_that_differ(document: &Document, read_back: &Document) -> Vec<Value> {
    // Of the two numbers of the time limit either may count, so they stay on one line.
    let (limit, others): (Document, Document) =
        differences(document, read_back).into_iter().partition(|(key, _)| LIMIT.contains(&key.as_str()));
    let mut fields: Vec<Value> = if limit.is_empty() { Vec::new() } else { vec![Value::Object(limit)] };
    for (key, value) in others {
        let groups = value.as_object().zip(read_back.get(&key).and_then(Value::as_object));
        let Some((members, back)) = groups.filter(|_| matches!(key.as_str(), "resource" | "env")) else {
            fields.push(json!({ key: value }));
            continue;
        };
        let (sizes, rest): (Document, Document) = differences(members, back)
            .into_iter()
            .partition(|(name, _)| key == "resource" && SIZES.contains(&name.as_str()));
        fields.extend(sizes.into_iter().map(|(name, value)| json!({ &key: { name: value } })));
        if !rest.is_empty() {
            fields.push(json!({ key: rest }));
        }
    }
    fields
}

/// The members that turn `from` into `to`; `null` for a member to remove.
fn differences(to: &Document, from: &Document) -> Vec<(String, Value)> {
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(*value));
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let changed = changed.map(|(key, value)| (key.clone(), value.clone()));
    changed.chain(gone.map(|key| (key.clone(), Value::Null))).collect()
}

fn script(rendered: &Rendered, fields: &[Value], notes: &[String]) -> String {
    let mut lines = vec!["#!/bin/bash".to_owned()];
    lines.extend(rendered.options.iter().map(|option| format!("{DIRECTIVE} --{option}")));
    lines.extend([format!("{DIRECTIVE} --export=NONE"), format!("{DIRECTIVE} --output={OUTPUT}"), "#".to_owned()]);
    lines.push("# A template of Trainyard as a job for Slurm. Submit it with: sbatch FILE".to_owned());
    lines.push(
        "# Workers start with the environment of a login. With --export=ALL they get the environment of the calling shell."
            .to_owned(),
    );
    if !notes.is_empty() {
        lines.push("# What Slurm cannot express or does differently:".to_owned());
        lines.extend(notes.iter().map(|note| format!("#   {}", one_line(note))));
    }
    if !fields.is_empty() {
        lines
            .push("# Values of the template that have no effect here; an import into Trainyard reads them:".to_owned());
        lines.extend(fields.iter().map(|field| format!("{FIELD_MARK}{field}")));
    }
    lines.push(String::new());
    let mut list = |comment: &str, begin: &str, pairs: &[String]| {
        lines.extend([comment.to_owned(), begin.to_owned()]);
        lines.extend(pairs.iter().map(|pair| format!("  {}", shell::bash_word(pair))));
        lines.push(END_OF_LIST.to_owned());
    };
    list("# The variables of every worker, each one word of the shell.", VARIABLES, &rendered.variables);
    list(
        "# The parameters of the template with their defaults; edit the values here.",
        PARAMETERS,
        &rendered.parameters,
    );
    lines.push("# The command that /bin/sh runs on every worker.".to_owned());
    lines.push(format!("{COMMAND}{}", shell::bash_word(&rendered.command)));
    lines.push(String::new());
    format!("{}\n{}", lines.join("\n"), launch::text(rendered.framework))
}

/// Text for one line of a comment: control characters become blanks.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

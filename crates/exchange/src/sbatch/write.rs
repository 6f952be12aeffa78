//! A template as a batch script that runs: directives, what Slurm cannot carry as comments, variables, command, launch.

use serde_json::{Value, json};
use trainyard_domain::document::Document;

use super::{
    COMMAND, END_OF_LIST, FIELD_MARK, OUTPUT, PARAMETERS, VARIABLES, directive, launch, own, reason,
    render::{Rendered, render},
};
use crate::{
    Exported,
    ledger::{self, Ledger, Node},
    shell,
    unmapped::Listing,
};

/// The members of `resource` that have a directive of their own.
const SIZES: &[&str] = &["workerCount", "cpuCores", "memoryGB", "gpuCount", "gpuName"];

/// The fields of the time limit.
const LIMIT: &[&str] = &["enableTimeoutCancel", "timeoutHours", "timeoutSeconds"];

/// Writes a document as a script, and says what Slurm cannot carry of it.
pub(crate) fn write(document: &Document) -> Exported {
    let rendered = render(document);
    // Without their declaration, the defaults of parameters would be variables like any other.
    let declared = document.get("parameters").map(|parameters| json!({ "parameters": parameters }));
    let mut fields: Vec<Value> = declared.into_iter().collect();
    let read_back = read_back(&script(&rendered, &fields, &[]));
    fields.extend(fields_that_differ(document, &read_back));
    let notes = notes(document, &read_back);
    Exported { text: script(&rendered, &fields, &notes), notes }
}

/// What an import makes of a script that we wrote.
fn read_back(text: &str) -> Document {
    let script = directive::split(text);
    own::recognise(&script).map(|own| own.list(&script, &mut Listing::default())).unwrap_or_default()
}

/// The notes: every value that does not come back from the script as it was, and why; then what the script does
/// otherwise than Trainyard.
fn notes(document: &Document, read_back: &Document) -> Vec<String> {
    let whole = Value::Object(document.clone());
    let root = Node::root("", &whole);
    let mut ledger = Ledger::default();
    for (key, node) in root.members() {
        let back = read_back.get(key);
        match back {
            Some(back) if same(node.value, back) => ledger.carry(&node),
            Some(back) if key == "resource" || key == "env" => {
                let members = node.members().filter(|(key, it)| back.get(key).is_some_and(|back| same(it.value, back)));
                members.for_each(|(_, member)| ledger.carry(&member));
            }
            _ => {}
        }
    }
    let mut listing = Listing::default();
    ledger.list_rest(&root, &|node| reason::of_field(&node.path, document), &mut listing);
    let line = |path: &str, why: &str| if path.is_empty() { why.to_owned() } else { format!("{path}: {why}") };
    let mut notes: Vec<String> = listing.into_vec().iter().map(|left| line(&left.path, &left.why)).collect();
    notes.extend(reason::differences(document));
    notes
}

/// Whether two values mean the same to a job: sizes and variables are the same as text and as a number.
fn same(sent: &Value, back: &Value) -> bool {
    match (sent, back) {
        (Value::Object(sent), Value::Object(back)) => {
            sent.len() == back.len() && sent.iter().all(|(key, it)| back.get(key).is_some_and(|back| same(it, back)))
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => sent == back,
        _ => ledger::shown(sent) == ledger::shown(back),
    }
}

/// The values that the script alone would not give back, each as an object of its own; `null` for what it would give
/// back and the document does not say.
fn fields_that_differ(document: &Document, read_back: &Document) -> Vec<Value> {
    // The limit has two numbers, of which either may count: what is said of it stands together.
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

/// The members that would have to be set to make `from` into `to`.
fn differences(to: &Document, from: &Document) -> Vec<(String, Value)> {
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(*value));
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let changed = changed.map(|(key, value)| (key.clone(), value.clone()));
    changed.chain(gone.map(|key| (key.clone(), Value::Null))).collect()
}

fn script(rendered: &Rendered, fields: &[Value], notes: &[String]) -> String {
    let mut lines = vec!["#!/bin/bash".to_owned()];
    lines.extend(rendered.options.iter().map(|option| format!("#SBATCH --{option}")));
    lines.extend(["#SBATCH --export=NONE".to_owned(), format!("#SBATCH --output={OUTPUT}"), "#".to_owned()]);
    lines.push("# A template of Trainyard as a job of Slurm: sbatch FILE".to_owned());
    lines.push(
        "# Workers begin with the environment of a login; --export=ALL hands on that of the shell that submits."
            .to_owned(),
    );
    if !notes.is_empty() {
        lines.push("# What Slurm cannot carry, or does otherwise:".to_owned());
        lines.extend(notes.iter().map(|note| format!("#   {}", one_line(note))));
    }
    if !fields.is_empty() {
        lines.push(
            "# Values that nothing below says; they do nothing here, an import into Trainyard reads them:".to_owned(),
        );
        lines.extend(fields.iter().map(|field| format!("{FIELD_MARK}{field}")));
    }
    lines.push(String::new());
    let mut list = |comment: &str, begin: &str, pairs: &[String]| {
        lines.extend([comment.to_owned(), begin.to_owned()]);
        lines.extend(pairs.iter().map(|pair| format!("  {}", shell::bash_word(pair))));
        lines.push(END_OF_LIST.to_owned());
    };
    list("# The variables of every worker, each one word of the shell.", VARIABLES, &rendered.variables);
    list("# The template's parameters with their defaults; set others here.", PARAMETERS, &rendered.parameters);
    lines.push("# What /bin/sh runs on every worker.".to_owned());
    lines.push(format!("{COMMAND}{}", shell::bash_word(&rendered.command)));
    lines.push(String::new());
    format!("{}\n{}", lines.join("\n"), launch::text(rendered.framework))
}

/// Text that ends no comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

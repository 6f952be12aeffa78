//! `template edit`: opens a template in the user's editor, checks the text as the server does, and saves it.
//!
//! The update replaces only the revision that was read. The user's text is never lost: if it cannot be saved, its file
//! stays and a note names it.

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};
use tempfile::NamedTempFile;
use trainyard_api::{Client, template::version::Change};
use trainyard_domain::{
    document::{self, Document},
    fault::Fault,
    job_spec::{FIELDS, Owner},
    template::TemplateInput,
};
use trainyard_exchange as exchange;

use super::versions;
use crate::{
    body, editor,
    exit::Failure,
    lookup,
    out::{self, Format},
};

/// Begins a line that names a fault. The command adds such lines at the top of the text and removes them again.
const FAULT: &str = "#! ";

/// Arguments of `edit`.
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// Id or name of the template
    template: String,
    /// Reason for the change, saved with the new version
    #[arg(short = 'm', long, value_name = "TEXT")]
    comment: Option<String>,
}

/// Runs the command.
pub(super) async fn run(client: &Client, args: EditArgs, format: Format) -> Result<(), Failure> {
    let id = lookup::template(client, &args.template).await?;
    let answer = client.template_detail(&id).await?;
    let revision = answer.data.record.revision;
    let before = document(&answer.raw)?;
    let file = tempfile::Builder::new()
        .prefix("trainyard-")
        .suffix(".yaml")
        .tempfile()
        .map_err(|error| Failure::because("cannot create a temporary file", error))?;
    write(file.path(), &text_of(&before)?)?;
    let edited = match edited(file.path()) {
        Ok(edited) => edited,
        Err(failure) => return Err(keep_text(file, failure)),
    };
    let changes = document::changes(&before, &edited.document());
    if changes.is_empty() {
        return out::show(format, &Value::Object(Map::new()), || "nothing has changed".to_owned());
    }
    if format == Format::Table {
        out::line(&versions::changes(&changes.into_iter().map(wire).collect::<Vec<_>>()))?;
    }
    let body = update_body(&before, &edited, args.comment);
    match client.template_update(&id, revision, &body).await {
        Ok(answer) => {
            let (version, revision) = (answer.data.version, answer.data.revision);
            out::show(format, &answer.raw, || format!("{id} is at version {version}, revision {revision}"))
        }
        Err(error) => {
            if error.status() == Some(412) {
                out::note(
                    "the template was changed while you edited it; edit it again and copy your changes from the saved text",
                );
            }
            Err(keep_text(file, Failure::Call(error)))
        }
    }
}

/// The fields of a template without those that the server adds, checked as the server checks them.
fn document(raw: &Value) -> Result<Document, Failure> {
    let mut fields = raw.as_object().cloned().unwrap_or_default();
    // The comment describes the last change, not the next one.
    fields.shift_remove("comment");
    let input = TemplateInput::parse(&Value::Object(fields));
    input.map(|input| input.document()).map_err(|faults| Failure::Other(lines(&faults).join("\n")))
}

fn text_of(document: &Document) -> Result<String, Failure> {
    let yaml = exchange::export(document, exchange::Format::Yaml);
    yaml.map(|written| written.text).ok_or_else(|| Failure::Other("this template cannot be written as YAML".to_owned()))
}

/// Opens the editor again until the text has no faults; fails if the user leaves the faults unchanged.
fn edited(path: &Path) -> Result<TemplateInput, Failure> {
    loop {
        let shown = read(path)?;
        editor::open(path)?;
        let text = without_faults(&read(path)?);
        let faults = match checked(&text) {
            Ok(input) => return Ok(input),
            Err(faults) => faults,
        };
        if text == without_faults(&shown) && shown != text {
            return Err(Failure::Usage(format!("the text still has faults:\n  {}", faults.join("\n  "))));
        }
        let marked: String = faults.iter().map(|fault| format!("{FAULT}{}\n", fault.replace('\n', " "))).collect();
        write(path, &format!("{marked}{text}"))?;
    }
}

fn checked(text: &str) -> Result<TemplateInput, Vec<String>> {
    let object = body::parse(text).map_err(|why| vec![why])?;
    TemplateInput::parse(&Value::Object(object)).map_err(|faults| lines(&faults))
}

fn lines(faults: &[Fault]) -> Vec<String> {
    let line = |fault: &Fault| match fault.path.as_str() {
        "" => fault.message.clone(),
        path => format!("{path}: {}", fault.message),
    };
    faults.iter().map(line).collect()
}

fn without_faults(text: &str) -> String {
    text.split_inclusive('\n').skip_while(|line| line.starts_with(FAULT)).collect()
}

/// The body of the update. An update keeps Trainyard's own fields that are left out, so a removed field is sent as null.
fn update_body(before: &Document, after: &TemplateInput, comment: Option<String>) -> Document {
    let mut body = after.document();
    let ours = FIELDS.iter().filter(|field| field.owner == Owner::Ours);
    for field in ours.filter(|field| before.contains_key(field.name)) {
        body.entry(field.name).or_insert(Value::Null);
    }
    let comment = comment.or_else(|| after.comment.clone());
    body.extend(comment.map(|comment| ("comment".to_owned(), Value::from(comment))));
    body
}

fn wire(change: document::Change) -> Change {
    Change { path: change.path, from: change.from, to: change.to }
}

/// Keeps the user's text and prints where; returns the failure unchanged.
fn keep_text(file: NamedTempFile, failure: Failure) -> Failure {
    match file.keep() {
        Ok((_, path)) => out::note(&format!("your text is saved in {}", path.display())),
        Err(error) => out::note(&format!("your text could not be saved: {error}")),
    }
    failure
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::because(&format!("cannot read {}", path.display()), error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))
}

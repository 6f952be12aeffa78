//! `template edit`: a template in the user's editor, judged before it is sent, saved only over the revision that was read.
//!
//! What was typed is never lost: where it cannot be saved, the file stays and is named.

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

/// Begins a line that says what is wrong; such lines are ours and are taken out again.
const FAULT: &str = "#! ";

/// Arguments of `edit`.
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// Id or name
    template: String,
    /// Why the template is changed; kept with the version that this makes
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
        .map_err(|error| Failure::because("cannot make a file to edit", error))?;
    write(file.path(), &text_of(&before)?)?;
    let edited = match edited(file.path()) {
        Ok(edited) => edited,
        Err(failure) => return Err(kept(file, failure)),
    };
    let changes = document::changes(&before, &edited.document());
    if changes.is_empty() {
        return out::show(format, &Value::Object(Map::new()), || "nothing has changed".to_owned());
    }
    if format == Format::Table {
        out::line(&versions::changes(&changes.into_iter().map(wire).collect::<Vec<_>>()))?;
    }
    let body = whole(&before, &edited, args.comment);
    match client.template_update(&id, revision, &body).await {
        Ok(answer) => {
            let (version, revision) = (answer.data.version, answer.data.revision);
            out::show(format, &answer.raw, || format!("{id} is at version {version}, revision {revision}"))
        }
        Err(error) => {
            if error.status() == Some(412) {
                out::note("somebody saved another change meanwhile: edit again and take over yours");
            }
            Err(kept(file, Failure::Call(error)))
        }
    }
}

/// What callers said of a template, judged as the server judges it.
fn document(raw: &Value) -> Result<Document, Failure> {
    let mut said = raw.as_object().cloned().unwrap_or_default();
    // The reason of the last change is not the reason of the next one.
    said.shift_remove("comment");
    let input = TemplateInput::parse(&Value::Object(said));
    input.map(|input| input.document()).map_err(|faults| Failure::Other(lines(&faults).join("\n")))
}

fn text_of(document: &Document) -> Result<String, Failure> {
    let yaml = exchange::export(document, exchange::Format::Yaml);
    yaml.map(|written| written.text).ok_or_else(|| Failure::Other("a template has no YAML form".to_owned()))
}

/// Opens the file until what it says may be saved; gives up where it is left as faulty as it was.
fn edited(path: &Path) -> Result<TemplateInput, Failure> {
    loop {
        let shown = read(path)?;
        editor::open(path)?;
        let text = without_faults(&read(path)?);
        let faults = match judged(&text) {
            Ok(input) => return Ok(input),
            Err(faults) => faults,
        };
        if text == without_faults(&shown) && shown != text {
            return Err(Failure::Usage(format!("it still has faults:\n  {}", faults.join("\n  "))));
        }
        let marked: String = faults.iter().map(|fault| format!("{FAULT}{}\n", fault.replace('\n', " "))).collect();
        write(path, &format!("{marked}{text}"))?;
    }
}

fn judged(text: &str) -> Result<TemplateInput, Vec<String>> {
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

/// The whole body to send. A field of ours that was taken out is unset by name, since an update keeps those left out.
fn whole(before: &Document, after: &TemplateInput, comment: Option<String>) -> Document {
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

/// A failure that says where what was typed is kept.
fn kept(file: NamedTempFile, failure: Failure) -> Failure {
    match file.keep() {
        Ok((_, path)) => out::note(&format!("what you typed is kept in {}", path.display())),
        Err(error) => out::note(&format!("what you typed could not be kept: {error}")),
    }
    failure
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::because(&format!("cannot read {}", path.display()), error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))
}

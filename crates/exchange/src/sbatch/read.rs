//! Imports any batch script: directives become fields, the rest becomes the command, and everything else is listed.

use serde_json::{Map, Value};
use trainyard_domain::{
    document::Document,
    fault::{Fault, FaultCode},
    framework::Framework,
    job_spec::TIMEOUT_SECONDS_BOUNDS,
    text::{DESC_MAX_CHARS, check_absolute_path},
};

use super::{
    account::Account,
    amount::{self, Limit},
    commands,
    directive::{self, Script},
    own_script,
    sizes::{self, Tasks},
};
use crate::{Format, Imported, fault, unmapped::Listing};

/// Reads any script: one that an export wrote field by field, any other by its options and commands.
pub(crate) fn read(text: &str) -> Result<Imported, Vec<Fault>> {
    if text.contains('\0') {
        return Err(fault(FaultCode::Malformed, "contains a NUL character, which no script may contain"));
    }
    let unix = text.replace("\r\n", "\n");
    let mut listing = Listing::default();
    if unix.len() != text.len() {
        let why = "sbatch refuses a script with line ends of Windows; they are read as `\\n`";
        listing.add("script", "\\r\\n", why);
    }
    let script = directive::split(&unix);
    let body = if let Some(own) = own_script::recognise(&script) {
        own.read(&script, &mut listing)
    } else {
        foreign(&script, &mut listing)
    };
    script.odd.iter().for_each(|(line, written, why)| listing.add(format!("line {line}"), written, *why));
    Ok(Imported { format: Format::Sbatch, body, unmapped: listing.into_vec() })
}

fn foreign(script: &Script<'_>, listing: &mut Listing) -> Document {
    let framework = commands::framework(script.commands);
    let tasks = if framework == Some(Framework::Mpi) { Tasks::AreWorkers } else { Tasks::ShareANode };
    let mut account = Account::of(script);
    let mut body = fields(&mut account, tasks);
    account.list_rest(listing);
    if let Some(framework) = framework {
        body.insert("trainingFramwork".to_owned(), Value::from(framework.as_str()));
    }
    if let Some(command) = commands::command(script) {
        body.insert("startCommand".to_owned(), Value::from(command));
    }
    let workers = body.get("resource").and_then(|resource| resource.get("workerCount")).and_then(Value::as_u64);
    script.late.iter().for_each(|(line, written, why)| listing.add(format!("line {line}"), written, *why));
    commands::list_unavailable(script, workers.unwrap_or(1), framework, listing);
    body
}

/// The fields that the options of a script set.
pub(super) fn fields(account: &mut Account<'_>, tasks: Tasks) -> Document {
    let mut body = Document::new();
    let mut text = |option: &str, field: &str, fits: &dyn Fn(&str) -> bool| {
        if let Some(entry) = account.last(option)
            && fits(entry.value)
        {
            account.mark_translated(entry);
            body.insert(field.to_owned(), Value::from(entry.value));
        }
    };
    text("job-name", "name", &|name| !name.is_empty());
    text("comment", "desc", &|comment| comment.chars().count() <= DESC_MAX_CHARS);
    text("chdir", "workDir", &|path| check_absolute_path(path).is_ok());
    let resource = sizes::read(account, tasks);
    if !resource.is_empty() {
        body.insert("resource".to_owned(), Value::Object(resource));
    }
    time(account, &mut body);
    requeue(account, &mut body);
    export(account, &mut body);
    body
}

fn time(account: &mut Account<'_>, body: &mut Document) {
    let Some(entry) = account.last("time") else {
        return;
    };
    match amount::time(entry.value) {
        // A template without these fields has no time limit.
        Some(Limit::Endless) => account.mark_translated(entry),
        Some(Limit::Seconds(seconds)) if TIMEOUT_SECONDS_BOUNDS.contains(seconds) => {
            account.mark_translated(entry);
            body.insert("enableTimeoutCancel".to_owned(), Value::Bool(true));
            let is_hours = seconds.is_multiple_of(3600);
            let (field, number) = if is_hours { ("timeoutHours", seconds / 3600) } else { ("timeoutSeconds", seconds) };
            body.insert(field.to_owned(), Value::from(number));
        }
        _ => {
            account.explain(entry, "is not a time limit of at most 8,760 hours; set `timeoutHours` or `timeoutSeconds`")
        }
    }
}

/// If a script has both switches, the later one counts.
fn requeue(account: &mut Account<'_>, body: &mut Document) {
    let (on, off) = (account.last("requeue"), account.last("no-requeue"));
    let is_on = match (on, off) {
        (Some(on), Some(off)) => on.is_after(off),
        (on, _) => on.is_some(),
    };
    if let Some(entry) = off {
        account.mark_translated(entry);
    }
    if let Some(entry) = on {
        let why = "Slurm reruns a job after the loss of a node; here a failure of the job is retried too, up to \
                   `maxRetryCount` times";
        account.explain(entry, if is_on { why } else { "`--no-requeue` follows further down and counts" });
    }
    if on.is_some() || off.is_some() {
        body.insert("enableAutoRetry".to_owned(), Value::Bool(is_on));
    }
}

/// Variables with a value are taken. Others would come from the shell that calls sbatch.
fn export(account: &mut Account<'_>, body: &mut Document) {
    let Some(entry) = account.last("export") else {
        return;
    };
    let mut env = Map::new();
    let mut inherited = Vec::new();
    for item in entry.value.split(',').map(str::trim) {
        match item.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                env.insert(name.to_owned(), Value::from(value));
            }
            _ if matches!(item, "" | "NONE" | "NIL") => {}
            _ => inherited.push(item),
        }
    }
    if !env.is_empty() {
        body.insert("env".to_owned(), Value::Object(env));
    }
    if inherited.is_empty() {
        account.mark_translated(entry);
    } else {
        let list = inherited.join(", ");
        account
            .explain(entry, format!("workers get no variables of the calling shell ({list}); write them into `env`"));
    }
}

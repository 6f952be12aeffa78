//! Any batch script as a template: directives become fields, the rest the command, and what neither can say is listed.

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
    body,
    directive::{self, Script},
    own,
    sizes::{self, Tasks},
};
use crate::{Format, Imported, fault, unmapped::Listing};

/// Reads a script.
pub(crate) fn read(text: &str) -> Result<Imported, Vec<Fault>> {
    if text.contains('\0') {
        return Err(fault(FaultCode::Malformed, "holds a NUL character, which no script may"));
    }
    let unix = text.replace("\r\n", "\n");
    let mut listing = Listing::default();
    if unix.len() != text.len() {
        let why = "line ends of DOS, for which sbatch refuses a script: they are taken as plain ones";
        listing.add("script", "\\r\\n", why);
    }
    let script = directive::split(&unix);
    let body = if let Some(own) = own::recognise(&script) {
        own.list(&script, &mut listing)
    } else {
        foreign(&script, &mut listing)
    };
    script.odd.iter().for_each(|(line, written, why)| listing.add(format!("line {line}"), written, *why));
    Ok(Imported { format: Format::Sbatch, body, unmapped: listing.into_vec() })
}

fn foreign(script: &Script<'_>, listing: &mut Listing) -> Document {
    let framework = body::framework(script.commands);
    let tasks = if framework == Some(Framework::Mpi) { Tasks::AreWorkers } else { Tasks::ShareANode };
    let mut account = Account::of(script);
    let mut body = fields(&mut account, tasks);
    account.list_rest(listing);
    if let Some(framework) = framework {
        body.insert("trainingFramwork".to_owned(), Value::from(framework.as_str()));
    }
    if let Some(command) = body::command(script) {
        body.insert("startCommand".to_owned(), Value::from(command));
    }
    let workers = body.get("resource").and_then(|resource| resource.get("workerCount")).and_then(Value::as_u64);
    script.late.iter().for_each(|(line, written, why)| listing.add(format!("line {line}"), written, *why));
    body::list_what_is_missing(script, workers.unwrap_or(1), framework, listing);
    body
}

/// The fields that options say.
pub(super) fn fields(account: &mut Account<'_>, tasks: Tasks) -> Document {
    let mut body = Document::new();
    let mut text = |option: &str, field: &str, fits: &dyn Fn(&str) -> bool| {
        if let Some(entry) = account.last(option)
            && fits(entry.value)
        {
            account.carry(entry);
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
        // Without a limit is what a template says that says nothing.
        Some(Limit::Endless) => account.carry(entry),
        Some(Limit::Seconds(seconds)) if TIMEOUT_SECONDS_BOUNDS.contains(seconds) => {
            account.carry(entry);
            body.insert("enableTimeoutCancel".to_owned(), Value::Bool(true));
            let is_hours = seconds.is_multiple_of(3600);
            let (field, number) = if is_hours { ("timeoutHours", seconds / 3600) } else { ("timeoutSeconds", seconds) };
            body.insert(field.to_owned(), Value::from(number));
        }
        _ => account.say(entry, "a time limit is up to 8,760 hours: set `timeoutHours` or `timeoutSeconds`"),
    }
}

/// Of both switches the one further down counts.
fn requeue(account: &mut Account<'_>, body: &mut Document) {
    let (on, off) = (account.last("requeue"), account.last("no-requeue"));
    let is_on = match (on, off) {
        (Some(on), Some(off)) => on.is_behind(off),
        (on, _) => on.is_some(),
    };
    if let Some(entry) = off {
        account.carry(entry);
    }
    if let Some(entry) = on {
        let why = "Slurm runs a job again when a node was lost; here that and a failure of its own count, up to \
                   `maxRetryCount` times";
        account.say(entry, if is_on { why } else { "`--no-requeue` stands further down, where it counts" });
    }
    if on.is_some() || off.is_some() {
        body.insert("enableAutoRetry".to_owned(), Value::Bool(is_on));
    }
}

/// Variables with a value come along; others would be those of the shell that submits.
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
        account.carry(entry);
    } else {
        let list = inherited.join(", ");
        account
            .say(entry, format!("workers get nothing of the shell that submits ({list}): write variables into `env`"));
    }
}

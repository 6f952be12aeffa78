//! What the fields of a document are in a script: directives, variables, defaults of parameters, the command.

use serde_json::Value;
use trainyard_domain::{
    document::Document,
    framework::Framework,
    job_spec::{parse_count, parse_milli},
};

use crate::ledger::shown;

/// The most bytes of an option's text; Slurm reads no more than 8 KiB of one, and a comment of at most 1,023.
const MOST_TEXT: usize = 1000;

/// What a document comes to. Two documents that render alike run alike.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The options of `sbatch`, as `name=value` quoted for a directive.
    pub(super) options: Vec<String>,
    /// `NAME=value` for every worker.
    pub(super) variables: Vec<String>,
    /// `NAME=value` of each parameter that has a default.
    pub(super) parameters: Vec<String>,
    /// What each worker runs.
    pub(super) command: String,
    /// Whose variables the workers get.
    pub(super) framework: Option<Framework>,
}

/// Renders what Slurm can carry of a document.
pub(super) fn render(document: &Document) -> Rendered {
    let word = document.get("trainingFramwork").and_then(Value::as_str);
    Rendered {
        options: options(document),
        variables: variables(document),
        parameters: parameters(document),
        command: document.get("startCommand").and_then(Value::as_str).unwrap_or_default().to_owned(),
        framework: word.and_then(Framework::parse),
    }
}

fn options(document: &Document) -> Vec<String> {
    let mut options = Vec::new();
    let mut put = |name: &str, value: String| options.push(format!("{name}={value}"));
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    if let Some(name) = text("name").and_then(option_text) {
        put("job-name", name);
    }
    let size = Size::of(document);
    put("nodes", size.workers.to_string());
    put("ntasks-per-node", size.tasks.to_string());
    put("cpus-per-task", size.cores.div_ceil(size.tasks).to_string());
    if let Some(megabytes) = size.megabytes {
        put("mem", format!("{megabytes}M"));
    }
    if size.gpus > 0 {
        let model = size.model.map(|model| format!("{model}:")).unwrap_or_default();
        put("gres", format!("gpu:{model}{}", size.gpus));
    }
    if let Some(minutes) = minutes(document) {
        put("time", minutes.to_string());
    }
    if let Some(directory) = text("workDir").and_then(option_text) {
        put("chdir", directory);
    }
    if let Some(comment) = text("desc").and_then(option_text) {
        put("comment", comment);
    }
    let is_on = document.get("enableAutoRetry") == Some(&Value::Bool(true));
    options.push(if is_on { "requeue" } else { "no-requeue" }.to_owned());
    options
}

/// What one worker takes, in Slurm's units.
pub(super) struct Size<'a> {
    /// How many workers.
    pub(super) workers: u64,
    /// How many tasks a node is for: slots under MPI, else one.
    pub(super) tasks: u64,
    /// Whole cores.
    pub(super) cores: u64,
    /// MiB, where it is said.
    pub(super) megabytes: Option<u64>,
    /// Accelerators.
    pub(super) gpus: u64,
    /// Their model, where it can be a type of Slurm's.
    pub(super) model: Option<&'a str>,
}

impl<'a> Size<'a> {
    /// The sizes of a document, rounded up; what is not said is Trainyard's default, but for the memory.
    pub(super) fn of(document: &'a Document) -> Self {
        let member = |key: &str| document.get("resource").and_then(|resource| resource.get(key));
        let gpus = member("gpuCount").and_then(parse_count).unwrap_or(0);
        let model = member("gpuName").and_then(Value::as_str);
        let is_mpi = document.get("trainingFramwork").and_then(Value::as_str) == Some(Framework::Mpi.as_str());
        Self {
            workers: member("workerCount").and_then(parse_count).unwrap_or(1),
            tasks: if is_mpi { gpus.max(1) } else { 1 },
            cores: member("cpuCores").and_then(parse_milli).map_or(1, |milli| milli.div_ceil(1000)),
            megabytes: member("memoryGB").and_then(parse_milli).map(megabytes),
            gpus,
            model: model.filter(|model| is_gres_type(model)),
        }
    }
}

/// Whether a model can stand as a type in `--gres`.
fn is_gres_type(model: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    model != "-" && model.starts_with(|c: char| c.is_ascii_alphabetic()) && model.chars().all(is_plain)
}

/// Thousandths of a GB as whole MiB, rounded up.
pub(super) fn megabytes(milli_gb: u64) -> u64 {
    let megabytes = (u128::from(milli_gb) * 1024).div_ceil(1000);
    u64::try_from(megabytes).unwrap_or(u64::MAX)
}

/// The time limit in whole minutes, rounded up as Slurm does.
pub(super) fn minutes(document: &Document) -> Option<u64> {
    if document.get("enableTimeoutCancel") != Some(&Value::Bool(true)) {
        return None;
    }
    let number = |key: &str| document.get(key).and_then(Value::as_u64).filter(|number| *number > 0);
    let hours = || number("timeoutHours").map(|hours| hours.saturating_mul(3600));
    number("timeoutSeconds").or_else(hours).map(|seconds| seconds.div_ceil(60))
}

fn variables(document: &Document) -> Vec<String> {
    let env = document.get("env").and_then(Value::as_object);
    let is_plain = |name: &&String| !name.is_empty() && !name.contains(['=', '\0']);
    let members = env.into_iter().flatten().filter(|(name, value)| is_plain(name) && is_scalar(value));
    members.map(|(name, value)| format!("{name}={}", shown(value))).filter(|pair| !pair.contains('\0')).collect()
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array() && !value.is_null()
}

fn parameters(document: &Document) -> Vec<String> {
    let declared = document.get("parameters").and_then(Value::as_array);
    let pair = |parameter: &Value| {
        let name = parameter.get("name").and_then(Value::as_str)?;
        let default = parameter.get("default").filter(|default| is_scalar(default))?;
        Some(format!("{name}={}", shown(default))).filter(|pair| !pair.contains('\0'))
    };
    declared.into_iter().flatten().filter_map(pair).collect()
}

/// Text as the value of a directive's option; `None` where Slurm could not take it as it is.
///
/// Slurm ends an option at a blank and a line at `#`, even inside quotes, unless a backslash stands before it.
pub(super) fn option_text(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > MOST_TEXT || text.chars().any(char::is_control) {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,+@%-".contains(c);
    if text.chars().all(is_plain) {
        return Some(text.to_owned());
    }
    let mut value = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\'' | '\\' | '#') {
            value.push('\\');
        }
        value.push(c);
    }
    value.push('"');
    Some(value)
}

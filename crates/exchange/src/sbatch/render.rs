//! The fields of a document as the parts of a script: directives, variables, defaults of parameters, the command.

use serde_json::Value;
use trainyard_domain::{
    document::Document,
    framework::Framework,
    job_spec::{parse_count, parse_milli},
};

use crate::ledger::shown;

/// The maximum number of bytes of an option's text. Slurm reads at most 8 KiB of an option, and 1,023 bytes of a
/// comment.
const MOST_TEXT: usize = 1000;

/// The parts of a script. Two documents with the same parts run alike.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    /// The options of `sbatch`, as `name=value` quoted for a directive.
    pub(super) options: Vec<String>,
    /// The variables of every worker, as `NAME=value`.
    pub(super) variables: Vec<String>,
    /// The parameters that have a default, as `NAME=value`.
    pub(super) parameters: Vec<String>,
    /// The command of every worker, which `/bin/sh` runs.
    pub(super) command: String,
    /// The framework, which decides the launch part.
    pub(super) framework: Option<Framework>,
}

/// Renders everything of a document that Slurm can express.
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

/// The size of a worker in the units of Slurm.
pub(super) struct Size<'a> {
    /// The number of workers, which are nodes under Slurm.
    pub(super) workers: u64,
    /// Tasks per node: under MPI one for each GPU, at least 1; otherwise 1.
    pub(super) tasks: u64,
    /// Whole cores per node, rounded up.
    pub(super) cores: u64,
    /// MiB per node, if the document gives the memory.
    pub(super) megabytes: Option<u64>,
    /// GPUs per node.
    pub(super) gpus: u64,
    /// The GPU model, if it can be a type in `--gres`.
    pub(super) model: Option<&'a str>,
}

impl<'a> Size<'a> {
    /// The sizes of a document, rounded up. Missing sizes get Trainyard's defaults; missing memory stays open.
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

/// Whether a GPU model can be a type in `--gres`.
fn is_gres_type(model: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    model != "-" && model.starts_with(|c: char| c.is_ascii_alphabetic()) && model.chars().all(is_plain)
}

/// Converts thousandths of a GB to whole MiB, rounded up.
pub(super) fn megabytes(milli_gb: u64) -> u64 {
    let megabytes = (u128::from(milli_gb) * 1024).div_ceil(1000);
    u64::try_from(megabytes).unwrap_or(u64::MAX)
}

/// The time limit in whole minutes, rounded up as Slurm does; `None` without a limit.
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

/// Text as the value of an option in a directive; `None` if Slurm cannot read it back unchanged.
///
/// Slurm ends an option at a blank, and a line at `#` even inside quotes, unless a backslash precedes it.
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

//! The reasons why a template cannot express an option of Slurm, and a script cannot express a field of a template.

#[cfg(test)]
mod tests;

use serde_json::Value;
use trainyard_domain::{document::Document, path};

use super::render::{Size, option_text};

const LOGS: &str = "the server keeps the output of each worker; read it with `trainyard job logs`";
const PLACE: &str = "the sizes, `gpuName` and the compute centre (`aidcId`) decide where workers run";
const ORDER: &str = "jobs are queued by `priority`, 1 to 3 (3 is first)";
const ACCOUNT: &str = "the key's user and project decide about access and accounting";
const BINDING: &str = "a template cannot choose which cores, memory banks or GPUs of a host a worker gets";
const WHEN: &str = "a job starts as soon as its resources are free";

/// Names of options, and the reason that they share.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["output", "error", "input", "open-mode", "quiet", "verbose", "parsable"], LOGS),
    (
        &[
            "partition",
            "constraint",
            "cluster-constraint",
            "nodelist",
            "exclude",
            "nodefile",
            "reservation",
            "clusters",
            "prefer",
            "switches",
            "spread-job",
            "use-min-nodes",
            "contiguous",
        ],
        PLACE,
    ),
    (&["nice", "priority", "qos"], ORDER),
    (&["account", "wckey", "uid", "gid", "mcs-label"], ACCOUNT),
    (&["mail-type", "mail-user"], "no mail is sent; follow a job with `trainyard job events --follow`"),
    (&["array"], "a job is one run; create a job for each index, with a parameter for the difference"),
    (&["dependency"], "jobs do not wait for other jobs; create the next job when this one has succeeded"),
    (&["begin", "deadline", "hold", "time-min", "delay-boot", "wait", "kill-on-invalid-dep"], WHEN),
    (
        &["exclusive", "oversubscribe", "overcommit", "share", "core-spec", "thread-spec"],
        "workers share hosts by their sizes; a job gets only the resources that it asks for",
    ),
    (
        &[
            "gpu-bind",
            "mem-bind",
            "distribution",
            "hint",
            "cpu-freq",
            "gpu-freq",
            "gres-flags",
            "tres-bind",
            "ntasks-per-core",
            "ntasks-per-socket",
            "ntasks-per-gpu",
            "sockets-per-node",
            "cores-per-socket",
            "threads-per-core",
            "extra-node-info",
            "gpus-per-socket",
            "mincpus",
            "network",
        ],
        BINDING,
    ),
    (&["signal"], "a stop sends SIGTERM to every process and waits `stopGraceSeconds` before SIGKILL"),
    (&["export-file", "get-user-env", "propagate"], "workers get a clean environment; write variables into `env`"),
    (&["chdir"], "`workDir` is an absolute path, and this path is relative to the directory of the sbatch call"),
    (&["container", "container-id"], "is a bundle on the disk of the cluster; name an image in `image`"),
    (&["tmp"], "the size of a worker is cores, memory and GPUs; it has no disk size"),
    (&["no-kill"], "if one worker is lost, the others are stopped"),
    (&["licenses"], "licences are not managed"),
    (&["profile", "acctg-freq", "power"], "is a measurement by the cluster"),
    (&["job-name", "comment"], "is empty or too long; set `name` or `desc` in the template"),
    (&["nodes", "ntasks", "ntasks-per-node"], "is not a readable number of nodes or tasks; set `resource.workerCount`"),
    (&["cpus-per-task", "cpus-per-gpu"], "is not a readable number of cores; set `resource.cpuCores`"),
    (&["mem", "mem-per-cpu", "mem-per-gpu"], "another option also sets the memory and is used"),
    (&["gres", "gpus", "gpus-per-node", "gpus-per-task"], "asks for no GPUs, and a worker has no other such resources"),
];

/// The reason why an option has no field.
pub(super) fn of_option(name: &str) -> &'static str {
    let known = OPTIONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why);
    let is_option = super::option::by_name(name).is_some();
    known.unwrap_or(if is_option {
        "a template has no field for this"
    } else {
        "is not an option of sbatch that this version knows"
    })
}

/// Beginnings of field paths, and the reason for each. A longer beginning comes before a shorter one.
const FIELDS: &[(&str, &str)] = &[
    ("aidcId", "a script runs on the cluster to which it is submitted"),
    ("trainingType", "Slurm has no type of training"),
    (
        "image",
        "the command runs directly on the nodes; if the cluster runs containers, add its own option, such as `--container-image`",
    ),
    ("imageType", "the command runs directly on the nodes, without an image"),
    ("storageConfigs", "nothing is mounted; every node must already have the storage at this path"),
    (
        "maxRetryCount",
        "Slurm counts no retries; `--requeue` reruns a job after the loss of a node, but not after a failure",
    ),
    ("retryDelaySeconds", "the cluster decides when a requeued job starts again"),
    ("stopGraceSeconds", "`KillWait` of the cluster is the time between SIGTERM and SIGKILL"),
    ("priority", "the cluster orders its jobs; use `--nice` or `--qos` of the cluster"),
    ("labels", "Slurm has no labels"),
    ("visibility", "the permissions of the file control access to a script"),
    ("parameters", "a script cannot hold this declaration"),
    ("locked", "a script has no locked fields"),
    ("required", "a script does not check that the value is given"),
    ("resource.product", "Slurm has no products; the directives give the sizes"),
    ("resource.gpuName", "`--gres` cannot name this model, so the job may get any model"),
    ("resource.cpuCores", "Slurm allocates whole cores, so the number is rounded up"),
    ("resource.memoryGB", "Slurm allocates whole MiB, so the number is rounded up"),
    ("resource", "only the number, cores, memory and GPUs of workers have a directive"),
    ("env", "a shell cannot pass on this variable"),
    ("desc", "is too long for a comment of Slurm, or contains line breaks"),
    ("workDir", "is too long for a directive; start the command with `cd`"),
    ("name", "is too long for a directive, or contains control characters"),
];

/// The reason why an import of the script does not read a field back unchanged.
pub(super) fn of_field(at: &str, document: &Document) -> String {
    let is_on = |switch: &str| document.get(switch) == Some(&Value::Bool(true));
    let name = path::root(at);
    match name {
        "timeoutHours" | "timeoutSeconds" | "enableTimeoutCancel" if !is_on("enableTimeoutCancel") => {
            "is not a limit, because `enableTimeoutCancel` is not true".to_owned()
        }
        "timeoutHours" if document.contains_key("timeoutSeconds") => {
            "`timeoutSeconds` is given too and is the limit".to_owned()
        }
        "timeoutHours" | "timeoutSeconds" => {
            "Slurm counts whole minutes, rounded up, and counts from zero after a requeue".to_owned()
        }
        "resource" if at == "resource.gpuCount" => "the job asks for no GPUs".to_owned(),
        "maxRetryCount" if !is_on("enableAutoRetry") => "is not used, because `enableAutoRetry` is not true".to_owned(),
        _ => {
            let known = FIELDS.iter().find(|(start, _)| at.starts_with(start));
            known.map_or("Slurm has no option for this", |(_, why)| why).to_owned()
        }
    }
}

/// What a script does differently, although every value is in it.
pub(super) fn differences(document: &Document) -> Vec<String> {
    let mut notes = Vec::new();
    let is_on = |switch: &str| document.get(switch) == Some(&Value::Bool(true));
    let size = Size::of(document);
    if is_on("enableAutoRetry") {
        notes.push(
            "enableAutoRetry: `--requeue` reruns the job after the loss of a node, but not after a failure".to_owned(),
        );
    }
    if let Some(model) = size.model.filter(|_| size.gpus > 0) {
        notes.push(format!(
            "resource.gpuName: each cluster has its own names of models; check with `scontrol show nodes` that it knows `{model}`"
        ));
    }
    if size.megabytes.is_none() {
        notes.push("resource.memoryGB: is not given, so the default of the cluster applies".to_owned());
    }
    if document.get("parameters").and_then(Value::as_array).is_some_and(|declared| !declared.is_empty()) {
        notes.push("parameters: are variables with their defaults; a script does not check other values".to_owned());
    }
    for parameter in document.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let has = |key: &str| parameter.get(key).is_some_and(|value| !value.is_null());
        if !has("default") {
            let name = parameter.get("name").map(crate::ledger::shown).unwrap_or_default();
            let must = if parameter.get("required") == Some(&Value::Bool(true)) { "must" } else { "may" };
            notes.push(format!("parameters: `{name}` has no default and {must} be added to the list of parameters"));
        }
    }
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("startCommand").trim().is_empty() {
        notes.push("startCommand: is not given, so the job runs an empty command".to_owned());
    }
    if text("workDir").is_empty() || option_text(text("workDir")).is_none() {
        notes.push(
            "workDir: the job runs in the directory of the sbatch call, which must be on storage that all nodes share"
                .to_owned(),
        );
    }
    notes
}

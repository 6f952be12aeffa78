//! Why options of Slurm do not come into a template, and fields of a template not into a script.

use serde_json::Value;
use trainyard_domain::{document::Document, path};

use super::render::{Size, option_text};

const LOGS: &str = "each worker's output is kept by the server and read with `trainyard job logs`";
const PLACE: &str = "where workers run is chosen by their sizes, `gpuName` and the compute centre (`aidcId`)";
const ORDER: &str = "jobs are queued by `priority`, 1 to 3 (3 goes first)";
const WHO: &str = "who pays and who may is the key's project and user";
const BINDING: &str = "how a worker's cores, memory and accelerators lie in the machine is not chosen";
const WHEN: &str = "a job starts when it is created and there is room for it";

/// What is known of options, by name.
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
    (&["account", "wckey", "uid", "gid", "mcs-label"], WHO),
    (&["mail-type", "mail-user"], "nobody is written to: watch a job with `trainyard job events --follow`"),
    (&["array"], "a job is one run: create one for each index, with a parameter for what differs"),
    (&["dependency"], "jobs do not wait for each other: create the next one when this one has succeeded"),
    (&["begin", "deadline", "hold", "time-min", "delay-boot", "wait", "kill-on-invalid-dep"], WHEN),
    (
        &["exclusive", "oversubscribe", "overcommit", "share", "core-spec", "thread-spec"],
        "workers share hosts by their sizes; nothing is taken that they do not ask for",
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
    (&["signal"], "a stop sends SIGTERM to every process and waits for `stopGraceSeconds`"),
    (&["export-file", "get-user-env", "propagate"], "workers get a clean environment: write variables into `env`"),
    (&["chdir"], "`workDir` is an absolute path: this one begins where sbatch is called"),
    (&["container", "container-id"], "is a bundle on the cluster's disk; name an image in `image`"),
    (&["tmp"], "a worker's size is cores, memory and accelerators; there is no size of its disk"),
    (&["no-kill"], "when one worker is lost the others are stopped"),
    (&["licenses"], "there are no licences to wait for"),
    (&["profile", "acctg-freq", "power"], "is a measurement of the cluster's"),
    (&["job-name", "comment"], "is too long, or empty: set it in the template"),
    (
        &["nodes", "ntasks", "ntasks-per-node"],
        "is no number of nodes or tasks that can be read: set `resource.workerCount`",
    ),
    (&["cpus-per-task", "cpus-per-gpu"], "is no number of cores that can be read: set `resource.cpuCores`"),
    (&["mem", "mem-per-cpu", "mem-per-gpu"], "another option says how much memory there is, and that one is taken"),
    (&["gres", "gpus", "gpus-per-node", "gpus-per-task"], "asks for no accelerators: a worker has no other resources"),
];

/// Why an option is left.
pub(super) fn of_option(name: &str) -> &'static str {
    let known = OPTIONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, why)| *why);
    let is_option = super::option::by_name(name).is_some();
    known.unwrap_or(if is_option {
        "a template has no field for this"
    } else {
        "is no option of sbatch that is known here"
    })
}

/// What is known of fields, by the beginning of their path.
const FIELDS: &[(&str, &str)] = &[
    ("aidcId", "the script runs where it is submitted"),
    ("trainingType", "Slurm keeps no kind of a job"),
    (
        "image",
        "the command runs on the nodes themselves; where the cluster has containers, add its own option, such as `--container-image`",
    ),
    ("imageType", "the command runs on the nodes themselves, without an image"),
    ("storageConfigs", "nothing is mounted: the storage must lie at this path on every node already"),
    (
        "maxRetryCount",
        "Slurm counts no retries: `--requeue` runs a job again when a node was lost, and not when it failed",
    ),
    ("retryDelaySeconds", "when a requeued job starts again is the cluster's to say"),
    ("stopGraceSeconds", "the time between SIGTERM and SIGKILL is the cluster's `KillWait`"),
    ("priority", "the cluster orders its jobs: `--nice` or `--qos` may do what this did"),
    ("labels", "Slurm has no labels"),
    ("visibility", "who may see a script is up to the file"),
    ("parameters", "the declaration is not one that a script could hold"),
    ("locked", "anybody may edit a script"),
    ("required", "nothing checks that it is given"),
    ("resource.product", "there are no products: the sizes stand in the directives"),
    ("resource.gpuName", "is no type that `--gres` could name: any model will do"),
    ("resource.cpuCores", "Slurm gives whole cores: rounded up"),
    ("resource.memoryGB", "Slurm gives whole MiB: rounded up"),
    ("resource", "only number, cores, memory and accelerators of workers have a directive"),
    ("env", "is no variable that a shell could hand on"),
    ("desc", "is too long for a comment of Slurm's, or has line breaks"),
    ("workDir", "is too long for a directive: begin the command with `cd`"),
    ("name", "is too long for a directive, or has control characters"),
];

/// Why a field does not come back from a script as it is.
pub(super) fn of_field(at: &str, document: &Document) -> String {
    let is_on = |switch: &str| document.get(switch) == Some(&Value::Bool(true));
    let name = path::root(at);
    match name {
        "timeoutHours" | "timeoutSeconds" | "enableTimeoutCancel" if !is_on("enableTimeoutCancel") => {
            "there is no time limit here, as `enableTimeoutCancel` is not true".to_owned()
        }
        "timeoutHours" if document.contains_key("timeoutSeconds") => {
            "`timeoutSeconds` is the limit that counts".to_owned()
        }
        "timeoutHours" | "timeoutSeconds" => "Slurm counts whole minutes, rounded up, from each start anew".to_owned(),
        "resource" if at == "resource.gpuCount" => "no accelerators are asked for".to_owned(),
        "maxRetryCount" if !is_on("enableAutoRetry") => "is not used, as `enableAutoRetry` is not true".to_owned(),
        _ => {
            // Longer beginnings stand before shorter ones.
            let known = FIELDS.iter().find(|(start, _)| at.starts_with(start));
            known.map_or("Slurm has nothing for this", |(_, why)| why).to_owned()
        }
    }
}

/// What a script does otherwise although every value is in it.
pub(super) fn differences(document: &Document) -> Vec<String> {
    let mut notes = Vec::new();
    let is_on = |switch: &str| document.get(switch) == Some(&Value::Bool(true));
    let size = Size::of(document);
    if is_on("enableAutoRetry") {
        notes.push(
            "enableAutoRetry: `--requeue` runs the job again when a node was lost, and not when it failed".to_owned(),
        );
    }
    if let Some(model) = size.model.filter(|_| size.gpus > 0) {
        notes.push(format!(
            "resource.gpuName: clusters name models themselves; `scontrol show nodes` tells whether `{model}` is one"
        ));
    }
    if size.megabytes.is_none() {
        notes.push("resource.memoryGB: is not given, so the cluster's default is taken".to_owned());
    }
    if document.get("parameters").and_then(Value::as_array).is_some_and(|declared| !declared.is_empty()) {
        notes.push("parameters: are variables with their defaults here: nothing checks another value".to_owned());
    }
    for parameter in document.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let has = |key: &str| parameter.get(key).is_some_and(|value| !value.is_null());
        if !has("default") {
            let name = parameter.get("name").map(crate::ledger::shown).unwrap_or_default();
            let must = if parameter.get("required") == Some(&Value::Bool(true)) { "must" } else { "may" };
            notes.push(format!("parameters: `{name}` has no default and {must} be given in the list of parameters"));
        }
    }
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("startCommand").trim().is_empty() {
        notes.push("startCommand: is not given, so the job does nothing".to_owned());
    }
    if text("workDir").is_empty() || option_text(text("workDir")).is_none() {
        notes.push(
            "workDir: the job runs where sbatch is called, which must lie on storage that all nodes share".to_owned(),
        );
    }
    notes
}

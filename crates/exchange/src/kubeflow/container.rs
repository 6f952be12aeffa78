//! The fields of a container: image, command, variables, sizes and mounts.
//!
//! The container of a PyTorchJob and the trainer of a TrainJob have the same ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use trainyard_domain::{
    capacity::GB,
    framework::{Framework, is_set_by_launch},
    job_spec::{decimal_text, parse_count},
    text::check_env_name,
};

use super::{Reading, command, quantity};
use crate::ledger::Node;

/// Reads the image, command, arguments, directory and variables of a container.
pub(super) fn read(container: &Node<'_>, framework: Option<Framework>, out: &mut Reading) {
    if let Some(image) = container.get("image")
        && let Some(text) = image.text()
    {
        out.set_from("image", text, &image);
    }
    if let Some(directory) = container.get("workingDir")
        && let Some(text) = directory.text().filter(|text| text.starts_with('/'))
    {
        out.set_from("workDir", text, &directory);
    }
    let names = variables(container, framework, out);
    start_command(container, &names, out);
}

fn start_command(container: &Node<'_>, names: &BTreeSet<&str>, out: &mut Reading) {
    let words = |node: &Option<Node<'_>>| -> Option<Vec<String>> {
        let Some(node) = node else { return Some(Vec::new()) };
        node.value.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let (command, args) = (container.get("command"), container.get("args"));
    let (Some(mut line), Some(rest)) = (words(&command), words(&args)) else {
        return;
    };
    if line.is_empty() {
        if let Some(args) = args {
            let why = "only the image knows the program for these arguments; write `startCommand`";
            out.ledger.explain(&args, why);
        }
        return;
    }
    line.extend(rest);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    out.body.insert("startCommand".to_owned(), Value::from(command::line(&line, names)));
    command.iter().chain(&args).for_each(|node| out.ledger.mark_translated(node));
}

/// Reads the variables with plain values, and returns the names of all variables of the container.
fn variables<'a>(container: &Node<'a>, framework: Option<Framework>, out: &mut Reading) -> BTreeSet<&'a str> {
    let mut env: BTreeMap<usize, (&str, Value)> = BTreeMap::new();
    let mut names = BTreeSet::new();
    let list = container.get("env");
    for (index, entry) in list.iter().flat_map(Node::items).enumerate() {
        let Some(name) = entry.get("name").and_then(|node| node.text()).filter(|name| check_env_name(name).is_ok())
        else {
            continue;
        };
        names.insert(name);
        let value = entry.get("value");
        if let Some(from) = entry.get("valueFrom") {
            out.ledger.explain(&entry, from_elsewhere(&from));
        } else if is_set_by_launch(framework, name) {
            out.ledger.explain(&entry, "the launch sets this variable for every worker");
        } else if value.as_ref().is_none_or(|node| node.text().is_some()) {
            let text = value.as_ref().and_then(Node::text).unwrap_or_default();
            if let Some((earlier, _)) = env.iter().find(|(_, (given, _))| *given == name).map(|(at, it)| (*at, it)) {
                env.remove(&earlier);
                let place = list.iter().flat_map(Node::items).nth(earlier);
                place.iter().for_each(|node| {
                    out.ledger.explain(node, "the same variable follows further down; only the last one counts")
                });
            }
            env.insert(index, (name, Value::from(text)));
            entry.get("name").iter().chain(&value).for_each(|node| out.ledger.mark_translated(node));
            if let Some(node) = value.filter(|_| text.contains("$(")) {
                out.ledger.explain(&node, "is kept unchanged; only Kubernetes replaces `$(…)` in a value");
            }
        }
    }
    if !env.is_empty() {
        let members: Map<String, Value> = env.into_values().map(|(name, value)| (name.to_owned(), value)).collect();
        out.body.insert("env".to_owned(), Value::Object(members));
    }
    names
}

fn from_elsewhere(from: &Node<'_>) -> &'static str {
    let source = from.value.as_object().and_then(|source| source.keys().next()).map(String::as_str);
    match source {
        Some("secretKeyRef") => {
            "is a secret of the cluster; create a secret here and name it in `env` as {\"secret\": \"NAME\"}"
        }
        Some("configMapKeyRef") => "is in a ConfigMap of the cluster; write the value into `env`",
        Some("fieldRef" | "resourceFieldRef") => {
            "is a property of the pod; the launch sets the variables of each worker"
        }
        _ => "comes from another object of the cluster; write the value into `env`",
    }
}

/// Reads the size of a worker from `resources`: the limits first, then the requests.
pub(super) fn sizes(resources: &Node<'_>, out: &mut Reading) {
    if resources.value.as_object().is_some_and(Map::is_empty) {
        out.ledger.mark_translated(resources);
    }
    for group in ["limits", "requests"] {
        for (key, node) in resources.get(group).iter().flat_map(Node::members) {
            let (field, number) = match key {
                "cpu" => ("cpuCores", quantity::milli(node.value).map(decimal_text)),
                "memory" => ("memoryGB", quantity::milli(node.value).map(gb_of_milli_bytes)),
                "nvidia.com/gpu" | "amd.com/gpu" | "gpu.intel.com/xe" | "gpu.intel.com/i915" => {
                    ("gpuCount", quantity::milli(node.value).filter(|m| m % 1000 == 0).map(decimal_text))
                }
                _ => continue,
            };
            let given = out.body.get("resource").and_then(|resource| resource.get(field)).cloned();
            match (number, given) {
                (Some(number), None) => out.set_size_from(field, number, &node),
                (Some(number), Some(given)) if given == json!(number) => out.ledger.mark_translated(&node),
                (Some(_), Some(_)) => {
                    let why = format!("`resource.{field}` has one value, and another one of the manifest is used");
                    out.ledger.explain(&node, why);
                }
                (None, _) => {}
            }
        }
    }
}

/// Converts thousandths of a byte to GB with at most three decimals, rounded up so that a worker never gets less.
fn gb_of_milli_bytes(milli: u64) -> String {
    let thousandths = u128::from(milli).div_ceil(u128::from(GB));
    decimal_text(u64::try_from(thousandths).unwrap_or(u64::MAX))
}

/// Reads how many processes a worker starts. The number that the launch gives to `torchrun` needs no field.
pub(super) fn processes(node: &Node<'_>, out: &mut Reading) {
    let resource = out.body.get("resource");
    let gpus = resource.and_then(|resource| resource.get("gpuCount")).and_then(parse_count).unwrap_or(0);
    let word = node.shown();
    let is_default = word == gpus.max(1).to_string() || gpus > 0 && matches!(word.as_str(), "gpu" | "auto");
    if is_default {
        out.ledger.mark_translated(node);
    } else {
        let why = "the launch gives `torchrun` one process for each GPU of a worker, at least 1; for another number write \
                   `torchrun --nproc_per_node=…` in `startCommand`";
        out.ledger.explain(node, why);
    }
}

/// Reads the mounts of volumes that are claims. The name of the claim becomes the id of a storage of this server.
pub(super) fn mounts(pod: &Node<'_>, container: &Node<'_>, out: &mut Reading) {
    let volumes: Vec<Node<'_>> = pod.get("volumes").iter().flat_map(Node::items).collect();
    let mut kept: Vec<Value> = Vec::new();
    for mount in container.get("volumeMounts").iter().flat_map(Node::items) {
        let volume = volumes.iter().find(|volume| named(volume).is_some() && named(volume) == named(&mount));
        let claim = volume.and_then(|volume| volume.at(&["persistentVolumeClaim", "claimName"]));
        let (Some(volume), Some(claim), Some(at)) = (volume, claim, mount.get("mountPath")) else {
            continue;
        };
        let (Some(storage), Some(path)) = (claim.text(), at.text()) else {
            continue;
        };
        let mut item = Map::new();
        item.insert("storageId".to_owned(), Value::from(storage));
        item.insert("mountPath".to_owned(), Value::from(path));
        let fields = [("subPath", "fileDirectory"), ("readOnly", "onlyRead")];
        for (key, field) in fields {
            if let Some(node) = mount.get(key).filter(|node| node.value.is_string() == (key == "subPath")) {
                item.insert(field.to_owned(), node.value.clone());
                out.ledger.mark_translated(&node);
            }
        }
        kept.push(Value::Object(item));
        let why = "becomes the `storageId`; register a storage with this id, or name another one";
        out.ledger.explain(&claim, why);
        [mount.get("name"), Some(at), volume.get("name")]
            .iter()
            .flatten()
            .for_each(|node| out.ledger.mark_translated(node));
    }
    if !kept.is_empty() {
        out.body.insert("storageConfigs".to_owned(), Value::Array(kept));
    }
}

fn named<'a>(node: &Node<'a>) -> Option<&'a str> {
    node.get("name")?.text()
}

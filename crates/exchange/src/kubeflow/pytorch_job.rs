//! A PyTorchJob. It has replicas of two roles; a template has workers that are all alike.

use std::collections::BTreeMap;

use serde_json::Value;
use trainyard_domain::{framework::Framework, job_spec::WAIT_SECONDS_BOUNDS};

use super::{Reading, container};
use crate::ledger::{Ledger, Node};

const REPLICAS: &str = "pytorchReplicaSpecs";
/// The container of a pod that Kubeflow's operator takes as the training.
const CONTAINER: &str = "pytorch";

/// Reads the `spec` of a PyTorchJob.
pub(super) fn read(spec: &Node<'_>, out: &mut Reading) {
    out.body.insert("trainingFramwork".to_owned(), Value::from(Framework::PyTorch.as_str()));
    let roles: Vec<Node<'_>> = ["Master", "Worker"].iter().filter_map(|role| spec.at(&[REPLICAS, role])).collect();
    if let Some((first, others)) = roles.split_first() {
        workers(&roles, out);
        replica(first, out);
        for other in others {
            alike(first, other, &mut out.ledger);
        }
    }
    retry(spec, &roles, out);
    if let Some(limit) = spec.at(&["runPolicy", "activeDeadlineSeconds"]) {
        out.set_timeout_from(&limit);
    }
    if let Some(processes) = spec.get("nprocPerNode") {
        container::processes(&processes, out);
    }
}

/// Sums the replicas of all roles; a role without a number has one.
fn workers(roles: &[Node<'_>], out: &mut Reading) {
    let mut count: u64 = 0;
    for role in roles {
        let replicas = role.get("replicas");
        let number = replicas.as_ref().map_or(Some(1), |node| node.value.as_u64());
        count = count.saturating_add(number.unwrap_or(1));
        replicas.iter().filter(|_| number.is_some()).for_each(|node| out.ledger.mark_translated(node));
    }
    out.set_size("workerCount", count);
}

fn replica(role: &Node<'_>, out: &mut Reading) {
    let Some(pod) = role.at(&["template", "spec"]) else {
        return;
    };
    if let Some(grace) = pod.get("terminationGracePeriodSeconds")
        && grace.value.as_u64().is_some_and(|seconds| WAIT_SECONDS_BOUNDS.contains(seconds))
    {
        out.set_from("stopGraceSeconds", grace.value.clone(), &grace);
    }
    if let Some(model) = pod.at(&["nodeSelector", "nvidia.com/gpu.product"])
        && let Some(text) = model.text()
    {
        out.set_size_from("gpuName", text, &model);
    }
    let containers: Vec<Node<'_>> = pod.get("containers").iter().flat_map(Node::items).collect();
    let name_of = |node: &Node<'_>| node.get("name").and_then(|name| name.text()).unwrap_or_default().to_owned();
    let main = containers.iter().find(|node| name_of(node) == CONTAINER).or(containers.first());
    if let Some(main) = main {
        main.get("name")
            .iter()
            .filter(|_| name_of(main) == CONTAINER)
            .for_each(|node| out.ledger.mark_translated(node));
        container::read(main, Some(Framework::PyTorch), out);
        main.get("resources").iter().for_each(|node| container::sizes(node, out));
        container::mounts(&pod, main, out);
    }
}

/// Marks the values of a second role as translated if the first role has the same value and that is translated.
fn alike(first: &Node<'_>, other: &Node<'_>, ledger: &mut Ledger) {
    let why = "workers of a template are all alike; the value of the first role is used";
    compare(first, other, &mut |mine, theirs| {
        if ledger.knows(mine) {
            if mine.value == theirs.value {
                ledger.mark_translated(theirs);
            } else if !theirs.path.ends_with(".replicas") {
                ledger.explain(theirs, why);
            }
        }
    });
}

fn compare<'a>(mine: &Node<'a>, theirs: &Node<'a>, meet: &mut impl FnMut(&Node<'a>, &Node<'a>)) {
    meet(mine, theirs);
    let members: BTreeMap<&str, Node<'_>> = mine.members().collect();
    for (key, member) in theirs.members() {
        members.get(key).iter().for_each(|same| compare(same, &member, meet));
    }
    // Containers, variables, volumes and mounts are matched by name, other items by position.
    let name_of = |node: &Node<'a>| node.get("name").and_then(|name| name.text());
    let named: BTreeMap<&str, Node<'_>> = mine.items().filter_map(|item| Some((name_of(&item)?, item))).collect();
    for (place, item) in theirs.items().enumerate() {
        let same = match name_of(&item) {
            Some(name) => named.get(name).cloned(),
            None => mine.items().nth(place),
        };
        same.iter().for_each(|same| compare(same, &item, meet));
    }
}

/// Retries are on if Kubernetes would restart a failed pod.
fn retry(spec: &Node<'_>, roles: &[Node<'_>], out: &mut Reading) {
    let mut is_on = false;
    for policy in roles.iter().filter_map(|role| role.get("restartPolicy")) {
        match policy.text() {
            Some("Never") => out.ledger.mark_translated(&policy),
            Some("OnFailure") => {
                is_on = true;
                out.ledger.mark_translated(&policy);
            }
            Some("Always") => {
                is_on = true;
                out.ledger.explain(&policy, "becomes a retry after a failure; a job that succeeded is not run again");
            }
            Some("ExitCode") => {
                is_on = true;
                out.ledger.explain(&policy, "becomes a retry after every failure, whatever the exit code");
            }
            _ => {}
        }
    }
    let limit = spec.at(&["runPolicy", "backoffLimit"]);
    if is_on {
        out.body.insert("enableAutoRetry".to_owned(), Value::Bool(true));
    }
    if let Some(limit) = limit {
        match limit.value.as_u64() {
            Some(count) if count <= 100 => {
                out.set_from("maxRetryCount", count, &limit);
                out.body.insert("enableAutoRetry".to_owned(), Value::Bool(is_on));
            }
            _ => out.ledger.explain(&limit, "a job is retried at most 100 times; set `maxRetryCount`"),
        }
    }
}

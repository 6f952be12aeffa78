//! The description of this engine: how it isolates, kills and limits jobs, and what it does not offer.

use trainyard_domain::job_spec::JobSpec;

use super::{
    cgroup::{Role, Version, detect::ProcessControl},
    kill_method::KillMethod,
    means::{Means, Refused},
};
use crate::{Description, Isolation, Killing, Limits, Problem};

/// How well jobs are isolated from the server's secrets; values on the wire, also printed by `serve`.
const OWN_USER: &str = "own user";
const HIDDEN: &str = "data directory hidden";
const NOT_ISOLATED: &str = "NOT ISOLATED: every job can read the admin key";

/// Describes the engine, from what it detected at its start.
pub(super) fn describe(control: &ProcessControl, refused: &Refused, other_users: bool) -> Description {
    let is_init = std::process::id() == 1;
    let reason = if is_init {
        "the server is process 1 of a container: when it ends, everything in the container ends"
    } else {
        "each attempt has its own shim, a small process that outlives the server"
    };
    Description {
        engine: "local",
        runtime: "process".to_owned(),
        isolation: match (other_users, refused.check(Means::Mounts)) {
            // The stronger of the two: other users require the sandbox.
            (true, _) => OWN_USER,
            (false, Ok(())) => HIDDEN,
            (false, Err(_)) => NOT_ISOLATED,
        }
        .to_owned(),
        survives_restart: !is_init,
        survives_restart_reason: reason.to_owned(),
        means: means(refused),
        killing: killing(control),
        limits: limits(control),
        can_mount: refused.check(Means::Mounts).is_ok(),
        limitations: limitations(control, refused),
    }
}

/// The limitations that concern a spec.
pub(super) fn judge(control: &ProcessControl, refused: &Refused, spec: &JobSpec) -> Vec<Problem> {
    let is_requested = |problem: &Problem| match problem.path.as_str() {
        "image" => spec.image.is_some(),
        "storageConfigs" => !spec.mounts.is_empty(),
        // Every job requests a command, cores and memory.
        _ => true,
    };
    limitations(control, refused).into_iter().filter(is_requested).collect()
}

fn means(refused: &Refused) -> Vec<Isolation> {
    let one = |means: Means| {
        let tried = refused.check(means);
        Isolation {
            means: means.name(),
            is_used: tried.is_ok(),
            note: tried.map_or_else(|why| why, |()| means.description().to_owned()),
        }
    };
    Means::ALL.map(one).into()
}

fn killing(control: &ProcessControl) -> Killing {
    let mut note = control.method.description().to_owned();
    if control.method == KillMethod::Subreaper {
        control
            .reasons
            .iter()
            .chain(&control.no_pid_namespace)
            .for_each(|reason| note.push_str(&format!("; {reason}")));
    }
    Killing { means: control.method.name(), note }
}

fn limits(control: &ProcessControl) -> Limits {
    let by = |role| match control.version_of(role) {
        Some(Version::V2) => "cgroup v2",
        Some(Version::V1) => "cgroup v1",
        None => "none",
    };
    let (cpu, memory, pids) = (by(Role::Cpu), by(Role::Memory), by(Role::Pids));
    let note = match [cpu, memory, pids].contains(&"none") {
        false => String::new(),
        true if !control.wants_limits => "the configuration sets `limits = \"off\"`".to_owned(),
        true if control.reasons.is_empty() => "this kernel lacks the control groups for it".to_owned(),
        true => control.reasons.join("; "),
    };
    Limits { cpu, memory, pids, note }
}

fn limitations(control: &ProcessControl, refused: &Refused) -> Vec<Problem> {
    let limitation = |path: &str, refuses: bool, message: &str| Problem {
        path: path.to_owned(),
        refuses,
        message: message.to_owned(),
    };
    let counted = [
        (Role::Cpu, "resource.cpuCores", "this centre counts cores but does not enforce them"),
        (Role::Memory, "resource.memoryGB", "this centre counts memory but does not enforce it"),
        (Role::Pids, "startCommand", "this centre does not limit the processes of a worker"),
    ];
    let missing = counted.into_iter().filter(|(role, ..)| control.version_of(*role).is_none());
    let mut all =
        vec![limitation("image", false, "jobs run as processes of this host: the image is stored but not used")];
    if let Err(why) = refused.check(Means::Mounts) {
        let message = format!("this centre cannot mount storages: {why}");
        all.push(limitation("storageConfigs", true, &message));
    }
    all.extend(missing.map(|(_, path, what)| {
        let message = format!("{what}, so a worker can use more than its share");
        limitation(path, false, &message)
    }));
    all
}

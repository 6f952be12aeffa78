//! What this engine says about itself: how jobs are kept apart, killed and limited here, and what they will not get.

use super::{
    cgroup::{Role, Version, detect::Means},
    kill_method::KillMethod,
    sandbox::Account,
};
use crate::{Description, Killing, Limitation, Limits};

/// How well jobs are kept from the server's secrets, as `serve` and `centre show` say it.
const OWN_USER: &str = "own user";
const HIDDEN: &str = "data directory hidden";
const NOT_ISOLATED: &str = "NOT ISOLATED: every job can read the admin key";

/// Says it.
pub(super) fn describe(means: &Means, isolation: &Result<(), String>, account: Option<&Account>) -> Description {
    let is_init = std::process::id() == 1;
    let reason = if is_init {
        "the server is process 1 of a container: when it ends, everything in the container ends"
    } else {
        "each attempt has a small process of its own that outlives the server"
    };
    Description {
        engine: "local",
        runtime: "process".to_owned(),
        isolation: match (account, isolation) {
            // The stronger of the two, which the other goes with.
            (Some(_), _) => OWN_USER,
            (None, Ok(())) => HIDDEN,
            (None, Err(_)) => NOT_ISOLATED,
        }
        .to_owned(),
        survives_restart: !is_init,
        survives_restart_reason: reason.to_owned(),
        killing: killing(means),
        limits: limits(means),
        cannot: limitations(means, isolation),
    }
}

fn killing(means: &Means) -> Killing {
    let mut note = means.method.sentence().to_owned();
    if means.method == KillMethod::Subreaper {
        means.reasons.iter().chain(&means.without_pids).for_each(|reason| note.push_str(&format!("; {reason}")));
    }
    Killing { means: means.method.name(), note }
}

fn limits(means: &Means) -> Limits {
    let by = |role| match means.version_of(role) {
        Some(Version::V2) => "cgroup v2",
        Some(Version::V1) => "cgroup v1",
        None => "none",
    };
    let (cpu, memory, pids) = (by(Role::Cpu), by(Role::Memory), by(Role::Pids));
    let note = match [cpu, memory, pids].contains(&"none") {
        false => String::new(),
        true if !means.wants_limits => "the configuration says `limits = \"off\"`".to_owned(),
        true if means.reasons.is_empty() => "this kernel has no control groups for it".to_owned(),
        true => means.reasons.join("; "),
    };
    Limits { cpu, memory, pids, note }
}

fn limitations(means: &Means, isolation: &Result<(), String>) -> Vec<Limitation> {
    let limitation = |code: &str, field_path: &str, refuses: bool, message: &str| Limitation {
        code: code.to_owned(),
        field_path: field_path.to_owned(),
        refuses,
        message: message.to_owned(),
    };
    let counted = [
        (Role::Cpu, "CpuNotEnforced", "resource.cpuCores", "cores are counted here and not enforced"),
        (Role::Memory, "MemoryNotEnforced", "resource.memoryGB", "memory is counted here and not enforced"),
        (Role::Pids, "PidsNotLimited", "startCommand", "the processes of a worker are not limited in number here"),
    ];
    let missing = counted.into_iter().filter(|(role, ..)| means.version_of(*role).is_none());
    let mut all = vec![limitation(
        "ImageNotUsed",
        "image",
        false,
        "jobs run as processes of this host: the image is recorded and not used",
    )];
    if let Err(why) = isolation {
        let message = format!("this centre cannot mount storages: {why}");
        all.push(limitation("MountsNotSupported", "storageConfigs", true, &message));
    }
    all.extend(missing.map(|(_, code, path, what)| {
        let message = format!("{what}: a worker that takes more than its share is not held back");
        limitation(code, path, false, &message)
    }));
    all
}

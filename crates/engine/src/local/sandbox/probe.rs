//! Probing what this host allows: a process of its own does all of it and ends.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use nix::sched::CloneFlags;

use super::{
    capabilities, dir_identity,
    mask::Masks,
    mount::{Access, DetachedMount, open_path},
    namespaces, private_dirs,
};
use crate::local::{
    means::{Means, Refused},
    mountinfo,
};

/// The argument that makes the shim a probe for the means of isolation. Directories of attempts are absolute paths.
pub(crate) const PROBE: &str = "probe-sandbox";

/// The argument that makes the shim a probe for pid namespaces.
pub(crate) const PIDS_PROBE: &str = "probe-pids";

/// What a successful probe for pid namespaces prints. Its exit status is that of another process.
const POSSIBLE: &str = "possible";

/// Tries all means, with the data directory as the working directory of the probes. A probe for pid namespaces is run only
/// if `tries_pids`.
pub(crate) fn probe_host(program: &Path, arguments: &[String], data: &Path, tries_pids: bool) -> Refused {
    let mut refused = match run(PROBE, program, arguments, data) {
        Ok(answer) => serde_json::from_slice(&answer).unwrap_or_else(|_| Refused::all("the probe did not answer")),
        Err(why) => Refused::all(&why),
    };
    let pids = match refused.check(Means::Mounts) {
        Ok(()) if tries_pids => run(PIDS_PROBE, program, arguments, data).map(drop),
        Ok(()) => Err("not tried".to_owned()),
        refused => refused,
    };
    refused.note(Means::Processes, pids);
    refused
}

/// Runs a probe; returns what it printed. The error is the reason why it failed.
fn run(probe: &str, program: &Path, arguments: &[String], data: &Path) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    command.arg0("trainyard").args(arguments).arg(probe).env_clear().current_dir(data).stdin(Stdio::null());
    let Output { status, stdout, stderr } =
        command.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if status.success() && !stdout.is_empty() {
        return Ok(stdout);
    }
    let error = String::from_utf8_lossy(&stderr).trim().to_owned();
    Err(if error.is_empty() { "the probe did not answer".to_owned() } else { error })
}

/// Tries all means but the pid namespace, on the working directory; returns what to print.
pub(crate) fn probe_sandbox() -> Result<String, String> {
    let mut refused = Refused::default();
    let mounts = try_mounts();
    // All others happen in the mount namespace.
    let within = |tried: fn() -> Result<(), String>| match &mounts {
        Ok(()) => tried(),
        Err(_) => Err(format!("it needs the {}", Means::Mounts.name())),
    };
    refused.note(Means::Ipc, within(|| namespaces::unshare_more(CloneFlags::CLONE_NEWIPC)));
    refused.note(Means::Directories, within(|| Ok(())));
    refused.note(Means::SharedMemory, within(private_dirs::has_shared_memory));
    refused.note(Means::ControlGroups, within(|| namespaces::unshare_more(CloneFlags::CLONE_NEWCGROUP)));
    // Last: afterwards this process can do nothing more.
    refused.note(Means::Capabilities, capabilities::drop_capabilities());
    refused.note(Means::Mounts, mounts);
    serde_json::to_string(&refused).map_err(|error| error.to_string())
}

/// Does what a sandbox needs.
fn try_mounts() -> Result<(), String> {
    let data = std::env::current_dir().map_err(|error| format!("cannot find the data directory: {error}"))?;
    namespaces::unshare_mounts(false)?;
    let sample = open_path(&data).and_then(DetachedMount::copy_of);
    let sample = sample.map_err(|error| format!("cannot bind-mount a directory: {error}"))?;
    let (mounts, mut masks) = (mountinfo::all().map_err(super::cannot_list)?, Masks::default());
    masks.add(&mounts, &dir_identity::identify(&mounts, [data.as_path()])?, &[])?;
    attach_read_only(&sample, &data.join("probe"))
        .map_err(|error| format!("cannot bind-mount a directory read-only: {error}"))?;
    masks.seal()
}

fn attach_read_only(sample: &DetachedMount, path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    sample.attach(open_path(path)?, Access::ReadOnly)
}

/// Does what a pid namespace needs beyond that. The process must be process 1 of a new pid namespace.
pub(crate) fn probe_pid_namespace() -> Result<String, String> {
    namespaces::unshare_mounts(false)?;
    namespaces::mount_proc(&mountinfo::all().map_err(super::cannot_list)?)?;
    capabilities::drop_capabilities()?;
    match fs::read_link("/proc/self") {
        Ok(own) if own == Path::new("1") => Ok(POSSIBLE.to_owned()),
        Ok(own) => Err(format!("/proc shows process 1 of a new pid namespace as {}", own.display())),
        Err(error) => Err(format!("/proc does not show this process: {error}")),
    }
}

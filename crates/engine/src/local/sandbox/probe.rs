//! Probing what this host allows: a process of its own does all of it and ends.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{cover::Covers, dir_identity, enter::separate, list, pids, rights, tree};

/// The argument that makes the shim a probe for the sandbox. Directories of attempts are absolute paths.
pub(crate) const PROBE: &str = "probe-space";

/// The argument that makes the shim a probe for pid namespaces.
pub(crate) const PIDS_PROBE: &str = "probe-pids";

/// What a successful probe prints.
const POSSIBLE: &str = "possible";

/// Runs a probe, with the data directory as its working directory; the error is the reason why it failed.
pub(crate) fn ask(probe: &str, program: &Path, arguments: &[String], data: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg0("trainyard").args(arguments).arg(probe).env_clear().current_dir(data).stdin(Stdio::null());
    let done = command.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&done.stdout);
    if done.status.success() && said.trim() == POSSIBLE {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(if complaint.is_empty() { "the probe did not answer".to_owned() } else { complaint })
}

/// Does what a sandbox needs, on the working directory; returns what to print.
pub(crate) fn answer() -> Result<&'static str, String> {
    let here = std::env::current_dir().map_err(|error| format!("cannot find the data directory: {error}"))?;
    separate().map_err(|error| format!("cannot create a mount namespace: {error}"))?;
    let sample = tree::open(&here).and_then(|open| tree::Tree::of(&open));
    let sample = sample.map_err(|error| format!("cannot bind-mount a directory: {error}"))?;
    let (mounts, mut covers) = (list::all()?, Covers::default());
    covers.over(&mounts, &dir_identity::all(&mounts, [here.as_path()])?, &[])?;
    let put = std::fs::create_dir(here.join("probe")).and_then(|()| {
        let on = tree::open(&here.join("probe"))?;
        sample.put(on, tree::Access::Read)
    });
    put.map_err(|error| format!("cannot bind-mount a directory read-only: {error}"))?;
    covers.seal()?;
    rights::bound()?;
    Ok(POSSIBLE)
}

/// Does what a pid namespace needs beyond that. The process must be process 1 of a new pid namespace.
pub(crate) fn answer_pids() -> Result<&'static str, String> {
    separate().map_err(|error| format!("cannot create a mount namespace: {error}"))?;
    pids::show(&list::all()?)?;
    rights::bound()?;
    match std::fs::read_link("/proc/self") {
        Ok(own) if own == Path::new("1") => Ok(POSSIBLE),
        Ok(own) => Err(format!("process 1 of a new pid namespace is shown as {}", own.display())),
        Err(error) => Err(format!("/proc does not show this process: {error}")),
    }
}

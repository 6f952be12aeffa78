//! Probing what this host allows: a separate process tries everything that a sandbox needs and ends.

use std::{
    fs, io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    dir_identity, hardening,
    mask::Masks,
    mount::{Access, DetachedMount, open_path},
    namespaces,
};
use crate::local::mountinfo;

/// The argument that makes the shim a probe for the sandbox. Directories of attempts are absolute paths.
pub(crate) const PROBE: &str = "probe-sandbox";

/// The argument that makes the shim a probe for pid namespaces.
pub(crate) const PIDS_PROBE: &str = "probe-pids";

/// What a successful probe prints.
const POSSIBLE: &str = "possible";

/// Runs a probe, with the data directory as its working directory; the error is the reason why it failed.
pub(crate) fn run_probe(probe: &str, program: &Path, arguments: &[String], data: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg0("trainyard").args(arguments).arg(probe).env_clear().current_dir(data).stdin(Stdio::null());
    let done = command.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if done.status.success() && String::from_utf8_lossy(&done.stdout).trim() == POSSIBLE {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(if error.is_empty() { "the probe did not answer".to_owned() } else { error })
}

/// Does everything that a sandbox needs, on the working directory; returns the text to print.
pub(crate) fn probe_sandbox() -> Result<&'static str, String> {
    let data = std::env::current_dir().map_err(|error| format!("cannot find the data directory: {error}"))?;
    namespaces::unshare_mounts()?;
    let sample = open_path(&data).and_then(DetachedMount::copy_of);
    let sample = sample.map_err(|error| format!("cannot bind-mount a directory: {error}"))?;
    let (mounts, mut masks) = (mountinfo::all().map_err(super::cannot_list)?, Masks::default());
    masks.add(&mounts, &dir_identity::identify(&mounts, [data.as_path()])?, &[])?;
    attach_read_only(&sample, &data.join("probe"))
        .map_err(|error| format!("cannot bind-mount a directory read-only: {error}"))?;
    masks.seal()?;
    hardening::drop_capabilities()?;
    Ok(POSSIBLE)
}

fn attach_read_only(sample: &DetachedMount, path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    sample.attach(open_path(path)?, Access::ReadOnly)
}

/// Does everything that a pid namespace needs beyond the sandbox. The process must be process 1 of a new pid namespace.
pub(crate) fn probe_pid_namespace() -> Result<&'static str, String> {
    namespaces::unshare_mounts()?;
    namespaces::mount_proc(&mountinfo::all().map_err(super::cannot_list)?)?;
    hardening::drop_capabilities()?;
    match fs::read_link("/proc/self") {
        Ok(own) if own == Path::new("1") => Ok(POSSIBLE),
        Ok(own) => Err(format!("/proc shows process 1 of a new pid namespace as {}", own.display())),
        Err(error) => Err(format!("/proc does not show this process: {error}")),
    }
}

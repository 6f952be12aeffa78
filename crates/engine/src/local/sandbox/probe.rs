//! Whether this host allows any of it, found out by doing it: in a process of its own, which ends afterwards.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{cover::Covers, dir_identity, enter::separate, list, pids, rights, tree};

/// What the shim is told in place of an attempt's directory, which is always an absolute path.
pub(crate) const PROBE: &str = "probe-space";

/// The same, where pid namespaces are asked for.
pub(crate) const PIDS_PROBE: &str = "probe-pids";

/// What it prints where everything went well.
const POSSIBLE: &str = "possible";

/// Asks the shim by this probe, with the data directory as its working directory; the reason where it is not possible.
pub(crate) fn ask(probe: &str, program: &Path, arguments: &[String], data: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg0("trainyard").args(arguments).arg(probe).env_clear().current_dir(data).stdin(Stdio::null());
    let done = command.output().map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&done.stdout);
    if done.status.success() && said.trim() == POSSIBLE {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(if complaint.is_empty() { "the probe did not answer".to_owned() } else { complaint })
}

/// Does what the workers' view needs, on the working directory; what is to be printed.
pub(crate) fn answer() -> Result<&'static str, String> {
    let here = std::env::current_dir().map_err(|error| format!("the data directory has no path: {error}"))?;
    separate().map_err(|error| format!("no mount namespace can be made: {error}"))?;
    let sample = tree::open(&here).and_then(|open| tree::Tree::of(&open));
    let sample = sample.map_err(|error| format!("no directory can be shown elsewhere: {error}"))?;
    let (mounts, mut covers) = (list::all()?, Covers::default());
    covers.over(&mounts, &dir_identity::all(&mounts, [here.as_path()])?, &[])?;
    let put = std::fs::create_dir(here.join("probe")).and_then(|()| {
        let on = tree::open(&here.join("probe"))?;
        sample.put(on, tree::Access::Read)
    });
    put.map_err(|error| format!("no directory can be shown read-only elsewhere: {error}"))?;
    covers.seal()?;
    rights::bound()?;
    Ok(POSSIBLE)
}

/// Does what a pid namespace needs beyond that; to be called as its process 1.
pub(crate) fn answer_pids() -> Result<&'static str, String> {
    separate().map_err(|error| format!("no mount namespace can be made: {error}"))?;
    pids::show(&list::all()?)?;
    rights::bound()?;
    match std::fs::read_link("/proc/self") {
        Ok(own) if own == Path::new("1") => Ok(POSSIBLE),
        Ok(own) => Err(format!("process 1 of a new pid namespace is shown as {}", own.display())),
        Err(error) => Err(format!("/proc does not show this process: {error}")),
    }
}

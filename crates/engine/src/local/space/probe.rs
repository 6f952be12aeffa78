//! Whether this host allows any of it, found out by doing it: in a process of its own, which ends afterwards.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{cover, enter::separate, list, rights, tree};

/// What the shim is told in place of an attempt's directory, which is always an absolute path.
pub(crate) const PROBE: &str = "probe-space";

/// What it prints where everything went well.
const POSSIBLE: &str = "possible";

/// Asks the shim, with the data directory as its working directory; the reason where it is not possible.
pub(crate) fn ask(program: &Path, arguments: &[String], data: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg0("trainyard").args(arguments).arg(PROBE).env_clear().current_dir(data).stdin(Stdio::null());
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
    let covers = cover::over(&list::all()?, [here.as_path()])?;
    let put = std::fs::create_dir(here.join("probe")).and_then(|()| {
        let on = tree::open(&here.join("probe"))?;
        sample.put(on, tree::Access::Read)
    });
    put.map_err(|error| format!("no directory can be shown read-only elsewhere: {error}"))?;
    covers.seal()?;
    rights::bound()?;
    Ok(POSSIBLE)
}

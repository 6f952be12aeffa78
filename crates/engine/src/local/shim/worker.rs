//! Starting one worker's main process.
//!
//! No code of ours runs between fork and exec, so that the standard library uses `posix_spawn` and the start costs the
//! same however large this process is. The worker gets its own process group, no standard input, and one pipe for both
//! outputs, so that its lines keep their order.

use std::{
    io::{self, PipeReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::WorkerLaunch;

/// The shell that runs every command.
const SHELL: &str = "/bin/sh";

/// A started main process and the end of the pipe on which its output comes.
pub(super) struct Begun {
    pub(super) pid: u32,
    pub(super) output: PipeReader,
}

/// Starts it, or says for people why that cannot be.
pub(super) fn start(command: &str, work_dir: &Path, worker: &WorkerLaunch) -> Result<Begun, String> {
    check_directory(work_dir)?;
    let (output, child) = spawn(command, work_dir, worker).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => format!("the command or the environment cannot be passed on: {error}"),
        _ => format!("{SHELL} could not be started in {}: {error}", work_dir.display()),
    })?;
    // The child is not waited for through the handle: the shim reaps all its children, adopted ones too, in one place.
    Ok(Begun { pid: child.id(), output })
}

/// What the standard library could only call "not found", which might as well be the shell.
fn check_directory(work_dir: &Path) -> Result<(), String> {
    let shown = work_dir.display();
    match std::fs::metadata(work_dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("the working directory {shown} is not a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("the working directory {shown} does not exist"))
        }
        Err(error) => Err(format!("the working directory {shown} cannot be entered: {error}")),
    }
}

fn spawn(command: &str, work_dir: &Path, worker: &WorkerLaunch) -> io::Result<(PipeReader, Child)> {
    let (output, input) = io::pipe()?;
    let child = Command::new(SHELL)
        .arg("-c")
        .arg(command)
        .env_clear()
        .envs(worker.env.iter().map(|(name, value)| (name, value)))
        .current_dir(work_dir)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .spawn()?;
    Ok((output, child))
}

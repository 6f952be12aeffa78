//! Starting the main process of a worker.
//!
//! The worker gets its own process group, no standard input, and one pipe for both outputs, so that its lines keep their
//! order. Without control groups and without another user, no code of ours runs between fork and exec, and the standard
//! library uses `posix_spawn`. Otherwise the child is created in its group, or attaches itself before it executes the
//! shell. The shim is never in the group of a worker, so it is neither counted nor killed there.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, PipeReader, Read as _, Write as _},
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, waitpid},
};

use super::clone;
use crate::local::{
    cgroup::group::Entry,
    sandbox::{CgroupView, RunAs},
};

/// The shell that runs every command.
const SHELL: &str = "/bin/sh";

/// A started main process, and the pipe through which its output arrives.
pub(super) struct StartedWorker {
    pub(super) pid: u32,
    pub(super) output: PipeReader,
}

/// What the child changes before it executes the shell.
#[derive(Clone, Copy)]
pub(super) struct ChildSetup<'a> {
    /// The control groups that the child enters.
    pub(super) entry: Option<&'a Entry>,
    /// What it then sees of them, if that is restricted.
    pub(super) view: Option<&'a CgroupView>,
    /// The user that the child becomes.
    pub(super) run_as: Option<&'a RunAs>,
}

/// Starts the worker with these variables and no others; the error says why that failed.
pub(super) fn start(
    command: &str,
    work_dir: &Path,
    env: &BTreeMap<&str, Cow<'_, str>>,
    setup: ChildSetup<'_>,
) -> Result<StartedWorker, String> {
    let describe = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidInput => format!("the command or the environment is not valid: {error}"),
        _ => format!("cannot start {SHELL} in {}: {error}", work_dir.display()),
    };
    let (output, mut command) = prepare(command, work_dir, env).map_err(describe)?;
    let pid = match setup {
        // The handle of the child is not used: the shim reaps all its children, adopted ones too, in one place.
        ChildSetup { entry: None, view: None, run_as: None } => {
            check_directory(work_dir)?;
            command.spawn().map_err(describe)?.id()
        }
        setup => fork_with_setup(setup, command, || check_directory(work_dir), describe)?,
    };
    Ok(StartedWorker { pid, output })
}

/// Starts the worker inside its control groups and as its user.
fn fork_with_setup(
    setup: ChildSetup<'_>,
    mut command: Command,
    check: impl Fn() -> Result<(), String>,
    describe: impl Fn(io::Error) -> String,
) -> Result<u32, String> {
    let failed = |error: io::Error| format!("cannot create a process: {error}");
    // The pipe is closed when the child has executed the shell; until then the child can report an error through it.
    let (mut error_pipe, mut report) = io::pipe().map_err(failed)?;
    let mut execute = |attach_file: Option<&Path>| {
        let more = setup.entry.into_iter().flat_map(|entry| entry.attach_files.iter().map(std::path::PathBuf::as_path));
        let entered = attach_file.into_iter().chain(more).try_for_each(attach);
        let name = setup.entry.map(|entry| entry.name.as_path());
        let hidden = entered.and_then(|()| setup.view.map_or(Ok(()), |view| view.enter(name)));
        // After the groups, which only root may enter, and before the directory: its error says only what this user can see.
        let switched = hidden.and_then(|()| setup.run_as.map_or(Ok(()), RunAs::switch));
        let why = match switched.and_then(|()| check()) {
            Err(why) => why,
            Ok(()) => describe(command.exec()),
        };
        let _ = report.write_all(why.as_bytes());
    };
    let forked = match setup.entry.and_then(|entry| entry.clone_into.as_ref()) {
        Some((group, attach_file)) => match clone::child(Some(group.as_fd()), || execute(None)) {
            // An older kernel, or a filter of system calls that does not know the call.
            Err(error) if is_unknown(&error) => clone::child(None, || execute(Some(attach_file))),
            forked => forked,
        },
        None => clone::child(None, || execute(None)),
    };
    let pid = forked.map_err(failed)?;
    drop((report, command));
    let mut why = String::new();
    error_pipe.read_to_string(&mut why).map_err(failed)?;
    if why.is_empty() {
        return Ok(pid);
    }
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
    Err(why)
}

/// Attaches this process to a control group.
fn attach(attach_file: &Path) -> Result<(), String> {
    let written = OpenOptions::new().write(true).open(attach_file).and_then(|mut file| file.write_all(b"0"));
    written.map_err(|error| format!("cannot enter the control group {}: {error}", attach_file.display()))
}

fn is_unknown(error: &io::Error) -> bool {
    [Errno::NOSYS, Errno::PERM, Errno::INVAL, Errno::TOOBIG]
        .iter()
        .any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}

/// Checks the directory first: the standard library reports only "not found", which could also mean the shell.
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

fn prepare(line: &str, work_dir: &Path, env: &BTreeMap<&str, Cow<'_, str>>) -> io::Result<(PipeReader, Command)> {
    let (output, input) = io::pipe()?;
    let mut command = Command::new(SHELL);
    command
        .arg("-c")
        .arg(line)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value.as_ref())))
        .current_dir(work_dir)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    Ok((output, command))
}

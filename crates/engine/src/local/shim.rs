//! The shim: one small process for each attempt. It outlives the server, starts the workers and records what becomes of
//! them.
//!
//! It is synchronous and has one thread. It starts nothing unless it holds the attempt's lock and has durably written
//! `started`. It ends only when no process below it exists and this is durably recorded. SIGTERM, SIGINT, SIGHUP and
//! similar signals do not end it, because it must see the exits of its workers: stop the job instead.

pub(crate) mod log_cap;

mod clone;
mod descendants;
mod gang;
mod line_times;
mod outputs;
mod prepare;
mod process_title;
mod pump;
mod report;
mod run_loop;
mod starter;
mod watch;
mod worker;

use std::{fs::File, io::Write as _, path::Path, process::exit};

use rustix::process::{Pid, WaitOptions, waitpid};

use self::{
    prepare::{Claim, Prepared},
    run_loop::RunLoop,
};
use super::sandbox;

/// The argument that makes the program a starter. Other arguments are directories of attempts, which are absolute paths.
pub(super) const STARTER: &str = "starter";

/// Runs the attempt in this directory to its end; returns the exit status. The process must have no other thread yet.
pub fn run(attempt_dir: &Path) -> i32 {
    let done = if attempt_dir == Path::new(sandbox::PROBE) {
        sandbox::probe_sandbox().and_then(print)
    } else if attempt_dir == Path::new(STARTER) {
        starter::serve().map(|()| 0)
    } else if attempt_dir == Path::new(sandbox::PIDS_PROBE) {
        let probe = |pid1: Result<(), String>| pid1.and_then(|()| sandbox::probe_pid_namespace()).and_then(print);
        in_pid_namespace(true, |pid1| status(probe(pid1)))
    } else {
        // Without the server there are no secrets: an attempt that needs any does not start.
        run_attempt(attempt_dir, None)
    };
    status(done)
}

/// Claims the attempt and runs it, in this process or as process 1 of the attempt's own pid namespace.
fn run_attempt(attempt_dir: &Path, secrets: Option<File>) -> Result<i32, String> {
    let Some(claim) = Claim::take(attempt_dir, secrets)? else { return Ok(0) };
    if claim.wants_pid_namespace() {
        // This process does not wait for its child: the starter reaps shims that have lost their parent.
        in_pid_namespace(false, |pid1| status(run_claim(claim, Some(pid1))))
    } else {
        run_claim(claim, None)
    }
}

fn run_claim(claim: Claim, pid1: Option<Result<(), String>>) -> Result<i32, String> {
    RunLoop::start(Prepared::new(claim, pid1)?)?.run().map(|()| 0)
}

/// Continues in process 1 of a new pid namespace; returns the exit status of this process, which waits for the other if
/// `waits`. If no namespace can be created, this process itself continues and learns why.
///
/// A process cannot enter a new pid namespace itself: its next child is the first process in it. The lock of the attempt
/// belongs to an open file, which both processes have for a moment.
fn in_pid_namespace(waits: bool, run: impl FnOnce(Result<(), String>) -> i32) -> Result<i32, String> {
    if let Err(why) = sandbox::unshare_pids() {
        return Ok(run(Err(why)));
    }
    let forked = clone::child(None, || exit(run(Ok(()))));
    let pid = forked.map_err(while_doing("creating the first process of a pid namespace"))?;
    if let (true, Some(pid)) = (waits, i32::try_from(pid).ok().and_then(Pid::from_raw)) {
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
    Ok(0)
}

/// Prints the answer of a probe.
fn print(answer: String) -> Result<i32, String> {
    writeln!(std::io::stdout(), "{answer}").map(|()| 0).map_err(while_doing("answering"))
}

fn status(done: Result<i32, String>) -> i32 {
    done.unwrap_or_else(|message| {
        log_error(&message);
        1
    })
}

/// Reports an error on standard error, which is the attempt's `shim.log`. An error of that is lost.
fn log_error(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Turns an error of the system into a message that says what the shim was doing.
fn while_doing<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

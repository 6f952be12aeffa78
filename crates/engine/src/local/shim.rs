//! The shim: one small process for each attempt. It outlives the server, starts the workers and records what becomes of
//! them.
//!
//! It is synchronous and has one thread. It starts nothing unless it holds the attempt's lock and has durably written
//! `started`. It ends only when no process below it exists and this is durably recorded. SIGTERM, SIGINT, SIGHUP and
//! similar signals do not end it, because it must see the exits of its workers: stop the job instead.

pub(crate) mod clock;

mod clone;
mod first;
mod gang;
pub(crate) mod keep;
mod outputs;
mod pump;
mod ready;
mod report;
mod run_loop;
mod stamps;
mod starter;
mod survey;
mod title;
mod watch;
mod worker;

use std::{io::Write as _, path::Path};

use self::{
    ready::{Claim, Ready},
    run_loop::RunLoop,
};
use super::sandbox;

/// The argument that makes the program a starter. Other arguments are directories of attempts, which are absolute paths.
pub(super) const STARTER: &str = "starter";

/// Runs the attempt in this directory to its end; returns the exit status. The process must have no other thread yet.
pub fn run(attempt_dir: &Path) -> i32 {
    let done = if attempt_dir == Path::new(sandbox::PROBE) {
        sandbox::answer().and_then(say)
    } else if attempt_dir == Path::new(STARTER) {
        starter::serve().map(|()| 0)
    } else if attempt_dir == Path::new(sandbox::PIDS_PROBE) {
        first::of_its_own(true, |first| status(first.and_then(|()| sandbox::answer_pids()).and_then(say)))
    } else {
        claim(attempt_dir)
    };
    status(done)
}

/// Claims the attempt and runs it, in this process or as process 1 of the attempt's own pid namespace.
fn claim(attempt_dir: &Path) -> Result<i32, String> {
    let Some(claim) = Claim::take(attempt_dir)? else { return Ok(0) };
    if claim.wants_own_pids() {
        // The process does not wait for its child: the starter reaps the shims that have left their parents.
        first::of_its_own(false, |first| status(live(claim, Some(first))))
    } else {
        live(claim, None)
    }
}

fn live(claim: Claim, first: Option<Result<(), String>>) -> Result<i32, String> {
    RunLoop::begin(Ready::prepare(claim, first)?)?.until_the_end().map(|()| 0)
}

/// Prints the answer of a probe.
fn say(answer: &'static str) -> Result<i32, String> {
    writeln!(std::io::stdout(), "{answer}").map(|()| 0).map_err(while_doing("answering"))
}

fn status(done: Result<i32, String>) -> i32 {
    done.unwrap_or_else(|message| {
        complain(&message);
        1
    })
}

/// Reports an error on standard error, which is the attempt's `shim.log`. An error of that is lost.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Turns an error of the system into a message that says what the shim was doing.
fn while_doing<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

//! The shim: one small process per attempt that outlives the server, starts the workers, and writes down what becomes
//! of them.
//!
//! Synchronous and single-threaded. It starts nothing unless it holds the attempt's lock and has durably written
//! `started` first, and it ends only when no process below it exists and that is durably written too. SIGTERM, SIGINT,
//! SIGHUP and their like do not end it, since it must see its workers end: stop the job instead.

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

/// What the shim is told in place of an attempt's directory, which is always an absolute path, to start shims.
pub(super) const STARTER: &str = "starter";

/// Runs the attempt whose directory this is, to its end; answers the exit status. To be called before any other thread
/// exists.
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

/// Takes the attempt and runs it, here or as process 1 of its own pid namespace.
fn claim(attempt_dir: &Path) -> Result<i32, String> {
    let Some(claim) = Claim::take(attempt_dir)? else { return Ok(0) };
    if claim.wants_own_pids() {
        // Whoever starts shims reaps those too that have left their parents.
        first::of_its_own(false, |first| status(live(claim, Some(first))))
    } else {
        live(claim, None)
    }
}

fn live(claim: Claim, first: Option<Result<(), String>>) -> Result<i32, String> {
    RunLoop::begin(Ready::prepare(claim, first)?)?.until_the_end().map(|()| 0)
}

/// The answer of a probe.
fn say(answer: &'static str) -> Result<i32, String> {
    writeln!(std::io::stdout(), "{answer}").map(|()| 0).map_err(while_doing("answering"))
}

fn status(done: Result<i32, String>) -> i32 {
    done.unwrap_or_else(|message| {
        complain(&message);
        1
    })
}

/// Standard error is the attempt's `shim.log`; where even that fails there is nobody left to tell.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// A fault of the system, told with what was being done.
fn while_doing<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

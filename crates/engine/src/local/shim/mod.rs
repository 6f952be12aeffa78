//! The shim: one small process per attempt that outlives the server, starts the workers, and writes down what becomes
//! of them.
//!
//! Synchronous and single-threaded. It starts nothing unless it holds the attempt's lock and has durably written
//! `started` first, and it ends only when no process below it exists and that is durably written too. SIGTERM, SIGINT,
//! SIGHUP and their like do not end it, since it must see its workers end: stop the job instead.

pub(crate) mod clock;

mod clone;
mod gang;
pub(crate) mod keep;
mod live;
mod outputs;
mod pump;
mod ready;
mod report;
mod stamps;
mod starter;
mod survey;
mod title;
mod watch;
mod worker;

use std::{io::Write as _, path::Path};

use self::{live::Live, ready::Ready};
use super::space;

/// What the shim is told in place of an attempt's directory, which is always an absolute path, to start shims.
pub(super) const STARTER: &str = "starter";

/// Runs the attempt whose directory this is, to its end; answers the exit status. To be called before any other thread
/// exists.
pub fn run(attempt_dir: &Path) -> i32 {
    if attempt_dir == Path::new(space::PROBE) {
        return probe();
    }
    let done = if attempt_dir == Path::new(STARTER) { starter::serve() } else { to_the_end(attempt_dir) };
    match done {
        Ok(()) => 0,
        Err(message) => {
            complain(&message);
            1
        }
    }
}

fn to_the_end(attempt_dir: &Path) -> Result<(), String> {
    match Ready::prepare(attempt_dir)? {
        Some(ready) => Live::begin(ready)?.until_the_end(),
        None => Ok(()),
    }
}

/// Tries what the workers' view needs, and prints that it went well.
fn probe() -> i32 {
    match space::answer() {
        Ok(answer) if writeln!(std::io::stdout(), "{answer}").is_ok() => 0,
        Ok(_) => 1,
        Err(message) => {
            complain(&message);
            1
        }
    }
}

/// Standard error is the attempt's `shim.log`; where even that fails there is nobody left to tell.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// A fault of the system, told with what was being done.
fn while_doing<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

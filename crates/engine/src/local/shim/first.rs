//! Becoming process 1 of the attempt's own pid namespace.
//!
//! Nobody can enter a new one himself: his next child is born in it. So the shim goes on in a child, and the process
//! that was started for the attempt leaves. The lock belongs to an open file, which both have for that moment.

use std::process::exit;

use rustix::process::{Pid, WaitOptions, waitpid};

use super::clone;
use crate::local::sandbox::separate_pids;

/// Goes on in process 1 of a new pid namespace; answers the exit status of this one, which `waits` for the end of that
/// or leaves at once. Where there can be none it goes on here, told why.
pub(super) fn of_its_own(waits: bool, go_on: impl FnOnce(Result<(), String>) -> i32) -> Result<i32, String> {
    if let Err(why) = separate_pids() {
        return Ok(go_on(Err(why)));
    }
    let born = clone::child(None, || exit(go_on(Ok(()))));
    let pid = born.map_err(|error| format!("making the first process of a pid namespace: {error}"))?;
    if let (true, Some(pid)) = (waits, i32::try_from(pid).ok().and_then(Pid::from_raw)) {
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
    Ok(0)
}

//! Processes of their own: a pid namespace in which the shim is process 1.
//!
//! Nobody leaves it, whatever he forks, and when process 1 ends, be it killed, the kernel kills all the others before
//! that is told to anybody.

use std::path::Path;

use nix::{
    mount::{MsFlags, mount},
    sched::CloneFlags,
};

use super::{enter::apart, list::Mounted};

const PROC: &str = "/proc";

/// What lies on some hosts on a part of `/proc` and hides nothing.
const HARMLESS: [&str; 2] = ["autofs", "binfmt_misc"];

/// The next child of this process will be process 1 of a new pid namespace. This process itself stays where it is.
pub(crate) fn separate() -> Result<(), String> {
    apart(CloneFlags::CLONE_NEWPID).map_err(|error| format!("no pid namespace can be made: {error}"))
}

/// Shows the processes of this process's pid namespace in `/proc`, and no others; the mounts are those of its own mount
/// namespace.
pub(super) fn show(mounts: &[Mounted]) -> Result<(), String> {
    // The kernel refuses it to ordinary users; root would uncover what a container hides from him.
    let covers = |one: &&Mounted| {
        let is_below = one.at.starts_with(PROC) && one.at != Path::new(PROC);
        is_below && !HARMLESS.contains(&one.kind.as_str())
    };
    if let Some(cover) = mounts.iter().find(covers) {
        return Err(format!("a part of {PROC} is covered here: {}", cover.at.display()));
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let mounted = mount(Some("proc"), PROC, Some("proc"), flags, None::<&str>);
    mounted.map_err(|error| format!("no {PROC} of its own can be mounted: {error}"))
}

//! Creating a child inside a control group. This is the only module with unsafe code.
//!
//! The standard library does not offer `CLONE_INTO_CGROUP`. Without it the shim would have to move the child, which stops
//! all forks of the machine for an RCU grace period and costs ten milliseconds.

#![expect(unsafe_code, reason = "clone3 and _exit have no safe wrappers")]

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use nix::libc;

/// From `linux/sched.h`; the value is too large for the type of such constants in libc.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The exit status of a child after its closure has returned.
const FAILED: i32 = 127;

/// Forks this process. The child calls the closure, which executes another program or does all that is left to do. When
/// the closure returns, the child exits.
///
/// The process must have no other thread: a lock that another thread holds would stay locked in the child.
pub(super) fn child(group: Option<BorrowedFd<'_>>, closure: impl FnOnce()) -> io::Result<u32> {
    let pid = copy(group)?;
    if pid != 0 {
        return Ok(pid.unsigned_abs());
    }
    // Even after a panic the child never returns into the code of the parent.
    let _ = catch_unwind(AssertUnwindSafe(closure));
    // SAFETY: ends the process and runs no exit handlers of the parent.
    unsafe { libc::_exit(FAILED) }
}

fn copy(group: Option<BorrowedFd<'_>>) -> io::Result<i32> {
    let Some(group) = group else {
        // SAFETY: the process has one thread, so the memory of the copy is consistent.
        return answer(unsafe { libc::fork() }.into());
    };
    // SAFETY: all fields are numbers, and zero means that a feature is not requested.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    args.cgroup = u64::from(group.as_raw_fd().unsigned_abs());
    // SAFETY: the size is that of the structure, which lives until the call returns. The child shares no memory and has no
    // stack of its own, so the call behaves like fork.
    answer(unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) })
}

fn answer(pid: libc::c_long) -> io::Result<i32> {
    match i32::try_from(pid) {
        Ok(pid) if pid >= 0 => Ok(pid),
        _ => Err(io::Error::last_os_error()),
    }
}

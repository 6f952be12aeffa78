//! Making a child that is born in a control group: the one place of the project with code that the compiler cannot check.
//!
//! The standard library cannot say `CLONE_INTO_CGROUP`. Without it the child would have to be moved, which stops all
//! forks of the machine for an RCU grace period and costs ten milliseconds.

#![expect(unsafe_code, reason = "clone3 and _exit have no safe wrappers")]

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use nix::libc;

/// From `linux/sched.h`; too large for the type that libc gives such constants.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The status of a child whose closure came back.
const FAILED: i32 = 127;

/// Copies this process; the child calls the closure, which is to become another program or to do all that is left, and
/// ends when it comes back.
///
/// The process must have no other thread: a lock that one of them held would be held in the child for ever.
pub(super) fn child(group: Option<BorrowedFd<'_>>, closure: impl FnOnce()) -> io::Result<u32> {
    let pid = copy(group)?;
    if pid != 0 {
        return Ok(pid.unsigned_abs());
    }
    // Whatever happens, the child never returns into what the parent was doing.
    let _ = catch_unwind(AssertUnwindSafe(closure));
    // SAFETY: ends the process; runs nothing that the parent has registered for its own end.
    unsafe { libc::_exit(FAILED) }
}

fn copy(group: Option<BorrowedFd<'_>>) -> io::Result<i32> {
    let Some(group) = group else {
        // SAFETY: the process has one thread, so in the copy everything is as it was here.
        return answer(unsafe { libc::fork() }.into());
    };
    // SAFETY: all of its fields are numbers, for which zero means "not asked for".
    let mut wish: libc::clone_args = unsafe { std::mem::zeroed() };
    wish.flags = CLONE_INTO_CGROUP;
    wish.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    wish.cgroup = u64::from(group.as_raw_fd().unsigned_abs());
    // SAFETY: the structure is of the size that is said and lives until the call returns; no memory is shared with the
    // child and it has no stack of its own, so this is a fork.
    answer(unsafe { libc::syscall(libc::SYS_clone3, &raw const wish, size_of::<libc::clone_args>()) })
}

fn answer(pid: libc::c_long) -> io::Result<i32> {
    match i32::try_from(pid) {
        Ok(pid) if pid >= 0 => Ok(pid),
        _ => Err(io::Error::last_os_error()),
    }
}

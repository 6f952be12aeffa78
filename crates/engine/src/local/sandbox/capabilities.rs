//! The capabilities that workers may have: an allow-list, so that workers lack every capability that a later kernel adds.
//!
//! Capabilities leave the bounding set, not the shim: the shim must still kill processes and remove groups. The kernel
//! takes them away when a worker executes its shell.

use nix::sys::prctl;
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

/// What a worker that runs as root needs to manage its own files, users and processes, and to listen on low ports.
/// `IPC_LOCK` is for RDMA, which registers locked memory; locked memory counts as any other.
const ALLOWED: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::IPC_LOCK);

/// The size of the kernel's sets in bits.
const MOST: u32 = u64::BITS;

/// Removes all other capabilities from the sets that workers inherit, so that no worker has or gains one, root or not.
/// Afterwards only a process with more rights than this one can inspect it.
pub(crate) fn drop_capabilities() -> Result<(), String> {
    restrict().map_err(|error| format!("cannot drop the capabilities of workers: {error}"))?;
    // The open files of this process lead out of the sandbox.
    prctl::set_dumpable(false).map_err(|error| format!("cannot protect the shim from inspection: {error}"))
}

fn restrict() -> rustix::io::Result<()> {
    let mut own = capabilities(None)?;
    for number in 0..MOST {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match capability_is_in_bounding_set(capability) {
            Ok(true) if !ALLOWED.contains(capability) => match remove_capability_from_bounding_set(capability) {
                // An ordinary user, which has none and can gain none from now on.
                Err(Errno::PERM) if own.permitted.is_empty() => break,
                removed => removed?,
            },
            Ok(_) => {}
            // The kernel knows neither this capability nor those after it.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    clear_ambient_capability_set()?;
    own.inheritable = CapabilitySet::empty();
    set_capabilities(None, own)?;
    set_no_new_privs(true)
}

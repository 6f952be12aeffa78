//! What workers must not be able to do, so that nothing of their view can be undone.
//!
//! The shim keeps its own rights. It takes these out of the set that bounds what a program gets when it is started, so
//! its workers lack them, root or not; and no program started by them gains any.

use nix::sys::prctl;
use rustix::thread::{
    CapabilitySet, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// To mount, to look into other processes, to reach files past their directories, devices, or the kernel itself.
const NEVER: [CapabilitySet; 13] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::SYS_PTRACE,
    CapabilitySet::SYS_CHROOT,
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::MKNOD,
    CapabilitySet::DAC_READ_SEARCH,
    CapabilitySet::MAC_OVERRIDE,
    CapabilitySet::MAC_ADMIN,
    CapabilitySet::BPF,
    CapabilitySet::PERFMON,
    CapabilitySet::CHECKPOINT_RESTORE,
];

/// Bounds what this process can hand on. Nobody but a mightier process can look into this one afterwards.
pub(super) fn bound() -> Result<(), String> {
    give_up().map_err(|error| format!("the workers' rights cannot be bounded: {error}"))?;
    // What is open in this process leads out of the workers' view.
    prctl::set_dumpable(false).map_err(|error| format!("this process cannot be closed to others: {error}"))
}

fn give_up() -> rustix::io::Result<()> {
    for right in NEVER {
        // A kernel that does not know one of the newer ones has none to give.
        if capability_is_in_bounding_set(right).unwrap_or(false) {
            remove_capability_from_bounding_set(right)?;
        }
    }
    let mut own = capabilities(None)?;
    own.inheritable = CapabilitySet::empty();
    set_capabilities(None, own)?;
    set_no_new_privs(true)
}

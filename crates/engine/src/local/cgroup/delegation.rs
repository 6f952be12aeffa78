//! Finding the version 2 control group below which the server may create groups with limits.
//!
//! A group that delegates controllers must not contain processes, so the server cannot be in the group above its workers.
//! The server changes only a group that was delegated to it; what another group hands down is up to its owner.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Role, files, v2};
use crate::local::proc;

/// The leaf into which this process moves if its group was delegated to it alone.
const LEAF: &str = "trainyard-server";

/// How often the move is repeated for processes that were forked meanwhile.
const ROUNDS: usize = 10;

/// The group below which groups can be created, and the roles that it has controllers for; the error says why there is
/// none.
pub(super) fn parent_group(own: &Path, wanted: &[Role]) -> Result<(PathBuf, Vec<Role>), String> {
    // As with `DelegateSubgroup=` of systemd: the service got the group above and was put into one below it. Or this process
    // has moved into its leaf already, for another centre of the server or before it executed this program.
    let is_leaf = own.file_name().is_some_and(|name| name == LEAF);
    if let Some(above) = own.parent()
        && (is_leaf || is_delegated(above))
    {
        let roles = supported(above, wanted);
        let failed = |error| format!("cannot enable controllers below {}: {error}", above.display());
        return v2::hand_down(above, &roles).map_err(failed).map(|()| (above.to_owned(), roles));
    }
    let roles = supported(own, wanted);
    let handed_down = v2::handed_down(own);
    let is_enabled =
        |role: &Role| v2::controller_of(*role).is_none_or(|name| handed_down.iter().any(|one| one == name));
    if !roles.iter().all(is_enabled) {
        let is_service = own.extension().is_some_and(|kind| kind == "service");
        match (is_delegated(own), is_service) {
            // systemd could not start the service again in a group that hands down controllers while jobs still run.
            (true, true) => {
                return Err(
                    "the service has `Delegate=` but not `DelegateSubgroup=` (which needs systemd 254 or later)"
                        .to_owned(),
                );
            }
            (false, _) if Path::new("/run/systemd/system").exists() => {
                return Err("systemd has not delegated this control group to the server (`Delegate=`)".to_owned());
            }
            _ => move_down(own, &roles)?,
        }
    }
    Ok((own.to_owned(), roles))
}

/// The roles for which the group has a controller that it can hand down.
fn supported(group: &Path, wanted: &[Role]) -> Vec<Role> {
    let has = v2::controllers(group);
    let has_controller = |role: &Role| v2::controller_of(*role).is_some_and(|name| has.iter().any(|one| one == name));
    wanted.iter().copied().filter(has_controller).collect()
}

/// Whether systemd has marked this group as delegated.
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let mut value = [0_u8; 8];
        matches!(rustix::fs::getxattr(group, *name, &mut value[..]), Ok(length) if value.get(..length) == Some(b"1"))
    })
}

/// Moves this process and its descendants into a leaf, if no other process is in the group.
fn move_down(own: &Path, roles: &[Role]) -> Result<(), String> {
    let all = proc::all().map_err(|error| format!("cannot list the processes: {error}"))?;
    let own_pid = std::process::id();
    let below = proc::below(&all, &[own_pid]);
    let is_ours = |pid: &u32| *pid == own_pid || below.iter().any(|(process, _)| process.id.pid == *pid);
    if !direct_members(own).iter().all(is_ours) {
        return Err("other processes are in the server's control group; start the server in its own group".to_owned());
    }
    let leaf = own.join(LEAF);
    let failed = |error| format!("cannot move the server into {}: {error}", leaf.display());
    files::create_dir(&leaf).map_err(failed)?;
    for _ in 0..ROUNDS {
        let members = direct_members(own);
        if members.is_empty() {
            break;
        }
        for pid in members {
            files::write(&leaf.join(v2::ATTACH_FILE), &pid.to_string()).map_err(failed)?;
        }
    }
    v2::hand_down(own, roles)
        .map_err(|error| format!("cannot enable controllers below the server's control group: {error}"))
}

fn direct_members(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

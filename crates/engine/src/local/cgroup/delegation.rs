//! Finding the group of version 2 below which workers can be limited.
//!
//! A group that hands controllers down may hold no processes itself, so the server cannot sit where its workers' groups
//! are made. And what a group hands down is its owner's affair: nothing is changed in a group that was not given to us.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Role, files, v2};
use crate::local::proc;

/// The leaf into which this process moves when its group was given to it alone.
const LEAF: &str = "trainyard-server";

/// How often newly forked ones are moved too.
const ROUNDS: usize = 10;

/// The group below which others can be made with as many of these roles as the host has; or why there is none.
pub(super) fn place(own: &Path, wanted: &[Role]) -> Result<(PathBuf, Vec<Role>), String> {
    // As with systemd's `DelegateSubgroup=`: the service was given the group above and put into one below it. Or it has
    // moved there before, for another compute centre of this server or before it became this program.
    let is_leaf = own.file_name().is_some_and(|name| name == LEAF);
    if let Some(above) = own.parent()
        && (is_leaf || is_delegated(above))
    {
        let roles = possible(above, wanted);
        let failed = |error| format!("{} cannot hand down its controllers: {error}", above.display());
        return v2::hand_down(above, &roles).map_err(failed).map(|()| (above.to_owned(), roles));
    }
    let roles = possible(own, wanted);
    let handed_down = v2::handed_down(own);
    let is_handed_down =
        |role: &Role| v2::controller_of(*role).is_none_or(|name| handed_down.iter().any(|one| one == name));
    if !roles.iter().all(is_handed_down) {
        let is_service = own.extension().is_some_and(|kind| kind == "service");
        match (is_delegated(own), is_service) {
            // systemd could not start the service again in a group that hands controllers down while jobs still run.
            (true, true) => {
                return Err(
                    "the service has `Delegate=` and lacks `DelegateSubgroup=` (systemd 254 or later)".to_owned()
                );
            }
            (false, _) if Path::new("/run/systemd/system").exists() => {
                return Err("this control group was not given to the server (`Delegate=` of systemd)".to_owned());
            }
            _ => move_down(own, &roles)?,
        }
    }
    Ok((own.to_owned(), roles))
}

/// Those for which the group has a controller to hand down.
fn possible(group: &Path, wanted: &[Role]) -> Vec<Role> {
    let has = v2::controllers(group);
    let is_there = |role: &Role| v2::controller_of(*role).is_some_and(|name| has.iter().any(|one| one == name));
    wanted.iter().copied().filter(is_there).collect()
}

/// What systemd writes on the groups that it gives away.
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let mut value = [0_u8; 8];
        matches!(rustix::fs::getxattr(group, *name, &mut value[..]), Ok(length) if value.get(..length) == Some(b"1"))
    })
}

/// Moves this process and those below it into a leaf, if nobody else is in the group.
fn move_down(own: &Path, roles: &[Role]) -> Result<(), String> {
    let all = proc::all().map_err(|error| format!("the processes cannot be listed: {error}"))?;
    let me = std::process::id();
    let below = proc::below(&all, &[me]);
    let is_ours = |pid: &u32| *pid == me || below.iter().any(|(process, _)| process.id.pid == *pid);
    if !direct_members(own).iter().all(is_ours) {
        return Err("others are in the server's control group; it must have one of its own".to_owned());
    }
    let leaf = own.join(LEAF);
    let failed = |error| format!("the server cannot move into {}: {error}", leaf.display());
    files::make_dir(&leaf).map_err(failed)?;
    for _ in 0..ROUNDS {
        let members = direct_members(own);
        if members.is_empty() {
            break;
        }
        for pid in members {
            files::write(&leaf.join(v2::JOIN), &pid.to_string()).map_err(failed)?;
        }
    }
    v2::hand_down(own, roles).map_err(|error| format!("the server's control group cannot hand down: {error}"))
}

fn direct_members(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

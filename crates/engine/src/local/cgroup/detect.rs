//! Detecting how this host can kill and limit processes. It tries: it creates a control group and writes its files.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::fs::{Access, access};
use trainyard_domain::id::JobId;

use super::{
    Groups, Role, Tree, Version, delegation, files,
    mounts::{self, Hierarchy},
    v1, v2,
};
use crate::local::kill_method::KillMethod;

/// What to detect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Whether workers get limits.
    pub(crate) limits: bool,
    /// The strongest kill method to try.
    pub(crate) strongest: KillMethod,
    /// The limit of processes and threads for each worker.
    pub(crate) pids: u32,
}

/// What the host offers to kill and limit processes.
#[derive(Clone, Debug)]
pub(crate) struct Means {
    pub(crate) method: KillMethod,
    /// For each hierarchy in use, the directory that contains all groups of this data directory.
    pub(crate) trees: Vec<Tree>,
    /// Why something is not available, one sentence each.
    pub(crate) reasons: Vec<String>,
    /// Why pid namespaces are not available, if they were tried.
    pub(crate) without_pids: Option<String>,
    /// Whether the configuration asks for limits.
    pub(crate) wants_limits: bool,
    pids: u32,
}

/// The roles that limit a worker.
const LIMITS: [Role; 3] = [Role::Cpu, Role::Memory, Role::Pids];

/// Detects what the host offers. The closure tries pid namespaces and is called only if they would be used.
pub(crate) fn detect(data: &Path, wish: &Wish, try_pids: impl FnOnce() -> Result<(), String>) -> Means {
    let mut means = Means {
        method: KillMethod::Subreaper,
        trees: Vec::new(),
        reasons: Vec::new(),
        without_pids: None,
        wants_limits: wish.limits,
        pids: wish.pids,
    };
    let name = match instance(data) {
        Ok(name) => name,
        Err(error) => {
            means.reasons.push(format!("cannot identify the data directory: {error}"));
            return means;
        }
    };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let found = mounts::hierarchies(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
    if found.is_empty() {
        means.reasons.push("the server sees no mounted control groups".to_owned());
    }
    for hierarchy in found.iter().filter(|one| one.version == Version::V2) {
        means.try_v2(hierarchy, &name, wish);
    }
    for hierarchy in found.iter().filter(|one| one.version == Version::V1) {
        means.try_v1(hierarchy, &name, wish);
    }
    means.method = match means.version_of(Role::Kill) {
        Some(Version::V2) => KillMethod::CgroupKill,
        Some(Version::V1) => KillMethod::Freezer,
        None if wish.strongest > KillMethod::PidNamespace => KillMethod::Subreaper,
        None => match try_pids() {
            Ok(()) => KillMethod::PidNamespace,
            Err(why) => {
                means.without_pids = Some(format!("no pid namespace for each attempt: {why}"));
                KillMethod::Subreaper
            }
        },
    };
    means
}

impl Means {
    /// The interface that is used for a role, if there is one.
    pub(crate) fn version_of(&self, role: Role) -> Option<Version> {
        self.trees.iter().find(|tree| tree.has(role)).map(|tree| tree.version)
    }

    /// The groups of an attempt; `None` if the host offers none.
    pub(crate) fn groups(&self, job: &JobId, attempt: u32) -> Option<Groups> {
        let name = format!("{job}.{attempt}");
        let of_attempt = |tree: &Tree| Tree { dir: tree.dir.join(&name), ..tree.clone() };
        (!self.trees.is_empty()).then(|| Groups { trees: self.trees.iter().map(of_attempt).collect(), pids: self.pids })
    }

    fn missing(&self, wish: &Wish) -> Vec<Role> {
        let limits = LIMITS.into_iter().filter(|_| wish.limits);
        limits.filter(|role| self.version_of(*role).is_none()).collect()
    }

    fn try_v2(&mut self, hierarchy: &Hierarchy, name: &str, wish: &Wish) {
        let (base, mut roles) = delegation::place(&hierarchy.own, &self.missing(wish)).unwrap_or_else(|why| {
            self.reasons.push(format!("no limits by control groups of version 2: {why}"));
            (hierarchy.own.clone(), Vec::new())
        });
        if wish.strongest == KillMethod::CgroupKill {
            roles.push(Role::Kill);
        }
        self.add(Version::V2, &base, roles, name);
    }

    fn try_v1(&mut self, hierarchy: &Hierarchy, name: &str, wish: &Wish) {
        let mut roles = self.missing(wish);
        if self.version_of(Role::Kill).is_none() && wish.strongest <= KillMethod::Freezer {
            roles.push(Role::Kill);
        }
        roles.retain(|role| hierarchy.controllers.iter().any(|one| one == v1::controller_of(*role)));
        self.add(Version::V1, &hierarchy.own, roles, name);
    }

    fn add(&mut self, version: Version, base: &Path, roles: Vec<Role>, name: &str) {
        if roles.is_empty() {
            return;
        }
        let dir = base.join(name);
        let tree = Tree { version, roles, dir };
        match tried(&tree) {
            Ok(roles) if roles.is_empty() => {}
            Ok(roles) => self.trees.push(Tree { roles, ..tree }),
            Err(error) => self.reasons.push(format!("cannot create control groups in {}: {error}", base.display())),
        }
    }
}

/// Creates a group and writes its files as a launch does; returns the roles that work.
fn tried(tree: &Tree) -> io::Result<Vec<Role>> {
    let base = tree.dir.parent().unwrap_or(&tree.dir);
    if tree.version == Version::V2 {
        // Moving a process needs write access to the group above both the old and the new group.
        access(base.join(v2::JOIN), Access::WRITE_OK)?;
    }
    let probe = tree.dir.join(format!("probe-{}", std::process::id()));
    files::make_dir(&tree.dir)?;
    let works = hand_down(tree).and_then(|()| files::make_dir(&probe)).map(|()| {
        let works =
            |role: &Role| files::write(&probe.join(file_of(tree.version, *role)), harmless(tree.version, *role));
        tree.roles.iter().copied().filter(|role| works(role).is_ok()).collect()
    });
    let _ = fs::remove_dir(&probe);
    let _ = fs::remove_dir(&tree.dir);
    works
}

fn hand_down(tree: &Tree) -> io::Result<()> {
    if tree.version == Version::V2 { v2::hand_down(&tree.dir, &tree.roles) } else { Ok(()) }
}

fn file_of(version: Version, role: Role) -> &'static str {
    match version {
        Version::V1 => v1::file_of(role),
        Version::V2 => v2::file_of(role),
    }
}

/// A value that changes nothing for an empty group.
fn harmless(version: Version, role: Role) -> &'static str {
    match (version, role) {
        (Version::V1, Role::Kill) => "THAWED",
        (Version::V2, Role::Kill) => "1",
        (Version::V1, Role::Cpu | Role::Memory) => "-1",
        (Version::V2, Role::Cpu | Role::Memory) | (_, Role::Pids) => "max",
    }
}

/// A name that no other data directory of this host has at the same time.
fn instance(data: &Path) -> io::Result<String> {
    let found = fs::metadata(data)?;
    Ok(format!("trainyard-{:x}-{:x}", found.dev(), found.ino()))
}

/// Removes those of these directories that are empty.
pub(crate) fn tidy<'d>(dirs: impl IntoIterator<Item = &'d Path>) {
    dirs.into_iter().for_each(|dir| drop(fs::remove_dir(dir)));
}

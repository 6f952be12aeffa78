//! Detecting how this host can kill and limit processes. It tries: it creates a control group and writes its files.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::fs::{Access, access};
use trainyard_domain::id::JobId;

use super::{
    Groups, Role, Tree, Version, delegation, files,
    hierarchies::{Hierarchy, hierarchies},
    v1, v2,
};
use crate::local::{kill_method::KillMethod, mountinfo};

/// Restricts what is detected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DetectOptions {
    /// Whether workers get limits.
    pub(crate) limits: bool,
    /// The strongest kill method to try.
    pub(crate) strongest_kill_method: KillMethod,
    /// The limit of processes and threads for each worker.
    pub(crate) pids: u32,
}

/// The means that the host offers to kill and limit processes.
#[derive(Clone, Debug)]
pub(crate) struct ProcessControl {
    pub(crate) method: KillMethod,
    /// For each hierarchy in use, the directory that contains all groups of this data directory.
    pub(crate) trees: Vec<Tree>,
    /// Why something is not available, one sentence each.
    pub(crate) reasons: Vec<String>,
    /// Whether attempts get pid namespaces, whatever the kill method is.
    pub(crate) has_pid_namespaces: bool,
    /// Why pid namespaces are not available, if they were tried.
    pub(crate) no_pid_namespace: Option<String>,
    /// Whether the configuration asks for limits.
    pub(crate) wants_limits: bool,
    pids: u32,
}

/// The roles that limit a worker.
const LIMITS: [Role; 3] = [Role::Cpu, Role::Memory, Role::Pids];

/// Detects what the host offers. `pids` says whether it permits pid namespaces.
pub(crate) fn detect(data: &Path, options: &DetectOptions, pids: Result<(), String>) -> ProcessControl {
    let mut control = ProcessControl {
        method: KillMethod::Subreaper,
        trees: Vec::new(),
        reasons: Vec::new(),
        has_pid_namespaces: pids.is_ok(),
        no_pid_namespace: None,
        wants_limits: options.limits,
        pids: options.pids,
    };
    let name = match instance(data) {
        Ok(name) => name,
        Err(error) => {
            control.reasons.push(format!("cannot identify the data directory: {error}"));
            return control;
        }
    };
    let mounts = mountinfo::all().unwrap_or_default();
    let found = hierarchies(&mounts, &fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
    if found.is_empty() {
        control.reasons.push("the server sees no mounted control groups".to_owned());
    }
    for hierarchy in found.iter().filter(|one| one.version == Version::V2) {
        control.try_v2(hierarchy, &name, options);
    }
    for hierarchy in found.iter().filter(|one| one.version == Version::V1) {
        control.try_v1(hierarchy, &name, options);
    }
    control.method = match control.version_of(Role::Kill) {
        Some(Version::V2) => KillMethod::CgroupKill,
        Some(Version::V1) => KillMethod::Freezer,
        None if options.strongest_kill_method > KillMethod::PidNamespace => KillMethod::Subreaper,
        None => match pids {
            Ok(()) => KillMethod::PidNamespace,
            Err(why) => {
                control.no_pid_namespace = Some(format!("no pid namespace for each attempt: {why}"));
                KillMethod::Subreaper
            }
        },
    };
    control
}

impl ProcessControl {
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

    fn missing(&self, options: &DetectOptions) -> Vec<Role> {
        let limits = LIMITS.into_iter().filter(|_| options.limits);
        limits.filter(|role| self.version_of(*role).is_none()).collect()
    }

    fn try_v2(&mut self, hierarchy: &Hierarchy, name: &str, options: &DetectOptions) {
        let (base, mut roles) =
            delegation::parent_group(&hierarchy.own, &self.missing(options)).unwrap_or_else(|why| {
                self.reasons.push(format!("no limits by control groups of version 2: {why}"));
                (hierarchy.own.clone(), Vec::new())
            });
        if options.strongest_kill_method == KillMethod::CgroupKill {
            roles.push(Role::Kill);
        }
        self.add(Version::V2, &base, roles, name);
    }

    fn try_v1(&mut self, hierarchy: &Hierarchy, name: &str, options: &DetectOptions) {
        let mut roles = self.missing(options);
        if self.version_of(Role::Kill).is_none() && options.strongest_kill_method <= KillMethod::Freezer {
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
        match try_tree(&tree) {
            Ok(roles) if roles.is_empty() => {}
            Ok(roles) => self.trees.push(Tree { roles, ..tree }),
            Err(error) => self.reasons.push(format!("cannot create control groups in {}: {error}", base.display())),
        }
    }
}

/// Creates a group and writes its files as a launch does; returns the roles that work.
fn try_tree(tree: &Tree) -> io::Result<Vec<Role>> {
    let base = tree.dir.parent().unwrap_or(&tree.dir);
    if tree.version == Version::V2 {
        // Moving a process needs write access to the group above both the old and the new group.
        access(base.join(v2::ATTACH_FILE), Access::WRITE_OK)?;
    }
    let probe = tree.dir.join(format!("probe-{}", std::process::id()));
    files::create_dir(&tree.dir)?;
    let works = hand_down(tree).and_then(|()| files::create_dir(&probe)).map(|()| {
        let works =
            |role: &Role| files::write(&probe.join(file_of(tree.version, *role)), no_op_value(tree.version, *role));
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
fn no_op_value(version: Version, role: Role) -> &'static str {
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
pub(crate) fn remove_empty<'d>(dirs: impl IntoIterator<Item = &'d Path>) {
    dirs.into_iter().for_each(|dir| drop(fs::remove_dir(dir)));
}

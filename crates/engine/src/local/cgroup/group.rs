//! The groups of one attempt: creating, entering, listing, killing and removing them.

use std::{
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::event::{Timespec, poll};

use super::{Groups, Role, Tree, Version, files, v1, v2};
use crate::WorkerLimits;

/// How often creating the groups is tried, if another process removes an empty one meanwhile.
const TRIES: usize = 5;

/// The pause between two checks of groups that are being killed or removed.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// How long it may take until a group without processes can be removed.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// How a process enters the groups of a worker, before it becomes its main process.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The version 2 group to create the process in, and the file to attach it with if the kernel refuses that.
    pub(crate) clone_into: Option<(File, PathBuf)>,
    /// The files with which the process attaches itself, by writing `0`.
    pub(crate) attach_files: Vec<PathBuf>,
    /// The end of the path of its groups in every hierarchy.
    pub(crate) name: PathBuf,
}

/// The groups of an attempt, by paths through open directories. They stay valid in a mount namespace that hides the
/// hierarchies or makes them read-only.
#[derive(Debug)]
pub(crate) struct OpenGroups {
    groups: Groups,
    above: Vec<(File, PathBuf)>,
}

impl OpenGroups {
    /// Removes the groups, and the directory above them if it has no other groups. A process that is creating a group there
    /// at this moment creates the directory again.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.groups.remove()?;
        self.above.iter().for_each(|(_, dir)| drop(fs::remove_dir(dir)));
        Ok(())
    }
}

impl std::ops::Deref for OpenGroups {
    type Target = Groups;

    fn deref(&self) -> &Groups {
        &self.groups
    }
}

impl Groups {
    /// Opens the directories above the groups.
    pub(crate) fn open(mut self) -> io::Result<OpenGroups> {
        let mut above = Vec::new();
        for tree in &mut self.trees {
            let (Some(parent), Some(name)) = (tree.dir.parent(), tree.dir.file_name()) else { continue };
            let file = File::open(parent)?;
            let open_path = Path::new("/proc/self/fd").join(file.as_raw_fd().to_string());
            let own = open_path.join("..").join(parent.file_name().unwrap_or_default());
            tree.dir = open_path.join(name);
            above.push((file, own));
        }
        Ok(OpenGroups { groups: self, above })
    }

    /// Creates the groups of these workers and sets their limits. Existing groups are reused.
    pub(crate) fn create(&self, ranks: &[u32], limits: Option<&WorkerLimits>) -> io::Result<()> {
        for tree in &self.trees {
            create_dirs(tree, ranks)?;
            let Some(limits) = limits else { continue };
            for (rank, role) in ranks.iter().flat_map(|rank| tree.roles.iter().map(move |role| (*rank, *role))) {
                let group = worker(tree, rank);
                match tree.version {
                    Version::V1 => v1::limit(&group, role, limits, self.pids),
                    Version::V2 => v2::limit(&group, role, limits, self.pids),
                }?;
            }
        }
        Ok(())
    }

    /// How to enter the groups of a worker.
    pub(crate) fn entry(&self, rank: u32) -> io::Result<Entry> {
        let mut entry = Entry::default();
        for tree in &self.trees {
            let group = worker(tree, rank);
            entry.name = group.components().rev().take(2).collect::<PathBuf>().components().rev().collect();
            match tree.version {
                Version::V1 => entry.attach_files.push(group.join(v1::ATTACH_FILE)),
                Version::V2 => entry.clone_into = Some((File::open(&group)?, group.join(v2::ATTACH_FILE))),
            }
        }
        Ok(entry)
    }

    /// All processes in the groups of these ranks, as pairs of pid and rank.
    pub(crate) fn members(&self, ranks: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
        let Some(tree) = self.kill_tree() else { return Vec::new() };
        let of_rank = |rank| files::members(&worker(tree, rank)).into_iter().map(move |pid| (pid, rank));
        ranks.into_iter().flat_map(of_rank).collect()
    }

    /// Whether any process is in any of the groups.
    pub(crate) fn has_processes(&self) -> bool {
        self.kill_tree().is_some_and(is_populated)
    }

    /// Kills all processes of a worker; a process in uninterruptible sleep ends later.
    pub(crate) fn kill(&self, rank: u32) -> io::Result<()> {
        self.kill_tree().map_or(Ok(()), |tree| kill(tree.version, &worker(tree, rank)))
    }

    /// Kills all processes of the attempt until none is left; returns the pids of those that did not end in time.
    pub(crate) fn kill_all(&self, until: Instant) -> Vec<u32> {
        let Some(tree) = self.kill_tree() else { return Vec::new() };
        while is_populated(tree) {
            for group in files::directories(&tree.dir) {
                if let Err(error) = kill(tree.version, &group) {
                    tracing::warn!("cannot kill the control group {}: {error}", group.display());
                }
            }
            if Instant::now() >= until {
                break;
            }
            let _ = poll(&mut [], Some(&PAUSE));
        }
        files::members(&tree.dir)
    }

    /// How many processes of a worker the kernel killed for lack of memory; `None` if it does not count them.
    pub(crate) fn oom_kills(&self, rank: u32) -> Option<u64> {
        let tree = self.trees.iter().find(|tree| tree.has(Role::Memory))?;
        match tree.version {
            Version::V1 => v1::oom_kills(&worker(tree, rank)),
            Version::V2 => v2::oom_kills(&worker(tree, rank)),
        }
    }

    /// Removes the groups. The kernel may need a moment after the last process has ended.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let until = Instant::now() + REMOVAL_TIMEOUT;
        self.trees.iter().map(|tree| remove(&tree.dir, until)).fold(Ok(()), io::Result::and)
    }

    fn kill_tree(&self) -> Option<&Tree> {
        self.trees.iter().find(|tree| tree.has(Role::Kill))
    }
}

fn worker(tree: &Tree, rank: u32) -> PathBuf {
    tree.dir.join(format!("worker-{rank}"))
}

/// Creates directories from the top down, as limits are handed down. A cleanup may remove an empty one meanwhile.
fn create_dirs(tree: &Tree, ranks: &[u32]) -> io::Result<()> {
    let all = tree.dir.parent().unwrap_or(&tree.dir);
    let once = || {
        for dir in [all, &tree.dir] {
            files::create_dir(dir)?;
            if tree.version == Version::V2 {
                v2::hand_down(dir, &tree.roles)?;
            }
        }
        ranks.iter().try_for_each(|rank| files::create_dir(&worker(tree, *rank)))
    };
    let mut created = once();
    for _ in 1..TRIES {
        if !created.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            break;
        }
        created = once();
    }
    created
}

fn kill(version: Version, group: &Path) -> io::Result<()> {
    match version {
        Version::V1 => {
            v1::kill(group);
            Ok(())
        }
        Version::V2 => v2::kill(group),
    }
}

fn is_populated(tree: &Tree) -> bool {
    match tree.version {
        Version::V1 => !files::members(&tree.dir).is_empty(),
        // The count includes processes in groups below.
        Version::V2 => files::number_after(&tree.dir.join("cgroup.events"), "populated") == Some(1),
    }
}

/// Removes a group and those below it: the groups of workers, and those that workers created.
fn remove(group: &Path, until: Instant) -> io::Result<()> {
    for below in files::directories(group) {
        remove(&below, until)?;
    }
    loop {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < until => {
                let _ = poll(&mut [], Some(&PAUSE));
            }
            removed => return removed,
        }
    }
}

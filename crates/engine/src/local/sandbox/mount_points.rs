//! Mount points that do not exist on the host: they are created in the job's view, and the host never sees them.
//!
//! In the view, a directory in the folder of the attempt covers the last directory of the path that exists. It shows every
//! entry of the covered directory, each by a bind mount, and the mount point beside them. What the job creates in it is
//! written to the folder of the attempt.
//!
//! All paths are followed with the rights of the job's user. A directory that this user cannot enter is covered too, and
//! none of its entries is shown, so the result does not depend on them.

use std::{
    ffi::{CString, OsStr},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, mkdirat, openat, readlinkat,
        statat, symlinkat, unlinkat,
    },
    io::Errno,
    mount::{UnmountFlags, unmount},
    process::{chdir, pivot_root},
};

use super::{
    RunAs,
    below::{create_below, create_file_below},
    dir_identity::DirIdentity,
    mask::Visible,
    mount::{Access, DetachedMount, fd_path, mount_id, open_path, real_path},
    user::with_rights_of,
};
use crate::local::mountinfo::{self, MountEntry};

/// The most entries of a directory that may be shown one by one: each is a mount.
const MAX_ENTRIES: usize = 1000;

/// Where the covered directory is attached while its entries are copied.
const COVERED: &str = ".trainyard-covered";

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// How far a path exists.
pub(super) enum Reach {
    /// The whole path is a directory.
    Whole(OwnedFd),
    /// The path exists up to this directory.
    Part {
        dir: OwnedFd,
        /// What is missing below it.
        rest: PathBuf,
        /// Whether the user can enter it.
        is_open: bool,
    },
}

/// Follows a path with the rights of this user.
pub(super) fn reach(path: &Path, run_as: Option<&RunAs>) -> Result<Reach, String> {
    let followed = with_rights_of(run_as, || Ok(follow(path)));
    followed.map_err(|error| format!("cannot use the rights of the job's user: {error}"))?
}

fn follow(path: &Path) -> Result<Reach, String> {
    let failed = |at: &Path, error: Errno| format!("cannot read {}: {error}", at.display());
    let mut at = PathBuf::from("/");
    let mut dir = openat(CWD, "/", DIRECTORY, Mode::empty()).map_err(|error| failed(&at, error))?;
    let mut names = path.strip_prefix("/").unwrap_or(path).components();
    while let Some(name) = names.next() {
        at.push(name);
        let rest = || Path::new(&name).join(names.as_path());
        match openat(&dir, name.as_os_str(), DIRECTORY, Mode::empty()) {
            Ok(next) => dir = next,
            Err(Errno::NOTDIR) if at == path => return Err("is a file on this host; choose another path".to_owned()),
            Err(Errno::NOTDIR) => return Err(format!("{} is a file on this host, not a directory", at.display())),
            Err(error @ (Errno::NOENT | Errno::ACCESS)) => {
                match (error, statat(&dir, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)) {
                    (_, Err(Errno::NOENT)) => return Ok(Reach::Part { rest: rest(), dir, is_open: true }),
                    (_, Err(Errno::ACCESS)) => return Ok(Reach::Part { rest: rest(), dir, is_open: false }),
                    (_, Err(error)) => return Err(failed(&at, error)),
                    (Errno::NOENT, Ok(_)) => {
                        return Err(format!("{} is a symbolic link to a missing path", at.display()));
                    }
                    (error, Ok(_)) => return Err(failed(&at, error)),
                }
            }
            Err(error) => return Err(failed(&at, error)),
        }
    }
    Ok(Reach::Whole(dir))
}

/// Whether the entries of a directory can be shown one by one.
pub(super) fn check_entries(dir: &OwnedFd) -> Result<(), String> {
    entries(dir).map(drop)
}

/// The names in a directory.
fn entries(dir: &OwnedFd) -> Result<Vec<CString>, String> {
    let cannot = |error: Errno| format!("cannot list the directory above it: {error}");
    let open = openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(cannot)?;
    let mut names = Vec::new();
    for entry in Dir::new(open).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
        if names.len() > MAX_ENTRIES {
            return Err(format!(
                "does not exist on this host, and the directory above it has more than {MAX_ENTRIES} entries; create the \
                 mount point on the host first"
            ));
        }
    }
    Ok(names)
}

/// Creates mount points in the view of an attempt.
pub(super) struct MountPoints<'a> {
    run_as: Option<&'a RunAs>,
    /// Where the covering directories are created.
    folder: OwnedFd,
    /// The covers that are not attached yet, with what each is called in the folder.
    unused: Vec<(OwnedFd, DetachedMount)>,
    covers: Vec<OwnedFd>,
}

impl<'a> MountPoints<'a> {
    /// No mount point yet. `attempt` is the directory of the attempt, while the host's directories are still visible.
    pub(super) fn new(run_as: Option<&'a RunAs>, attempt: &Path) -> Result<Self, String> {
        let folder = open_path(attempt).map_err(|error| format!("cannot open the attempt's directory: {error}"))?;
        Ok(Self { run_as, folder, unused: Vec::new(), covers: Vec::new() })
    }

    /// Creates those of these mount points that do not exist. `hidden` are directories that masks will cover; mount points in
    /// them are created in the masks. `own` are the private directories: the sandbox may write in them.
    pub(super) fn create(&mut self, targets: &[&Path], hidden: &[DirIdentity], own: &[&Path]) -> Result<(), String> {
        let named = |target: &Path, why: String| format!("{}: {why}", target.display());
        let mut missing = Vec::new();
        for target in targets {
            if let Reach::Part { dir, .. } = reach(target, self.run_as).map_err(|why| named(target, why))? {
                let real = real_path(&dir).map_err(|error| named(target, error.to_string()))?;
                missing.push((real.components().count(), *target));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.prepare(missing.len()).map_err(|error| format!("cannot create mount points: {error}"))?;
        let mounts = mountinfo::all().map_err(super::cannot_list)?;
        // From the top down: a cover copies all mounts below it.
        missing.sort_unstable();
        for (_, target) in missing {
            self.create_one(target, (&mounts, hidden), own).map_err(|why| named(target, why))?;
        }
        Ok(())
    }

    /// Creates the directories for this number of covers. A cover of the root directory would hide the folder.
    fn prepare(&mut self, count: usize) -> io::Result<()> {
        let folder = create_below(&self.folder, Path::new("mount-points"))?;
        for number in 0..count {
            let dir = create_below(&folder, Path::new(&number.to_string()))?;
            let mount = DetachedMount::copy_of(&dir)?;
            self.unused.push((dir, mount));
        }
        Ok(())
    }

    fn create_one(
        &mut self,
        target: &Path,
        (mounts, hidden): (&[MountEntry], &[DirIdentity]),
        own: &[&Path],
    ) -> Result<(), String> {
        let failed = |error: io::Error| format!("cannot create the mount point: {error}");
        let Reach::Part { dir, rest, is_open } = reach(target, self.run_as)? else { return Ok(()) };
        // First: these directories are in the folder of the job, which is hidden.
        let top = if self.is_ours(&dir, own).map_err(failed)? {
            dir
        } else {
            let identity = DirIdentity::of(mounts, &dir).map_err(failed)?;
            if hidden.iter().any(|hidden| hidden.contains(&identity)) {
                return Ok(());
            }
            self.cover(&dir, is_open)?
        };
        create_below(&top, &rest).map(drop).map_err(failed)
    }

    /// Whether the directory is in a cover or in a private directory, so that the sandbox may create others in it.
    fn is_ours(&self, dir: &OwnedFd, own: &[&Path]) -> io::Result<bool> {
        let id = mount_id(dir)?;
        let is_cover = self.covers.iter().try_fold(false, |found, cover| Ok(found || mount_id(cover)? == id));
        let is_own = |path: &&Path| open_path(path).and_then(mount_id).is_ok_and(|own| own == id);
        is_cover.map(|is_cover: bool| is_cover || own.iter().any(is_own))
    }

    /// Covers a directory; returns the covering one.
    fn cover(&mut self, dir: &OwnedFd, is_open: bool) -> Result<OwnedFd, String> {
        let names = if is_open { entries(dir)? } else { Vec::new() };
        let real = real_path(dir).map_err(|error| format!("cannot resolve it: {error}"))?;
        let failed = |error: io::Error| format!("cannot show the entries of {} one by one: {error}", real.display());
        let (own, cover) = self.unused.pop().ok_or("cannot create more mount points")?;
        if is_open {
            be_like(&own, dir).map_err(failed)?;
        }
        let top = match real == Path::new("/") {
            true => replace_root(&cover, &names),
            false => replace(dir, &real, &cover, &names),
        };
        let top = top.map_err(failed)?;
        self.covers.push(top.try_clone().map_err(failed)?);
        Ok(top)
    }

    /// The mounts of the covers, and what each shows of the data directory.
    pub(super) fn visible(&self, mounts: &[MountEntry]) -> Result<Vec<Visible>, String> {
        let visible = |cover| Ok(Visible { mount: mount_id(cover)?, dir: DirIdentity::of(mounts, cover)? });
        let visible = self.covers.iter().map(visible).collect::<io::Result<_>>();
        visible.map_err(|error| format!("cannot identify the mount points: {error}"))
    }

    /// Whether the view has a cover, and so more mounts than before.
    pub(super) fn has_covers(&self) -> bool {
        !self.covers.is_empty()
    }
}

/// Gives a directory the owner and the mode of another one.
fn be_like(own: &OwnedFd, dir: &OwnedFd) -> io::Result<()> {
    let like = fstat(dir)?;
    let open = openat(own, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    // An ordinary user can give nothing to another user.
    let _ = fchown(&open, Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)));
    Ok(fchmod(open, Mode::from_raw_mode(like.st_mode))?)
}

/// Makes the cover the root directory of this process.
fn replace_root(cover: &DetachedMount, names: &[CString]) -> io::Result<OwnedFd> {
    // Any directory will do: it is visible again as soon as the cover is the root.
    let anywhere = Path::new("/proc");
    cover.attach(open_path(anywhere)?, Access::Full)?;
    let top = open_path(anywhere)?;
    mkdirat(&top, COVERED, Mode::RWXU)?;
    pivot_root(anywhere, anywhere.join(COVERED))?;
    chdir("/")?;
    show(&top, names)?;
    unmount(Path::new("/").join(COVERED), UnmountFlags::DETACH)?;
    unlinkat(&top, COVERED, AtFlags::REMOVEDIR)?;
    Ok(top)
}

/// Covers a directory that is not the root directory.
fn replace(dir: &OwnedFd, real: &Path, cover: &DetachedMount, names: &[CString]) -> io::Result<OwnedFd> {
    let covered = DetachedMount::copy_of(dir)?;
    cover.attach(dir, Access::Full)?;
    let top = open_path(real)?;
    mkdirat(&top, COVERED, Mode::RWXU)?;
    covered.attach(openat(&top, COVERED, DIRECTORY, Mode::empty())?, Access::Full)?;
    show(&top, names)?;
    unmount(fd_path(&top).join(COVERED), UnmountFlags::DETACH)?;
    unlinkat(&top, COVERED, AtFlags::REMOVEDIR)?;
    Ok(top)
}

/// Shows these entries of the covered directory in the cover, without `/proc`, which may be one of them.
fn show(top: &OwnedFd, names: &[CString]) -> io::Result<()> {
    let covered = openat(top, COVERED, DIRECTORY, Mode::empty())?;
    for name in names {
        let path = Path::new(OsStr::from_bytes(name.to_bytes()));
        let open = match openat(&covered, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
            // Removed by another process since it was listed.
            Err(Errno::NOENT) => continue,
            open => open?,
        };
        match FileType::from_raw_mode(fstat(&open)?.st_mode) {
            FileType::Symlink => symlinkat(readlinkat(&open, "", Vec::new())?, top, name)?,
            FileType::Directory => DetachedMount::copy_of(&open)?.attach(create_below(top, path)?, Access::Full)?,
            _ => DetachedMount::copy_of(&open)?.attach(create_file_below(top, path)?, Access::Full)?,
        }
    }
    Ok(())
}

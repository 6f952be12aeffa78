//! Deleting a directory tree that a job wrote, whatever is in it.
//!
//! A job chooses depth, width, names, modes and flags of its tree. `std::fs::remove_dir_all` and the crates for this recurse:
//! a deep tree ends the process, or takes a descriptor for each level. This deletion is a loop. It has at most three
//! descriptors open, and keeps two numbers for each level between the top and its place.
//!
//! - It never follows a symbolic link: each directory is opened from the one above it, by one name. It goes up by `..` and
//!   compares where it arrives with where it came from.
//! - It never enters a mounted file system. The kernel refuses to delete a mount point before it says "not empty", and the
//!   loop enters only directories that are not empty.
//! - It may stop at any moment. What is left on the disk is all that the next call needs.

#[cfg(test)]
mod tests;

use std::{
    ffi::{CStr, CString, OsStr},
    fs, mem,
    os::{
        fd::{AsFd, AsRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    rc::Rc,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, IFlags, Mode, OFlags, RawDir, SeekFrom, Stat, chmod, fchmod, fstat, ioctl_getflags,
        ioctl_setflags, open, openat, seek, unlinkat,
    },
    io::Errno,
    path::Arg,
};

/// The most names of subdirectories that wait to be entered. A directory with more of them is read again.
const MAX_PENDING: usize = 4096;
/// The size of the buffer for the entries of a directory, in bytes.
const BUFFER: usize = 32 * 1024;
/// The longest path in a message, in characters.
const SHOWN: usize = 200;
/// How often an entry is tried: as a file, as a directory, and again after it was made deletable.
const TRIES: usize = 4;

/// The result of a deletion that met no obstacle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// Nothing is left.
    All,
    /// The caller ended it early; another call continues.
    Part,
}

/// Deletes the entry `name` of the directory `parent` with everything below it. `go_on` gets the number of entries that
/// were deleted so far, and ends the deletion by `false`.
///
/// Errors: the first obstacle, for people. Everything that can be deleted is deleted nevertheless.
pub(super) fn delete(parent: &Path, name: &OsStr, go_on: impl FnMut(u64) -> bool) -> Result<Deleted, String> {
    let top = CString::new(name.as_bytes()).map_err(|error| error.to_string())?;
    let opened = match open_dir(CWD, parent) {
        Err(Errno::NOENT) => return Ok(Deleted::All),
        opened => opened.and_then(|dir| Ok((fstat(&dir)?, dir))),
    };
    let (stat, dir) = opened.map_err(|errno| format!("{}: {errno}", parent.display()))?;
    let walk = Walk {
        dir: Rc::new(dir),
        levels: vec![Level::of(&stat)],
        pending: Vec::new(),
        deleted: 0,
        obstacle: None,
        go_on,
        is_stopped: false,
        buffer: Vec::with_capacity(BUFFER),
    };
    walk.run(&top)
}

/// A directory on the way from the one that contains the tree down to the open one.
#[derive(Clone, Copy, Debug)]
struct Level {
    device: u64,
    inode: u64,
    /// How many entries of the tree were deleted before the directory was read the last time. While it is lower than the
    /// present number, another read may find more to delete.
    deleted_before: u64,
}

impl Level {
    fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino, deleted_before: 0 }
    }

    fn is(self, stat: &Stat) -> bool {
        (self.device, self.inode) == (stat.st_dev, stat.st_ino)
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Gone,
    /// It is a directory that is not empty.
    Full,
    /// It stays, and the obstacle is noted.
    Blocked,
}

struct Walk<F> {
    /// The directory of the last level.
    dir: Rc<OwnedFd>,
    /// Never empty. The first one contains the tree and is not read: it contains other trees too.
    levels: Vec<Level>,
    /// Subdirectories to enter, each after the number of levels down to the directory that contains it.
    pending: Vec<(usize, CString)>,
    deleted: u64,
    obstacle: Option<String>,
    go_on: F,
    is_stopped: bool,
    buffer: Vec<u8>,
}

impl<F: FnMut(u64) -> bool> Walk<F> {
    fn run(mut self, top: &CStr) -> Result<Deleted, String> {
        let mut entry = self.remove(top, FileType::Directory);
        while entry == Entry::Full && self.obstacle.is_none() {
            let deleted_before = self.deleted;
            self.enter(top);
            self.empty()?;
            if self.is_stopped {
                return Ok(Deleted::Part);
            }
            entry = self.remove(top, FileType::Directory);
            if self.deleted == deleted_before {
                self.block(top, Errno::NOTEMPTY);
            }
        }
        self.obstacle.map_or(Ok(Deleted::All), Err)
    }

    /// Deletes what is below the first level.
    fn empty(&mut self) -> Result<(), String> {
        while self.levels.len() > 1 && self.may_go_on() {
            let depth = self.levels.len();
            if let Some((_, name)) = self.pending.pop_if(|(of, _)| *of == depth) {
                self.enter(&name);
            } else if self.levels.last().is_some_and(|level| level.deleted_before < self.deleted) {
                self.read();
            } else {
                self.leave()?;
            }
        }
        Ok(())
    }

    fn may_go_on(&mut self) -> bool {
        self.is_stopped = self.is_stopped || !(self.go_on)(self.deleted);
        !self.is_stopped
    }

    /// Opens a subdirectory and reads it. An entry that is no directory any more is deleted.
    fn enter(&mut self, name: &CStr) {
        let opened = match open_dir(&self.dir, name) {
            Err(Errno::ACCESS) => permit(&self.dir, name).and_then(|()| open_dir(&self.dir, name)),
            opened => opened,
        };
        match opened.and_then(|dir| Ok((fstat(&dir)?, dir))) {
            Ok((stat, dir)) => {
                if stat.st_mode & 0o700 != 0o700 {
                    // If this fails, so does the deletion of an entry, which says why.
                    let _ = fchmod(&dir, Mode::RWXU);
                }
                self.levels.push(Level::of(&stat));
                self.dir = Rc::new(dir);
                self.read();
            }
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => drop(self.remove(name, FileType::Unknown)),
            Err(errno) => self.block(name, errno),
        }
    }

    /// Reads the open directory, deletes its entries, and notes the subdirectories that are not empty.
    fn read(&mut self) {
        let (depth, deleted_before) = (self.levels.len(), self.deleted);
        let (mut is_complete, mut found) = (true, 0);
        let (dir, mut buffer) = (Rc::clone(&self.dir), mem::take(&mut self.buffer));
        let start = seek(&dir, SeekFrom::Start(0));
        let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = match start.and(entry) {
                Ok(entry) => entry,
                // The directory itself was deleted meanwhile.
                Err(Errno::NOENT) => break,
                Err(errno) => {
                    self.block(c".", errno);
                    break;
                }
            };
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if !self.may_go_on() || (found > 0 && self.pending.len() >= MAX_PENDING) {
                is_complete = false;
                break;
            }
            if self.remove(name, entry.file_type()) == Entry::Full {
                self.pending.push((depth, name.to_owned()));
                found += 1;
            }
        }
        self.buffer = buffer;
        let now = if is_complete { self.deleted } else { deleted_before };
        if let Some(level) = self.levels.last_mut() {
            level.deleted_before = now;
        }
    }

    /// Goes up by one level.
    fn leave(&mut self) -> Result<(), String> {
        self.levels.pop();
        let opened = open_dir(&self.dir, c"..").and_then(|dir| Ok((fstat(&dir)?, dir)));
        match (opened, self.levels.last()) {
            (Ok((stat, dir)), Some(level)) if level.is(&stat) => {
                self.dir = Rc::new(dir);
                Ok(())
            }
            _ => Err(format!("{}: the directory was moved while it was being deleted", self.shown(c"."))),
        }
    }

    /// Deletes an entry of the open directory, unless it is a directory that is not empty.
    fn remove(&mut self, name: &CStr, kind: FileType) -> Entry {
        let mut flags = if kind == FileType::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        let mut is_unprotected = false;
        let mut last = Errno::NOTDIR;
        for _ in 0..TRIES {
            match unlinkat(&self.dir, name, flags) {
                Ok(()) => {
                    self.deleted += 1;
                    return Entry::Gone;
                }
                Err(Errno::NOENT) => return Entry::Gone,
                Err(Errno::NOTEMPTY | Errno::EXIST) => return Entry::Full,
                Err(Errno::ISDIR) => flags = AtFlags::REMOVEDIR,
                Err(Errno::NOTDIR) => flags = AtFlags::empty(),
                Err(errno) => {
                    last = errno;
                    if is_unprotected || !matches!(errno, Errno::PERM | Errno::ACCESS) {
                        break;
                    }
                    is_unprotected = true;
                    clear_entry(&self.dir, name);
                }
            }
        }
        self.block(name, last);
        Entry::Blocked
    }

    /// Notes the first obstacle.
    fn block(&mut self, name: &CStr, errno: Errno) {
        if self.obstacle.is_none() {
            let hint = match errno {
                Errno::BUSY => "; if a file system is mounted there, unmount it",
                Errno::PERM => "; if it is immutable (lsattr shows that), run chattr -i -a as root",
                Errno::ACCESS => "; it may belong to another user",
                _ => "",
            };
            self.obstacle = Some(format!("{}: {errno}{hint}", self.shown(name)));
        }
    }

    /// The path of an entry, for people.
    fn shown(&self, name: &CStr) -> String {
        let dir = match fs::read_link(open_path(&self.dir)) {
            Ok(dir) => dir.to_string_lossy().into_owned(),
            // The kernel does not show a path of more than 4,096 bytes.
            Err(_) => format!("({} levels down)", self.levels.len() - 1),
        };
        let (dir, name) = (shortened(&dir), shortened(&name.to_string_lossy()));
        if name == "." { dir } else { format!("{dir}/{name}") }
    }
}

fn open_dir(dir: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    openat(dir, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens an entry only to name it: nothing is followed, read or started by that.
fn pin(dir: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// A path that leads to exactly this open file.
fn open_path(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives the owner of a directory all permissions for it, so that it can be opened.
fn permit(dir: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
    let pinned = pin(dir, name)?;
    match FileType::from_raw_mode(fstat(&pinned)?.st_mode) {
        FileType::Directory => chmod(open_path(&pinned), Mode::RWXU),
        _ => Err(Errno::NOTDIR),
    }
}

/// Makes an entry of a directory deletable, as far as the server may. Whether that succeeded shows at the next try.
pub(super) fn unprotect(dir: &Path, name: &str) {
    if let (Ok(dir), Ok(name)) = (open_dir(CWD, dir), CString::new(name)) {
        clear_entry(&dir, &name);
    }
}

/// Removes the flags that forbid deletion (`chattr +i` and `+a`) from an entry and from its directory.
fn clear_entry(dir: &OwnedFd, name: &CStr) {
    clear_flags(dir);
    let Ok(pinned) = pin(dir, name) else { return };
    let kind = fstat(&pinned).map(|stat| FileType::from_raw_mode(stat.st_mode));
    // Opening a device can have effects.
    if matches!(kind, Ok(FileType::RegularFile | FileType::Directory))
        && let Ok(file) = open(open_path(&pinned), OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
    {
        clear_flags(&file);
    }
}

fn clear_flags(file: &OwnedFd) {
    let protecting = IFlags::IMMUTABLE | IFlags::APPEND;
    if let Ok(flags) = ioctl_getflags(file)
        && flags.intersects(protecting)
    {
        let _ = ioctl_setflags(file, flags - protecting);
    }
}

/// A part of a path that fits into a message and changes no terminal.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

//! The folders of forgotten jobs that are still on the disk.
//!
//! Forgetting a job moves its directory into `deleted`. That takes no longer for a large directory than for a small one,
//! and from then on no reader finds the job. Deleting what was moved there may take long or fail, so it happens later, a
//! part at a time; the entries of `deleted` are all that it needs to know.

#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use trainyard_domain::id::JobId;

use super::{
    dirs, durable,
    tree::{self, Deleted},
};
use crate::Deletion;

/// How often a job may be forgotten again while its earlier folders are still there.
const MAX_FOLDERS: u32 = 100;
/// How long [`put_away`] itself deletes where nothing can be moved, as on some full disks.
const IN_PLACE: Duration = Duration::from_secs(5);

/// Moves a job's directory into `deleted`. A job without a directory is no error.
pub(super) fn put_away(data: &Path, job: &JobId) -> io::Result<()> {
    let (jobs, deleted) = (dirs::jobs(data), dirs::deleted(data));
    durable::create_dir(&deleted)?;
    let moved = match move_away(&jobs, &deleted, job) {
        Err(Errno::PERM | Errno::ACCESS) => {
            tree::unprotect(&jobs, job.as_str());
            move_away(&jobs, &deleted, job)
        }
        moved => moved,
    };
    match moved {
        Ok(()) => {
            // A power cut could bring the folder back, while the job has no row any more. The job is deleted even if that
            // cannot be excluded.
            let _ = durable::sync_dir(&jobs).and_then(|()| durable::sync_dir(&deleted));
            Ok(())
        }
        Err(Errno::NOENT) => Ok(()),
        // A file with the job's name says that its directory, which cannot be moved, is to be deleted where it is.
        Err(errno) => File::create(deleted.join(job.as_str())).map(drop).or_else(|_| in_place(&jobs, job, errno)),
    }
}

fn move_away(jobs: &Path, deleted: &Path, job: &JobId) -> Result<(), Errno> {
    let name = |number| if number == 1 { job.to_string() } else { format!("{job}.{number}") };
    let mut moved = Err(Errno::EXIST);
    for number in 1..=MAX_FOLDERS {
        moved = renameat_with(CWD, jobs.join(job.as_str()), CWD, deleted.join(name(number)), RenameFlags::NOREPLACE);
        if moved != Err(Errno::EXIST) {
            break;
        }
    }
    moved
}

fn in_place(jobs: &Path, job: &JobId, errno: Errno) -> io::Result<()> {
    let until = Instant::now() + IN_PLACE;
    match tree::delete(jobs, OsStr::new(job.as_str()), |_| Instant::now() < until) {
        Ok(Deleted::All) => Ok(()),
        Ok(Deleted::Part) => Err(errno.into()),
        Err(why) => Err(io::Error::other(why)),
    }
}

/// The entries of `deleted`, in no order.
pub(super) fn folders(data: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dirs::deleted(data)) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Deletes a folder of `deleted` for about this time; longer if it takes longer to find the first entry that can be
/// deleted, so that repeated calls come to an end. Stops soon when `is_given_up` says so.
pub(super) fn delete(data: &Path, folder: &Path, time: Duration, is_given_up: impl Fn() -> bool) -> Deletion {
    let deleted = dirs::deleted(data);
    let (Some(name), true) = (folder.file_name(), folder.parent() == Some(&deleted)) else {
        return Deletion::Blocked(format!("{} is not in {}", folder.display(), deleted.display()));
    };
    let started = Instant::now();
    let mut until = None;
    let mut go_on = |entries| {
        let now = Instant::now();
        if entries > 0 && until.is_none() {
            until = Some(now + time.max(now - started));
        }
        until.is_none_or(|until| now < until) && !is_given_up()
    };
    let is_marker = fs::symlink_metadata(folder).is_ok_and(|found| !found.is_dir());
    let done = if is_marker {
        tree::delete(&dirs::jobs(data), name, &mut go_on)
    } else {
        tree::delete(&deleted, name, &mut go_on)
    };
    match done {
        Ok(Deleted::All) if is_marker => {
            fs::remove_file(folder).map_or_else(|error| Deletion::Blocked(error.to_string()), |()| Deletion::Done)
        }
        Ok(Deleted::All) => Deletion::Done,
        Ok(Deleted::Part) => Deletion::Unfinished,
        Err(why) => Deletion::Blocked(why),
    }
}

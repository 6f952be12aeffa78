use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};
use tempfile::TempDir;

use super::*;

const TIME: Duration = Duration::from_secs(60);

/// A data directory, and a job in it with a file in its working directory.
fn world() -> (TempDir, JobId, PathBuf) {
    let data = TempDir::new().unwrap();
    let job = JobId::from_random([7; 10]);
    let folder = create(data.path(), &job);
    (data, job, folder)
}

fn create(data: &Path, job: &JobId) -> PathBuf {
    let folder = dirs::job(data, job);
    fs::create_dir_all(folder.join("work/a")).unwrap();
    fs::write(folder.join("work/a/file"), "").unwrap();
    folder
}

fn delete_all(data: &Path) -> Vec<Deletion> {
    folders(data).unwrap().iter().map(|folder| delete(data, folder, TIME, || false)).collect()
}

#[test]
fn a_job_is_put_away_at_once_and_deleted_later() {
    let (data, job, folder) = world();
    put_away(data.path(), &job).unwrap();
    assert!(!folder.exists());
    // The same job again, as after the restore of a backup.
    create(data.path(), &job);
    put_away(data.path(), &job).unwrap();
    put_away(data.path(), &job).unwrap();
    assert_eq!(folders(data.path()).unwrap().len(), 2);
    assert_eq!(delete_all(data.path()), [Deletion::Done, Deletion::Done]);
    assert_eq!(folders(data.path()).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn a_deletion_pauses_when_its_time_is_over_or_its_caller_is_gone() {
    let (data, job, folder) = world();
    put_away(data.path(), &job).unwrap();
    let folder = dirs::deleted(data.path()).join(folder.file_name().unwrap());
    assert_eq!(delete(data.path(), &folder, TIME, || true), Deletion::Unfinished);
    assert!(folder.join("work/a/file").exists());
    let mut turns = 0;
    while delete(data.path(), &folder, Duration::ZERO, || false) == Deletion::Unfinished {
        turns += 1;
    }
    assert!((1..=4).contains(&turns) && !folder.exists(), "each turn deletes something: {turns}");
}

#[test]
fn only_what_was_put_away_is_deleted() {
    let (data, _, folder) = world();
    for other in [folder.clone(), data.path().join("deleted/../jobs"), PathBuf::from("/")] {
        assert!(matches!(delete(data.path(), &other, TIME, || false), Deletion::Blocked(_)), "{}", other.display());
    }
    assert!(folder.join("work/a/file").exists());
}

#[test]
fn a_directory_that_cannot_be_moved_is_deleted_where_it_is() {
    let (data, job, folder) = world();
    let private = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>));
    let mounted = private.and_then(|()| mount(Some(&folder), &folder, None::<&str>, MsFlags::MS_BIND, None::<&str>));
    if mounted.is_err() {
        return;
    }
    put_away(data.path(), &job).unwrap();
    let [Deletion::Blocked(why)] = &delete_all(data.path())[..] else { panic!("it is a mount point") };
    assert!(why.contains("unmount it"), "{why}");
    umount2(&folder, MntFlags::MNT_DETACH).unwrap();
    assert_eq!(delete_all(data.path()), [Deletion::Done]);
    assert!(!folder.exists() && folders(data.path()).unwrap().is_empty());
}

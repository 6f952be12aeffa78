use std::{
    cell::Cell,
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    unistd::{Uid, mkfifo, seteuid},
};
use rustix::{
    fs::{IFlags, Mode, OFlags, ioctl_setflags, mkdirat, openat},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tempfile::TempDir;

use super::{Deleted, MAX_PENDING, delete};

/// A directory with a tree named `tree`.
fn world() -> (TempDir, PathBuf) {
    with_tree(TempDir::new().unwrap())
}

/// The same in memory, where the host has a file system for that: thousands of directories take long on a busy disk.
fn large_world() -> (TempDir, PathBuf) {
    with_tree(TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap())
}

fn with_tree(dir: TempDir) -> (TempDir, PathBuf) {
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    (dir, tree)
}

fn delete_all(dir: &Path) -> Result<Deleted, String> {
    delete(dir, OsStr::new("tree"), |_| true)
}

/// Creates directories inside each other, and one file in the last.
fn nest(tree: &Path, depth: usize) {
    let mut dir = openat(rustix::fs::CWD, tree, OFlags::RDONLY, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&dir, "d", Mode::RWXU).unwrap();
        dir = openat(&dir, "d", OFlags::RDONLY, Mode::empty()).unwrap();
    }
    openat(&dir, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
}

/// Limits the descriptors of this process, which runs this test alone, to few more than it has.
fn few_descriptors() {
    let open = fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(open + 4), maximum }).unwrap();
}

#[test]
fn nested_directories_need_neither_stack_nor_descriptors() {
    let (dir, tree) = large_world();
    nest(&tree, 16_000);
    few_descriptors();
    // A thread of a blocking task has a stack of two megabytes; this is a fraction of it.
    let delete = move || delete_all(dir.path()).map(|deleted| (deleted, tree.exists()));
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(delete).unwrap();
    assert_eq!(thread.join().unwrap(), Ok((Deleted::All, false)));
}

#[test]
fn every_kind_of_entry_and_name_is_deleted() {
    let (dir, tree) = world();
    fs::write(tree.join(OsStr::from_bytes(b"\xff\n\x1b[31m")), "text").unwrap();
    fs::create_dir(tree.join(OsStr::from_bytes(b"\xc3 directory"))).unwrap();
    fs::write(tree.join(OsStr::from_bytes(b"\xc3 directory/-rf")), "text").unwrap();
    mkfifo(&tree.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    UnixListener::bind(tree.join("socket")).unwrap();
    symlink("nowhere", tree.join("dangling")).unwrap();
    fs::create_dir(tree.join("empty")).unwrap();
    fs::write(tree.join("x".repeat(255)), "text").unwrap();
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists());
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All), "what is gone is no error");
}

#[test]
fn a_directory_may_have_more_subdirectories_than_the_deletion_remembers() {
    let (dir, tree) = large_world();
    for number in 0..MAX_PENDING + 100 {
        fs::create_dir_all(tree.join(format!("{number}/below"))).unwrap();
    }
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists());
}

#[test]
fn links_are_deleted_and_not_followed() {
    let (dir, tree) = world();
    let outside = dir.path().join("outside");
    fs::create_dir_all(outside.join("below")).unwrap();
    fs::create_dir(tree.join("a")).unwrap();
    symlink(&outside, tree.join("link")).unwrap();
    symlink(&outside, tree.join("a/link")).unwrap();
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists());
    assert!(outside.join("below").exists());
    symlink(&outside, dir.path().join("tree")).unwrap();
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(outside.join("below").exists());
}

/// Deletes a tree while something changes it between two steps: at each step once. Nothing outside may disappear.
fn while_changing(change: impl Fn(&Path, &Path)) {
    for step in 0..12 {
        let (dir, tree) = world();
        let outside = dir.path().join("outside");
        fs::create_dir_all(outside.join("d/d/d/d")).unwrap();
        fs::create_dir_all(tree.join("d/d/d/d")).unwrap();
        fs::write(tree.join("d/d/d/file"), "").unwrap();
        let now = Cell::new(0);
        let changed = |_| {
            if now.replace(now.get() + 1) == step {
                change(&tree, &outside);
            }
            true
        };
        // It may fail, and the next call completes it.
        let _ = delete(dir.path(), OsStr::new("tree"), changed);
        assert!(outside.join("d/d/d/d").exists(), "step {step}");
        assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
        assert!(!tree.exists() && outside.join("d/d/d/d").exists(), "step {step}");
    }
}

#[test]
fn a_directory_that_becomes_a_link_is_not_followed() {
    for place in ["d", "d/d", "d/d/d", "d/d/d/d"] {
        while_changing(|tree, outside| {
            let _ = fs::rename(tree.join(place), tree.join("moved"));
            let _ = symlink(outside.join(place), tree.join(place));
        });
    }
}

#[test]
fn a_directory_that_moves_out_of_the_tree_leads_nowhere() {
    while_changing(|tree, outside| {
        let _ = fs::rename(tree.join("d/d/d"), outside.join("moved"));
    });
}

#[test]
fn an_ordinary_user_deletes_directories_without_permissions() {
    let (dir, tree) = world();
    let nobody = Uid::from_raw(65534);
    if Uid::effective().is_root() {
        for path in [dir.path(), &tree] {
            nix::unistd::chown(path, Some(nobody), None).unwrap();
        }
        // This process runs this test alone.
        seteuid(nobody).unwrap();
    }
    fs::create_dir_all(tree.join("a/b/c")).unwrap();
    fs::write(tree.join("a/b/file"), "").unwrap();
    for place in ["a/b/c", "a/b", "a", ""] {
        fs::set_permissions(tree.join(place), fs::Permissions::from_mode(0o000)).unwrap();
    }
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists());
    if Uid::current().is_root() {
        seteuid(Uid::current()).unwrap();
    }
}

/// Sets a flag as `chattr` does; `false` where the file system or the rights of this process do not allow it.
fn flag(path: &Path, flags: IFlags) -> bool {
    let file = fs::File::open(path).unwrap();
    let set = ioctl_setflags(&file, flags).is_ok();
    if !set {
        let mut log = std::io::stderr();
        let _ = std::io::Write::write_all(&mut log, b"skipped: no flags can be set here\n");
    }
    set
}

#[test]
fn immutable_and_append_only_entries_are_deleted() {
    let (dir, tree) = world();
    fs::create_dir_all(tree.join("a/b")).unwrap();
    fs::write(tree.join("a/file"), "").unwrap();
    fs::write(tree.join("a/b/file"), "").unwrap();
    let flagged = ["a/b/file", "a/file", "a/b", "a", ""].map(|place| tree.join(place));
    for (path, flags) in flagged.iter().zip([IFlags::IMMUTABLE, IFlags::APPEND].into_iter().cycle()) {
        if !flag(path, flags) {
            return;
        }
    }
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists());
}

#[test]
fn a_mounted_file_system_is_an_obstacle_and_stays_untouched() {
    let (dir, tree) = world();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "").unwrap();
    for place in ["a/mounted", "b/c"] {
        fs::create_dir_all(tree.join(place)).unwrap();
    }
    let private = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>));
    let mounted = tree.join("a/mounted");
    let bound = private.and_then(|()| mount(Some(&outside), &mounted, None::<&str>, MsFlags::MS_BIND, None::<&str>));
    if bound.is_err() {
        return;
    }
    let why = delete_all(dir.path()).unwrap_err();
    assert!(why.starts_with(mounted.to_str().unwrap()) && why.contains("unmount it"), "{why}");
    assert!(outside.join("file").exists());
    assert!(!tree.join("b").exists(), "everything else is deleted");
    umount2(&mounted, MntFlags::MNT_DETACH).unwrap();
    assert_eq!(delete_all(dir.path()), Ok(Deleted::All));
    assert!(!tree.exists() && outside.join("file").exists());
}

#[test]
fn a_deletion_that_is_ended_early_continues_where_it_was() {
    let (dir, tree) = world();
    nest(&tree, 100);
    for number in 0..100 {
        fs::write(tree.join(number.to_string()), "").unwrap();
    }
    let mut calls = 0;
    while delete(dir.path(), OsStr::new("tree"), |deleted| deleted < 7) == Ok(Deleted::Part) {
        calls += 1;
    }
    assert!((25..40).contains(&calls), "{calls}");
    assert!(!tree.exists());
}

use std::{os::unix::ffi::OsStrExt as _, path::Path};

use super::*;

/// A disk, a part of it bind-mounted elsewhere, the whole of it a second time, and other file systems on top of a part.
pub(in crate::local) const TEXT: &[u8] = b"\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 254:0 /var/lib/ty /srv/a\\040b ro,nosuid,nodev,noatime - ext4 /dev/vda rw
31 27 254:0 / /mnt/all rw,noexec - ext4 /dev/vda rw
32 27 254:0 /var/lib/ty/jobs /mnt/jobs rw - ext4 /dev/vda rw
33 27 0:30 / /var/lib/ty/jobs/x rw - tmpfs none rw
34 33 0:31 / /var/lib/ty/jobs/x/y rw - tmpfs none rw
";

#[test]
fn a_line_is_parsed_with_escaped_blanks_and_flags() {
    let mounts = parse(TEXT);
    assert_eq!(mounts.len(), 6);
    assert_eq!((mounts[1].id, mounts[1].parent, mounts[1].device.as_str()), (30, 27, "254:0"));
    let (root, point) = (Path::new("/var/lib/ty"), Path::new("/srv/a b"));
    assert_eq!((mounts[1].root.as_path(), mounts[1].point.as_path()), (root, point));
    assert_eq!(mounts[1].flags, MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
    assert_eq!((mounts[2].flags, mounts[2].fs_type.as_str()), (MsFlags::MS_NOEXEC, "ext4"));
    assert_eq!(unescape(b"/a\\134\\011b\\"), PathBuf::from("/a\\\tb\\"));
}

#[test]
fn optional_fields_and_an_empty_source_are_skipped() {
    let mounts = parse(b"40 31 0:37 / /cg rw shared:9 master:2 - cgroup  rw,cpu,cpuacct\n41 31 0:38 / /x rw - tmpfs\n");
    let found: Vec<_> = mounts.iter().map(|entry| (entry.fs_type.as_str(), entry.fs_options.as_str())).collect();
    assert_eq!(found, [("cgroup", "rw,cpu,cpuacct"), ("tmpfs", "")]);
}

#[test]
fn a_mount_point_may_be_invalid_utf_8_and_a_strange_line_is_left_out() {
    let mounts = parse(
        b"30 27 254:0 / /srv/\xff\\040\xfe rw - ext4 /dev/vda rw\nnonsense\n1 2\n31 27 0:30 / /y rw - tmpfs none rw\n",
    );
    assert_eq!(mounts.iter().map(|entry| entry.id).collect::<Vec<_>>(), [30, 31]);
    assert_eq!(mounts[0].point.as_os_str().as_bytes(), b"/srv/\xff \xfe");
}

#[test]
fn a_subtree_contains_all_mounts_on_a_mount() {
    let mounts = parse(TEXT);
    let of = |id| subtree(&mounts, id).iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(of(33), [33, 34]);
    assert_eq!(of(27), [27, 30, 31, 32, 33, 34]);
    assert!(of(99).is_empty());
}

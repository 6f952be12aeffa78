use std::path::Path;

use super::*;

/// A disk, a part of it bound elsewhere, the whole of it a second time, and something else on top of a part.
pub(in crate::local::sandbox) const TEXT: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 254:0 /var/lib/ty /srv/a\\040b ro,nosuid,nodev,noatime - ext4 /dev/vda rw
31 27 254:0 / /mnt/all rw,noexec - ext4 /dev/vda rw
32 27 254:0 /var/lib/ty/jobs /mnt/jobs rw - ext4 /dev/vda rw
33 27 0:30 / /var/lib/ty/jobs/x rw - tmpfs none rw
34 33 0:31 / /var/lib/ty/jobs/x/y rw - tmpfs none rw
";

#[test]
fn a_line_is_read_with_its_blanks_and_what_it_forbids() {
    let mounts = parse(TEXT);
    assert_eq!(mounts.len(), 6);
    assert_eq!((mounts[1].id, mounts[1].parent, mounts[1].device.as_str()), (30, 27, "254:0"));
    assert_eq!((mounts[1].root.as_path(), mounts[1].at.as_path()), (Path::new("/var/lib/ty"), Path::new("/srv/a b")));
    assert_eq!(mounts[1].flags, MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
    assert_eq!((mounts[2].flags, mounts[2].kind.as_str()), (MsFlags::MS_NOEXEC, "ext4"));
    assert_eq!(unescaped("/a\\134\\011b\\"), PathBuf::from("/a\\\tb\\"));
}

#[test]
fn what_lies_on_a_mount_is_found_by_its_number() {
    let of = |id| from(parse(TEXT), id).iter().map(|mounted| mounted.id).collect::<Vec<_>>();
    assert_eq!(of(33), [33, 34]);
    assert_eq!(of(27), [27, 30, 31, 32, 33, 34]);
    assert!(of(99).is_empty());
}

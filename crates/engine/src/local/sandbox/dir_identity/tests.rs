use super::*;
use crate::local::mountinfo::tests::TEXT;

#[test]
fn every_path_that_shows_a_directory_is_found() {
    let mounts = mountinfo::parse(TEXT);
    for (device, inner, expected) in [
        ("254:0", "/var/lib/ty", &["/var/lib/ty", "/srv/a b", "/mnt/all/var/lib/ty", "/mnt/jobs"][..]),
        ("254:0", "/var/lib/ty/jobs", &["/var/lib/ty/jobs", "/srv/a b/jobs", "/mnt/all/var/lib/ty/jobs", "/mnt/jobs"]),
        ("0:30", "/z", &["/var/lib/ty/jobs/x/z"]),
        ("254:0", "/home", &["/home", "/mnt/all/home"]),
    ] {
        let identity = DirIdentity { device: device.to_owned(), inner: inner.into() };
        let found: Vec<_> = mounts.iter().filter_map(|entry| identity.shown_by(entry)).collect();
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(found, expected, "{inner}");
    }
}

#[test]
fn a_directory_contains_others_of_the_same_file_system_only() {
    let identity = |device: &str, inner: &str| DirIdentity { device: device.to_owned(), inner: inner.into() };
    for (one, other, expected) in [
        (identity("8:1", "/a"), identity("8:1", "/a"), true),
        (identity("8:1", "/a"), identity("8:1", "/a/b"), true),
        (identity("8:1", "/"), identity("8:1", "/a"), true),
        (identity("8:1", "/a/b"), identity("8:1", "/a"), false),
        (identity("8:1", "/a"), identity("8:1", "/ab"), false),
        (identity("8:1", "/a"), identity("8:2", "/a/b"), false),
    ] {
        assert_eq!(one.contains(&other), expected, "{one:?} {other:?}");
    }
}

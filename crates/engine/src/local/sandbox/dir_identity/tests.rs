use super::*;
use crate::local::sandbox::list::tests::TEXT;

#[test]
fn a_directory_is_found_wherever_it_shows() {
    let mounts = list::parse(TEXT);
    for (device, inner, expected) in [
        ("254:0", "/var/lib/ty", &["/var/lib/ty", "/srv/a b", "/mnt/all/var/lib/ty", "/mnt/jobs"][..]),
        ("254:0", "/var/lib/ty/jobs", &["/var/lib/ty/jobs", "/srv/a b/jobs", "/mnt/all/var/lib/ty/jobs", "/mnt/jobs"]),
        ("0:30", "/z", &["/var/lib/ty/jobs/x/z"]),
        ("254:0", "/home", &["/home", "/mnt/all/home"]),
    ] {
        let spot = DirIdentity { device: device.to_owned(), inner: inner.into() };
        let found: Vec<_> = mounts.iter().filter_map(|mounted| spot.shown_by(mounted)).collect();
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(found, expected, "{inner}");
    }
}

#[test]
fn one_holds_another_of_the_same_filesystem_only() {
    let spot = |device: &str, inner: &str| DirIdentity { device: device.to_owned(), inner: inner.into() };
    for (one, other, expected) in [
        (spot("8:1", "/a"), spot("8:1", "/a"), true),
        (spot("8:1", "/a"), spot("8:1", "/a/b"), true),
        (spot("8:1", "/"), spot("8:1", "/a"), true),
        (spot("8:1", "/a/b"), spot("8:1", "/a"), false),
        (spot("8:1", "/a"), spot("8:1", "/ab"), false),
        (spot("8:1", "/a"), spot("8:2", "/a/b"), false),
    ] {
        assert_eq!(one.holds(&other), expected, "{one:?} {other:?}");
    }
}

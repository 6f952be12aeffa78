use super::*;

#[test]
fn a_storage_is_separate_from_the_system_and_the_server() {
    for (path, expected) in [
        ("/data/nas", Ok("/data/nas")),
        ("/data//nas/./", Ok("/data/nas")),
        ("/var/lib/trainyard2", Ok("/var/lib/trainyard2")),
        ("/usr/local/share/sets", Ok("/usr/local/share/sets")),
        ("data", Err("absolute")),
        ("", Err("absolute")),
        ("/data/../etc", Err("`..`")),
        ("/a\0b", Err("NUL")),
        ("/", Err("whole host")),
        ("//", Err("whole host")),
        ("/proc/self", Err("/proc")),
        ("/dev", Err("/dev")),
        ("/etc/", Err("system")),
        ("/var/lib/trainyard", Err("data directory")),
        ("/var/lib/trainyard/jobs", Err("data directory")),
        ("/var/lib", Err("data directory")),
    ] {
        match (parse_storage_path(path, "/var/lib/trainyard/"), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(part)) => assert!(found.contains(part), "{path}: {found}"),
            (found, _) => panic!("{path}: {found:?}"),
        }
    }
}

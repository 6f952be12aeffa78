use super::*;
use crate::local::mountinfo;

fn check(mountinfo: &str, cgroup: &str, expected: &[(Version, &[&str], &str)]) {
    let found = hierarchies(&mountinfo::parse(mountinfo.as_bytes()), cgroup);
    let found: Vec<(Version, Vec<&str>, &str)> = found
        .iter()
        .map(|one| (one.version, one.controllers.iter().map(String::as_str).collect(), one.own.to_str().unwrap()))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(version, names, own)| (*version, names.to_vec(), *own)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_host_with_version_2_alone_has_one_hierarchy() {
    check(
        "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        "0::/system.slice/trainyard.service/server\n",
        &[(Version::V2, &[], "/sys/fs/cgroup/system.slice/trainyard.service/server")],
    );
}

#[test]
fn a_host_may_have_hierarchies_of_both_versions() {
    check(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
         32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n\
         35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n\
         40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        "9:name=systemd:/x\n5:devices:/\n4:memory:/a/b\n1:cpu,cpuacct:/\n0::/u\n",
        &[
            (Version::V1, &["cpu"], "/sys/fs/cgroup/cpu,cpuacct"),
            (Version::V1, &["memory"], "/sys/fs/cgroup/memory/a/b"),
            (Version::V2, &[], "/sys/fs/cgroup/unified/u"),
        ],
    );
}

#[test]
fn a_container_sees_only_a_part_of_the_hierarchy() {
    let mount = "40 31 0:37 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n";
    check(mount, "3:pids:/docker/abc/x\n", &[(Version::V1, &["pids"], "/sys/fs/cgroup/pids/x")]);
    check(mount, "3:pids:/docker/abc\n", &[(Version::V1, &["pids"], "/sys/fs/cgroup/pids")]);
    // A mount that does not show the group, and a group outside of the cgroup namespace of the process.
    check(mount, "3:pids:/elsewhere\n", &[]);
    check("1 1 0:1 / /cg rw - cgroup2 none rw\n", "0::/../above\n", &[]);
}

#[test]
fn a_hierarchy_may_be_mounted_anywhere_and_twice() {
    check(
        "1 1 0:1 / /odd\\040place rw - cgroup2 none rw\n2 1 0:1 / /again rw - cgroup2 none rw\n",
        "0::/\n",
        &[(Version::V2, &[], "/odd place")],
    );
    check("nonsense\n1 2\n3 4 0:5 / /x rw - ext4 /dev/sda rw\n", "0::/\n", &[]);
    check("", "", &[]);
}

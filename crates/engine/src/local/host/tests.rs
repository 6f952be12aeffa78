use std::fs;

use super::*;

const MEMINFO: &str = "MemTotal:       16384 kB\nMemFree:  1 kB\n";

fn check(files: &[(&str, &str)], expected: Option<u64>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    assert_eq!(memory_below(root.path()), expected, "{files:?}");
}

#[test]
fn the_smallest_memory_limit_is_the_memory_of_the_host() {
    let megabytes = |count: u64| Some(count << 20);
    check(&[], None);
    check(&[("proc/meminfo", MEMINFO)], megabytes(16));
    let v2 = ("proc/self/cgroup", "0::/a/b\n");
    check(&[("proc/meminfo", MEMINFO), v2, ("sys/fs/cgroup/a/b/memory.max", "max\n")], megabytes(16));
    check(&[("proc/meminfo", MEMINFO), v2, ("sys/fs/cgroup/a/b/memory.max", "8388608\n")], megabytes(8));
    check(&[("proc/meminfo", MEMINFO), v2, ("sys/fs/cgroup/a/memory.max", "4194304\n")], megabytes(4));
    check(&[("proc/meminfo", MEMINFO), v2, ("sys/fs/cgroup/memory.max", "4194304\n")], megabytes(4));
    check(&[("proc/meminfo", MEMINFO), v2, ("sys/fs/cgroup/unified/a/memory.max", "4194304\n")], megabytes(4));
    let v1 = ("proc/self/cgroup", "3:cpu,cpuacct:/x\n2:memory:/job\n1:name=systemd:/\n");
    check(
        &[("proc/meminfo", MEMINFO), v1, ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2097152\n")],
        megabytes(2),
    );
    check(
        &[("proc/meminfo", MEMINFO), v1, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")],
        megabytes(16),
    );
}

#[test]
fn this_host_has_cores_and_memory() {
    assert!(cpu_milli() >= 1000);
    assert!(memory_bytes().unwrap() > 1 << 20);
}

//! Attacks from inside a job, as the server's user, as an account and as an id without one, and as an ordinary user. None may work.
//!
//! Each attack prints `BROKEN` with what it reached. An attack that could end other processes of this host first checks
//! that it is shut in.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, Handle, WorkerLimits, WorkerUser};

use crate::support::{World, as_ordinary, until_some};

const MB: u64 = 1 << 20;

/// A world for each user that jobs can run as here; none, with a message, if this host permits no isolation.
fn worlds() -> Vec<World> {
    let worlds = World::of_each_user();
    if worlds[0].engine.describe().isolation.starts_with("NOT") {
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no mount namespace here\n").unwrap();
        return Vec::new();
    }
    worlds
}

/// Whether jobs of this world are isolated by this means.
fn has(world: &World, means: &str) -> bool {
    let found = world.engine.describe().means;
    found.iter().find(|one| one.means == means).unwrap_or_else(|| panic!("no means {means}: {found:?}")).is_used
}

/// Launches a Python program with these variables in one worker, limited to this memory.
async fn launch(world: &World, program: &str, env: &[(&str, &str)], memory_bytes: u64) -> Handle {
    let mut plan = world.plan(&format!("exec /usr/bin/python3 - <<'END'\n{COMMON}\n{program}\nEND"), 1);
    plan.limits = Some(WorkerLimits { cpu_milli: 1000, memory_bytes });
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    plan.workers[0].env.extend(env);
    world.engine.launch(&plan).await.unwrap()
}

/// Runs a program in one worker and expects exactly these words.
async fn expect(world: &World, program: &str, env: &[(&str, &str)], words: &str) {
    let handle = launch(world, program, env, 256 * MB).await;
    let end = world.end(&handle).await;
    assert_eq!((world.log(0).trim(), end.exits()), (words, vec![Some(Exit::Code(0))]));
}

/// What the programs share.
const COMMON: &str = r#"
import ctypes, glob, mmap, os, signal, socket, stat, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def broken(*what): print("BROKEN:", *what, flush=True)
def works(attack, *arguments):
    try: return attack(*arguments) is not False
    except OSError: return False
def read(path):
    try: return open(path, "rb").read()
    except OSError: return b""
"#;

/// The capabilities that a worker of root may have, as the kernel shows them.
const ALLOWED: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 14;

#[tokio::test]
async fn workers_have_no_capability_beyond_the_list_in_any_set() {
    for world in worlds() {
        let handle = world.launch("grep -E '^Cap|^NoNewPrivs' /proc/self/status", 1).await;
        world.end(&handle).await;
        let log = world.log(0);
        let set = |name: &str| {
            let line = log.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
        };
        let is_root = nix::unistd::geteuid().is_root() && world.user == WorkerUser::Server;
        let has = if is_root { ALLOWED & set("CapBnd") } else { 0 };
        assert_eq!([set("CapPrm"), set("CapEff"), set("CapInh"), set("CapAmb")], [has, has, 0, 0], "{log}");
        assert_eq!(set("CapBnd") & !ALLOWED, 0, "{log}");
        assert!(log.contains("NoNewPrivs:\t1"), "{log}");
    }
}

#[tokio::test]
async fn no_raw_socket_can_be_opened() {
    let attack = r#"
if works(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0x300): broken("packet socket")
if works(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1): broken("raw socket")
print("done")"#;
    for world in worlds() {
        expect(&world, attack, &[], "done").await;
    }
}

/// Looks for the processes of another job and of this test, to read them, write into them and end them.
const OTHERS: &str = r#"
if os.readlink("/proc/self/ns/pid") == os.environ["HOST_PIDS"]: sys.exit(broken("pid namespace of the host"))
for environ in glob.glob("/proc/[0-9]*/environ"):
    pid = environ.split("/")[2]
    if b"secret-of-the-other" in read(environ): broken("environment of", pid)
    if read(f"/proc/{pid}/root{os.environ['THEIRS']}"): broken("files of", pid)
    if pid not in (str(os.getpid()), "1"): broken("process", pid, read(f"/proc/{pid}/cmdline"))
libc.kill(-1, 9)
libc.setpriority(2, os.getuid(), 19)
for name in ["environ", "mem", "maps", "root/etc", "cwd/.", "fd/0", "ns/mnt"]:
    if works(os.stat, f"/proc/1/{name}") and read(f"/proc/1/{name}"): broken("the shim's", name)
for fd in range(100):
    if works(os.readlink, f"/proc/1/fd/{fd}") or works(os.open, f"/proc/1/fd/{fd}", os.O_PATH): broken("the shim's file", fd)
if libc.ptrace(16, 1, 0, 0) == 0: broken("the shim traced")
print("done")"#;

#[tokio::test]
async fn no_process_of_another_job_can_be_seen_or_signalled() {
    for world in worlds() {
        if !has(&world, "pid namespace") {
            return eprintln!("skipped: no pid namespace here");
        }
        let other = World::of_user(world.user.clone());
        let mut theirs = other.plan("until [ -e go ]; do sleep 0.01; done; echo lives", 1);
        theirs.workers[0].env.push(("WANDB_API_KEY".to_owned(), "secret-of-the-other".to_owned()));
        let handle = other.engine.launch(&theirs).await.unwrap();
        other.running(&handle).await;
        fs::write(other.file("checkpoint"), "theirs").unwrap();
        let pids = fs::read_link("/proc/self/ns/pid").unwrap();
        let (pids, file) = (pids.to_str().unwrap(), other.file("checkpoint"));
        expect(&world, OTHERS, &[("HOST_PIDS", pids), ("THEIRS", file.to_str().unwrap())], "done").await;
        other.touch("go");
        assert_eq!((other.end(&handle).await.exits(), other.log(0)), (vec![Some(Exit::Code(0))], "lives\n".to_owned()));
    }
}

#[tokio::test]
async fn temporary_files_are_seen_by_no_other_job_and_not_by_the_host() {
    let host = TempDir::new().unwrap();
    fs::write(host.path().join("file"), "of the host\n").unwrap();
    let attack = r#"
for top in ["/tmp", "/var/tmp"]:
    name = f"{top}/{os.environ['JOB']}"
    open(name, "w").write("temporary")
    if oct(os.stat(top).st_mode) != "0o41777": broken("mode", top)
if read(os.environ["HOST"]): broken("a file of the host")
print(sorted(os.listdir("/tmp")) == sorted(os.listdir("/var/tmp")))"#;
    for world in worlds() {
        let (job, file) = (world.job.to_string(), host.path().join("file"));
        expect(&world, attack, &[("JOB", &job), ("HOST", file.to_str().unwrap())], "True").await;
        assert!(!Path::new("/tmp").join(&job).exists() && !Path::new("/var/tmp").join(&job).exists());
        assert_eq!(fs::read_to_string(world.file("../tmp").join(&job)).unwrap(), "temporary");
    }
}

#[tokio::test]
async fn no_socket_of_a_service_in_run_can_be_reached() {
    let name = format!("/run/trainyard-test-{}", std::process::id());
    let Ok(_listener) = UnixListener::bind(&name) else {
        return eprintln!("skipped: only root can listen in /run");
    };
    let attack = r#"
for path in [os.environ["SOCKET"], os.environ["SOCKET"].replace("/run", "/var/run")]:
    if works(socket.socket(socket.AF_UNIX).connect, path): broken(path)
for path, _, files in os.walk("/run"):
    for file in files:
        if stat.S_ISSOCK(os.lstat(f"{path}/{file}").st_mode): print(path)
open("/run/lock/own", "w").write("")
print("done")"#;
    for world in worlds() {
        let handle = launch(&world, attack, &[("SOCKET", &name)], 256 * MB).await;
        world.end(&handle).await;
        let log = world.log(0);
        let kept = ["/run/systemd", "/run/nscd", "/run/nvidia"];
        let unexpected = |line: &&str| *line != "done" && !kept.iter().any(|dir| line.starts_with(dir));
        assert_eq!(log.lines().filter(unexpected).collect::<Vec<_>>(), [] as [&str; 0]);
        assert!(log.ends_with("done\n"), "{log}");
    }
    fs::remove_file(name).unwrap();
}

/// Uses more shared memory of each kind than the worker may use.
const SHARED_MEMORY: &str = r#"
size, small = 512 << 20, 8 << 20
shm = os.open("/dev/shm/trainyard-test", os.O_RDWR | os.O_CREAT, 0o666)
os.posix_fallocate(shm, 0, small)
if works(os.posix_fallocate, shm, 0, size): broken("file")
if os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize > 64 << 20: broken("size of /dev/shm")
if os.getuid() == 0 and libc.shmget(7, size, 0o1666) >= 0: broken("System V")
if libc.shmget(77, 4096, 0o1666) < 0: broken("no System V")
libc.mq_open(b"/trainyard-test", os.O_CREAT | os.O_RDWR, 0o666, None)
libc.semget(777, 1, 0o1666)
print("done", flush=True)
while not os.path.exists("go"): time.sleep(0.01)"#;

#[tokio::test]
async fn shared_memory_is_limited_private_and_ends_with_the_attempt() {
    for world in worlds() {
        for means in ["IPC namespace", "private /dev/shm"] {
            assert!(has(&world, means), "{:?}", world.engine.describe().means);
        }
        let handle = launch(&world, SHARED_MEMORY, &[], 64 * MB).await;
        until_some("its memory", || async { (world.log(0) == "done\n").then_some(()) }).await;
        let held = || {
            let kinds = ["shm", "sem", "msg"].map(|kind| fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap());
            let keys = [" 7 ", " 77 ", " 777 "];
            kinds
                .iter()
                .flat_map(|text| text.lines().map(str::to_owned))
                .filter(|line| {
                    let line = format!(" {} ", line.split_whitespace().next().unwrap_or_default());
                    keys.contains(&line.as_str())
                })
                .collect::<Vec<String>>()
        };
        assert_eq!((held(), Path::new("/dev/shm/trainyard-test").exists()), (Vec::new(), false));
        let other = World::new();
        let look = "ls /dev/shm; ls /dev/mqueue 2>/dev/null; tail -qn +2 /proc/sysvipc/*";
        let theirs = other.launch(look, 1).await;
        other.end(&theirs).await;
        assert_eq!(other.log(0), "");
        world.touch("go");
        world.end(&handle).await;
        assert_eq!((held(), Path::new("/dev/shm/trainyard-test").exists()), (Vec::new(), false));
        assert_eq!(world.log(0), "done\n");
    }
}

/// Tries to lift the limits, and to see other groups.
const GROUPS: &str = r#"
files = ["cgroup.procs", "tasks", "memory.limit_in_bytes", "memory.max", "cpu.max", "cpu.cfs_quota_us", "pids.max",
         "freezer.state", "cgroup.kill", "cgroup.freeze", "cgroup.subtree_control", "notify_on_release", "release_agent"]
for path, dirs, names in os.walk("/sys/fs/cgroup", followlinks=False):
    if "trainyard-" in path: broken("group", path)
    for name in dirs:
        if works(os.mkdir, f"{path}/{name}/own"): broken("new group", path, name)
    for name in set(names) & set(files):
        if works(os.open, f"{path}/{name}", os.O_WRONLY): broken(path, name)
for line in open("/proc/self/cgroup"):
    if "trainyard" in line: broken(line.strip())
nested = """
for kind in "cgroup -o memory" "cgroup -o pids" cgroup2; do
  mount -t $kind none /mnt || continue
  for file in memory.limit_in_bytes memory.max pids.max; do
    echo -1 >/mnt/$file && echo "BROKEN: nested $file"
    echo max >/mnt/$file && echo "BROKEN: nested $file"
  done
  umount /mnt
done
for dir in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw $dir && mkdir $dir/own && echo "BROKEN: $dir"; done
umount -l /sys/fs/cgroup/memory && ls -d /sys/fs/cgroup/memory/trainyard* && echo "BROKEN: uncovered"
"""
for user in ["-rmC", "-UrmC", "-mC", "-m"]:
    subprocess.run(["unshare", user, "sh", "-c", nested], stderr=subprocess.DEVNULL)
print("done")"#;

#[tokio::test]
async fn the_limits_of_a_worker_cannot_be_lifted_and_other_groups_not_seen() {
    for world in worlds() {
        expect(&world, GROUPS, &[], "done").await;
    }
}

#[tokio::test]
async fn no_terminal_of_the_host_or_of_another_job_can_be_opened() {
    let open = "import os, sys; own, other = os.openpty(); print(os.ttyname(other), flush=True); sys.stdin.read()";
    let mut host = Command::new("/usr/bin/python3");
    let host = host.args(["-c", open]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut host = host.unwrap();
    let mut name = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut name).unwrap();
    let name = Path::new(name.trim());
    let attack = r#"
if works(os.stat, os.environ["TERMINAL"]): broken(os.listdir("/dev/pts"))
own, other = os.openpty()
os.write(other, b"through\n")
print(os.read(own, 100).decode().strip(), os.ttyname(other))"#;
    for world in worlds() {
        // The kernel gives each instance its own numbers, so the number of the host must be above the first.
        let terminal = if name == Path::new("/dev/pts/0") { Path::new("/dev/pts/1000") } else { name };
        expect(&world, attack, &[("TERMINAL", terminal.to_str().unwrap())], "through /dev/pts/0").await;
    }
    drop(host.stdin.take());
    host.wait().unwrap();
}

/// The tests above again, as an ordinary user, which may create namespaces and nothing else.
#[test]
fn an_ordinary_user_cannot_attack_either() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (done, said) = as_ordinary(&["attacks::", "--skip", "ordinary"]);
    assert!(done.success() && said.contains(" passed"), "{said}");
}

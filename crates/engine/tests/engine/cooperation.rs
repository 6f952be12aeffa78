//! What the processes of one attempt can still do together, although they are shut in: share memory, signal, trace and
//! read each other. Training with several processes needs all of it.

use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, WorkerLimits};

use crate::support::{World, as_ordinary};

const MB: u64 = 1 << 20;

/// Runs a Python program in these workers and expects that each prints exactly these words.
async fn expect(world: &World, program: &str, workers: u32, words: &str) {
    let mut plan = world.plan(
        &format!("cat > run.$TRAINYARD_RANK.py <<'END'\n{program}\nEND\nexec /usr/bin/python3 run.$TRAINYARD_RANK.py"),
        workers,
    );
    plan.limits = Some(WorkerLimits { cpu_milli: 1000, memory_bytes: 256 * MB });
    let handle = world.engine.launch(&plan).await.unwrap();
    let end = world.end(&handle).await;
    for rank in 0..workers {
        assert_eq!(world.log(rank).trim(), words, "rank {rank}");
    }
    assert!(end.exits().iter().all(|exit| *exit == Some(Exit::Code(0))), "{end:?}");
}

#[tokio::test]
async fn the_ranks_of_an_attempt_share_memory_semaphores_and_signals() {
    let program = r#"
import ctypes, mmap, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.sem_open.restype = ctypes.c_void_p
rank, size = int(os.environ["TRAINYARD_RANK"]), 1 << 20
def wait(is_so):
    while not is_so(): time.sleep(0.01)
semaphore = ctypes.c_void_p(libc.sem_open(b"/both", os.O_CREAT, 0o600, 0))
segment = libc.shmget(7, size, 0o1600)
at = libc.shmat(segment, None, 0)
word = ctypes.c_char_p(at)
if rank == 0:
    signal.signal(signal.SIGUSR1, lambda *_: open("signalled", "w"))
    with open("/dev/shm/file", "wb") as file: file.write(b"of rank 0")
    ctypes.memmove(at, b"of rank 0\0", 10)
    with open("pid.new", "w") as file: file.write(str(os.getpid()))
    os.rename("pid.new", "pid")
    libc.sem_wait(semaphore)
    wait(lambda: os.path.exists("signalled"))
else:
    wait(lambda: os.path.exists("pid"))
    pid = int(open("pid").read())
    assert open("/dev/shm/file", "rb").read() == b"of rank 0" == word.value
    assert os.readlink(f"/proc/{pid}/ns/ipc") == os.readlink("/proc/self/ns/ipc")
    libc.sem_post(semaphore)
    os.kill(pid, signal.SIGUSR1)
print("shared")"#;
    for world in World::of_each_user() {
        expect(&world, program, 2, "shared").await;
    }
}

#[tokio::test]
async fn python_can_use_its_multiprocessing() {
    let program = r#"
import multiprocessing as mp
from multiprocessing import shared_memory
def double(number): return 2 * number
def fill(name, lock, queue):
    memory = shared_memory.SharedMemory(name)
    with lock: memory.buf[0] = 42
    memory.close()
    queue.put("filled")
if __name__ == "__main__":
    for method in ["fork", "spawn", "forkserver"]:
        context = mp.get_context(method)
        with context.Pool(2) as pool: assert pool.map(double, range(100))[-1] == 198
        memory = shared_memory.SharedMemory(create=True, size=4096)
        lock, queue = context.Lock(), context.Queue()
        worker = context.Process(target=fill, args=(memory.name, lock, queue))
        worker.start()
        assert queue.get() == "filled"
        worker.join()
        assert memory.buf[0] == 42
        memory.close(); memory.unlink()
    with mp.Manager() as manager: assert manager.dict(a=1)["a"] == 1
    print("all methods")"#;
    for world in World::of_each_user() {
        expect(&world, program, 1, "all methods").await;
    }
}

/// Reads the memory of a child as py-spy does, writes it as MPI does, and traces it as a debugger does.
const TRACE: &str = r#"
import ctypes, os, shutil, signal, subprocess, time
libc = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
data = ctypes.create_string_buffer(b"before")
child = os.fork()
if child == 0:
    while data.value != b"after": time.sleep(0.01)
    while True: time.sleep(1)
own = ctypes.create_string_buffer(6)
here, there = Part(ctypes.addressof(own), 6), Part(ctypes.addressof(data), 6)
assert libc.process_vm_readv(child, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 6, os.strerror(ctypes.get_errno())
assert own.value == b"before"
own.value = b"after"
assert libc.process_vm_writev(child, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 6
assert libc.ptrace(0x4206, child, 0, 0) == 0, os.strerror(ctypes.get_errno())   # PTRACE_SEIZE
assert libc.ptrace(0x4207, child, 0, 0) == 0                                     # PTRACE_INTERRUPT
assert os.WIFSTOPPED(os.waitpid(child, 0)[1])
assert libc.ptrace(17, child, 0, 0) == 0                                         # PTRACE_DETACH
if shutil.which("gdb"):
    shown = subprocess.run(["gdb", "-batch", "-nx", "-p", str(child), "-ex", "info inferiors"], capture_output=True, text=True)
    assert f"process {child}" in shown.stdout, shown
    run = subprocess.run(["gdb", "-batch", "-nx", "-ex", "run", "-ex", "info program", "--args", "/bin/true"], capture_output=True, text=True)
    assert "exited normally" in run.stdout and "Error disabling address space" not in run.stderr, run
os.kill(child, signal.SIGKILL)
assert os.waitpid(child, 0)[1] == signal.SIGKILL
print("traced")"#;

#[tokio::test]
async fn a_process_can_trace_and_read_its_own_children() {
    for world in World::of_each_user() {
        expect(&world, TRACE, 1, "traced").await;
    }
}

/// The tests above again, as an ordinary user, which may create namespaces and nothing else.
#[test]
fn an_ordinary_users_processes_cooperate_too() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (done, said) = as_ordinary(&["cooperation::", "--skip", "ordinary"]);
    assert!(done.success() && said.contains("3 passed"), "{said}");
}

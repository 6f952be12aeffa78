//! Sockets that a service manager passes to the server and holds while no server runs.

use std::{
    net::TcpListener,
    os::fd::AsRawFd as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::io::{FdFlags, fcntl_setfd};
use tempfile::TempDir;

use crate::{
    caller::{Caller, DEADLINE, until},
    harness::{PROGRAM, ROOMY},
    processes::Cleanup,
};

/// Moves the descriptors to 3 and above, as a service manager does, and becomes the server.
const PASS: &str = r#"
import fcntl, os, sys
fds, program = [int(fd) for fd in sys.argv[1].split(",")], sys.argv[2:]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
    os.close(fd)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(program[0], program)
"#;

struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server that is to use these sockets.
fn start(dir: &TempDir, sockets: &[i32]) -> Service {
    let fds: Vec<String> = sockets.iter().map(i32::to_string).collect();
    std::fs::write(dir.path().join("config.toml"), ROOMY).unwrap();
    let child = Command::new("python3")
        .args(["-c", PASS, &fds.join(","), PROGRAM, "serve", "--data-dir"])
        .arg(dir.path().join("data"))
        .arg("--config")
        .arg(dir.path().join("config.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    Service(child.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_is_held_while_no_server_runs_and_calls_wait_for_the_next_one() {
    let dir = TempDir::new().unwrap();
    let _cleanup = Cleanup(dir.path().join("data"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    fcntl_setfd(&listener, FdFlags::empty()).unwrap();
    let first = start(&dir, &[listener.as_raw_fd()]);
    let key = until(async || std::fs::read_to_string(dir.path().join("data/admin.key"))).await;
    let caller = Caller::new(format!("http://{address}"), key.trim().to_owned());
    caller.get("/v1/aidc/list").await.ok();
    let url = std::fs::read_to_string(dir.path().join("data/server.url")).unwrap();
    assert_eq!(url.trim(), format!("http://{address}"), "not the address of the configuration");

    drop(first);
    assert!(TcpListener::bind(address).is_err(), "another process cannot take the port");
    let waiting = Caller::new(caller.url.clone(), caller.admin.clone());
    let call = async { waiting.get("/v1/aidc/list").await.ok() };
    let restart = async { start(&dir, &[listener.as_raw_fd()]) };
    let (answer, _second) =
        tokio::time::timeout(DEADLINE + Duration::from_secs(1), async { tokio::join!(call, restart) }).await.unwrap();
    assert_eq!(answer[0]["id"], 1);
}

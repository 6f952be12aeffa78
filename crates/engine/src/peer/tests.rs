//! Peers of real sockets.

use std::{
    io::Read as _,
    os::unix::net::UnixListener,
    process::{Child, Command, Stdio},
};

use super::{Peer, account_name, own_uid};

/// A program that connects to the socket in its argument and waits until the socket is closed.
const CONNECT: &str = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)";

#[test]
fn a_peer_has_the_account_of_its_process_and_shares_our_namespace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut child = Command::new("python3").args(["-c", CONNECT]).arg(&path).spawn().unwrap();
    let (socket, _) = listener.accept().unwrap();
    let peer = Peer::of(&socket).unwrap();
    assert_eq!(peer, Peer { uid: own_uid(), shares_pid_namespace: true });
    drop(socket);
    child.wait().unwrap();
}

#[test]
fn a_peer_that_has_ended_shares_no_namespace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut child = Command::new("python3").args(["-c", CONNECT]).arg(&path).spawn().unwrap();
    let (socket, _) = listener.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Peer::of(&socket).unwrap().shares_pid_namespace);
}

#[test]
fn a_peer_in_another_pid_namespace_shares_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let Some(mut child) = in_new_pid_namespace(&path) else { return };
    let (socket, _) = listener.accept().unwrap();
    assert_eq!(Peer::of(&socket).unwrap(), Peer { uid: own_uid(), shares_pid_namespace: false });
    drop(socket);
    child.wait().unwrap();
}

/// Starts the program in a PID namespace; `None` where the host permits none.
fn in_new_pid_namespace(path: &std::path::Path) -> Option<Child> {
    let unshare = |user: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(user).args(["--pid", "--fork", "--kill-child"]);
        command
    };
    let permits = |mut command: Command| command.arg("true").status().is_ok_and(|status| status.success());
    let user = [&[][..], &["--user", "--map-current-user"]].into_iter().find(|user| permits(unshare(user)))?;
    // The program prints a line once it runs, so that a failure to start ends the wait.
    let ready = "print('ready', flush=True);";
    let mut child = unshare(user)
        .args(["python3", "-c", &format!("{ready}{CONNECT}")])
        .arg(path)
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    Some(child)
}

#[test]
fn accounts_have_the_names_of_the_host() {
    assert_eq!(account_name(0).unwrap().as_deref(), Some("root"));
    assert_eq!(account_name(4_294_900_000).unwrap(), None);
}

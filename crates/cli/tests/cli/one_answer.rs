//! A server that sends the same response to every request, and the command that calls it.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
};

/// The address of a server that answers every connection with this status and body.
pub(crate) fn serve(status: u16, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = [0; 8192];
            let _ = socket.read(&mut request).unwrap();
            let head = "content-type: application/json\r\nconnection: close";
            let length = body.len();
            let location = "location: /v1/training/template/tpl_6f1a62c0a5bf4e0c9b2f/detail";
            let answer =
                format!("HTTP/1.1 {status} X\r\n{head}\r\n{location}\r\ncontent-length: {length}\r\n\r\n{body}");
            // Fails if the caller has closed the connection already, which is fine.
            let _ = socket.write_all(answer.as_bytes());
        }
    });
    address
}

/// The command with an empty home directory and without the variables of the caller.
pub(crate) fn trainyard(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainyard"));
    command.env_clear().env("TZ", "UTC").env("HOME", home).env("PATH", "/usr/bin:/bin").args(args);
    // The default data directory of root is outside the home directory. A test must not find a real server there.
    command.env("TRAINYARD_DATA_DIR", home.join("none"));
    command
}

/// Exit code, standard output, standard error.
pub(crate) fn ended(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

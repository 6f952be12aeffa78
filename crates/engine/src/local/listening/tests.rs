use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn only_listening_sockets_are_parsed() {
    for (line, expected) in [
        (
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4711 1 0 100 0 0 10 0",
            Some((4711, "127.0.0.1:8080")),
        ),
        (
            "  1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 9 1",
            Some((9, "[::1]:80")),
        ),
        ("   0: 0100007F:1F90 0100007F:A0B0 01 00000000:00000000 00:00000000 00000000  0  0 4711 1 0", None),
        ("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", None),
        ("", None),
    ] {
        let expected = expected.map(|(inode, address)| (inode, address.parse().unwrap()));
        assert_eq!(listener(line), expected, "{line}");
    }
}

#[test]
fn listening_sockets_of_a_process_are_found_and_connections_are_not() {
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let two = TcpListener::bind("0.0.0.0:0").unwrap();
    let stream = TcpStream::connect(one.local_addr().unwrap()).unwrap();
    let found = of_processes(&[std::process::id()].into());
    for address in [one.local_addr().unwrap(), two.local_addr().unwrap()] {
        assert!(found.contains(&address), "{address} in {found:?}");
    }
    assert!(!found.contains(&stream.local_addr().unwrap()));
    drop(two);
    // No process has this pid.
    assert_eq!(of_processes(&[u32::MAX].into()), []);
}

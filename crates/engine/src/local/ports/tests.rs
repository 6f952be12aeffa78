use std::net::TcpListener;

use super::*;

/// A range that no other test uses, where most ports are free.
const RANGE: RangeInclusive<u16> = 18_000..=18_099;

#[test]
fn a_port_with_a_listener_on_any_address_is_not_free() {
    for address in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
        let ip: IpAddr = address.parse().unwrap();
        let Ok(listener) = TcpListener::bind(SocketAddr::new(ip, 0)) else { continue };
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port), "{address}");
        assert!(matches!(Ports::new(port..=port).free(1, &BTreeSet::new()), Err(EngineError::Unavailable(_))));
    }
}

#[test]
fn each_search_starts_behind_the_previous_one_and_wraps_around() {
    let ports = Ports::new(RANGE);
    let first = ports.free(5, &BTreeSet::new()).unwrap();
    let second = ports.free(5, &BTreeSet::new()).unwrap();
    assert!(first.iter().all(|port| !second.contains(port)), "{first:?} {second:?}");
    for _ in 0..60 {
        assert_eq!(ports.free(5, &BTreeSet::new()).unwrap().len(), 5);
    }
}

#[test]
fn taken_ports_are_skipped() {
    let taken: BTreeSet<u16> = (18_000..18_060).collect();
    let free = Ports::new(RANGE).free(10, &taken).unwrap();
    assert!(free.iter().all(|port| !taken.contains(port) && RANGE.contains(port)), "{free:?}");
}

#[test]
fn too_few_free_ports_are_an_error() {
    let error = Ports::new(RANGE).free(101, &BTreeSet::new()).unwrap_err();
    assert!(error.to_string().contains("101 are needed"), "{error}");
    #[expect(clippy::reversed_empty_ranges, reason = "a configuration may say so")]
    let none = Ports::new(2..=1).free(1, &BTreeSet::new());
    assert!(none.is_err());
}

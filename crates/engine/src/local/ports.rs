//! Ports that nobody uses now.
//!
//! Tried by binding, without `SO_REUSEADDR`, so that one on which an old connection still lingers is not given out: the
//! program that gets it may not set that either. The place where the search begins moves on, so that a port is not given
//! again as soon as it is free.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with},
};

use crate::EngineError;

/// A range of ports and the place where the next search begins.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    next: AtomicUsize,
}

impl Ports {
    /// The first search begins at a place that differs from server to server and from start to start.
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        let spread = usize::try_from(std::process::id()).unwrap_or_default();
        Self { range, next: AtomicUsize::new(spread.wrapping_mul(97)) }
    }

    /// That many free ones.
    pub(super) fn free(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError> {
        let size = self.range.len();
        let begin = self.next.fetch_add(count, Ordering::Relaxed).checked_rem(size).unwrap_or_default();
        let candidates = self.range.clone().skip(begin).chain(self.range.clone().take(begin));
        let free: Vec<u16> =
            candidates.filter(|port| !taken.contains(port)).filter(|port| is_free(*port)).take(count).collect();
        if free.len() == count {
            return Ok(free);
        }
        let (first, last) = (self.range.start(), self.range.end());
        let found = free.len();
        Err(EngineError::Unavailable(format!(
            "of the ports {first} to {last} only {found} are free and {count} are needed"
        )))
    }
}

fn is_free(port: u16) -> bool {
    let addresses: [IpAddr; 3] =
        [Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into()];
    addresses.into_iter().all(|address| can_bind(SocketAddr::new(address, port)))
}

fn can_bind(address: SocketAddr) -> bool {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let bound =
        socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).and_then(|socket| bind(socket, &address));
    match bound {
        Ok(()) => true,
        // This host has no IPv6, so nobody can be there.
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => address.is_ipv6(),
        Err(_) => false,
    }
}

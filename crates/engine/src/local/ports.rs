//! Finding free TCP ports for jobs.
//!
//! A port is free if a socket can bind it without `SO_REUSEADDR`. So a port with a lingering old connection is not given
//! out: the program that gets the port may not set that option. Each search starts behind the previous one, so that a
//! port is not given out again as soon as it is free.

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

/// A range of ports, and the position at which the next search starts.
#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    next: AtomicUsize,
}

impl Ports {
    /// The first position depends on the pid, so that it differs between servers and between starts.
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        let spread = usize::try_from(std::process::id()).unwrap_or_default();
        Self { range, next: AtomicUsize::new(spread.wrapping_mul(97)) }
    }

    /// Finds `count` free ports that are not in `taken`.
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
            "only {found} of the ports {first} to {last} are free, but {count} are needed"
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
        // The host has no IPv6, so no program can listen there.
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => address.is_ipv6(),
        Err(_) => false,
    }
}

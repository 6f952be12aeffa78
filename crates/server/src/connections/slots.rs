//! The open connections, counted by their sources, and which of them makes room for a new one.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// What shares one bound: an address of the network, or an account of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// An address; a network of addresses where one host can use all of them.
    Address(IpAddr),
    /// The user id of an account.
    Account(u32),
}

impl Source {
    /// The source of a client at this address. One host can use every loopback address, and every IPv6 address of its
    /// network, so these count as one.
    pub(super) fn of(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(v4) if v4.is_loopback() => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) if v6.is_loopback() => std::net::Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address {address}"),
            Self::Account(uid) => write!(f, "uid {uid}"),
        }
    }
}

/// How many connections may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionBounds {
    /// From all sources together.
    pub total: usize,
    /// The key of the configuration that sets `total`.
    pub total_key: &'static str,
    /// From one source.
    pub per_source: usize,
    /// The key of the configuration that sets `per_source`.
    pub source_key: &'static str,
}

/// The bound that a new connection would exceed, while no open connection can make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of all connections.
    Total,
    /// That of one source.
    Source,
}

/// All open connections of one kind of listener.
#[derive(Clone, Debug)]
pub(super) struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: ConnectionBounds,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// By number, so that the oldest comes first.
    slots: BTreeMap<u64, Entry>,
    by_source: HashMap<Source, usize>,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// How many calls of known callers are in progress.
    protections: usize,
    evicted: CancellationToken,
}

/// The place of one open connection. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    number: u64,
    /// Cancelled when the connection must close to make room for another one.
    pub(super) evicted: CancellationToken,
}

/// Keeps a connection from making room while it exists.
#[derive(Debug)]
pub(super) struct Protection {
    slots: Slots,
    number: u64,
}

impl Slots {
    pub(super) fn new(bounds: ConnectionBounds) -> Self {
        Self(Arc::new(Shared { bounds, open: Mutex::default() }))
    }

    pub(super) fn bounds(&self) -> ConnectionBounds {
        self.0.bounds
    }

    /// The number of open connections, and the largest number of one source.
    pub(super) fn in_use(&self) -> (usize, usize) {
        let open = self.open();
        (open.slots.len(), open.by_source.values().copied().max().unwrap_or_default())
    }

    /// Takes a place for a new connection. If a bound is reached, the oldest connection without protection makes room: of the
    /// same source, or else of the source that has the most connections.
    pub(super) fn admit(&self, source: Source) -> Result<Slot, Full> {
        let bounds = self.0.bounds;
        let mut open = self.open();
        if open.by_source.get(&source).is_some_and(|count| *count >= bounds.per_source) {
            open.evict(|entry| entry.source == source).ok_or(Full::Source)?;
        } else if open.slots.len() >= bounds.total {
            open.evict_of_largest().ok_or(Full::Total)?;
        }
        let (number, evicted) = (open.next, CancellationToken::new());
        open.next += 1;
        open.slots.insert(number, Entry { source, protections: 0, evicted: evicted.clone() });
        *open.by_source.entry(source).or_default() += 1;
        Ok(Slot { slots: self.clone(), number, evicted })
    }

    /// Closes one connection without protection, if there is one, because the process has no free descriptor.
    pub(super) fn evict_one(&self) {
        self.open().evict_of_largest();
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Each function leaves the counts right at every step that could panic.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Removes the oldest connection without protection that fits, and tells it to close.
    fn evict(&mut self, fits: impl Fn(&Entry) -> bool) -> Option<()> {
        let oldest =
            self.slots.iter().find(|(_, entry)| entry.protections == 0 && fits(entry)).map(|(number, _)| *number);
        let entry = self.remove(oldest?)?;
        entry.evicted.cancel();
        Some(())
    }

    fn evict_of_largest(&mut self) -> Option<()> {
        let idle = self.slots.values().filter(|entry| entry.protections == 0);
        let largest = idle.map(|entry| entry.source).max_by_key(|source| self.by_source.get(source).copied())?;
        self.evict(|entry| entry.source == largest)
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.slots.remove(&number)?;
        if let Some(count) = self.by_source.get_mut(&entry.source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&entry.source);
            }
        }
        Some(entry)
    }

    fn protect(&mut self, number: u64) -> bool {
        self.slots.get_mut(&number).map(|entry| entry.protections += 1).is_some()
    }
}

impl Slot {
    /// Protects the connection until the result is dropped. A connection that has just made room stays without protection.
    pub(super) fn protect(&self) -> Option<Protection> {
        let is_open = self.slots.open().protect(self.number);
        is_open.then(|| Protection { slots: self.slots.clone(), number: self.number })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.open().remove(self.number);
    }
}

impl Drop for Protection {
    fn drop(&mut self) {
        if let Some(entry) = self.slots.open().slots.get_mut(&self.number) {
            entry.protections -= 1;
        }
    }
}

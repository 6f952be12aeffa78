//! Where a worker listens: the listening TCP sockets of its processes, as `/proc` shows them.
//!
//! The worker's processes are the descendants of its main process and all processes that carry its tag. A socket is
//! identified by its inode, which appears in the open files of a process and in the socket list of its network namespace.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use trainyard_domain::id::JobId;

use super::{
    Inner, cannot,
    env_tag::EnvTag,
    launch::unreadable,
    proc,
    record::{self, Status},
};
use crate::EngineError;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The addresses at which the worker of this rank listens, sorted by port.
pub(super) fn listening(inner: &Inner, job: &JobId, attempt: u32, rank: u32) -> Result<Vec<SocketAddr>, EngineError> {
    let dir = inner.attempt(job, attempt);
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    let workers = status.map(|status| status.workers).unwrap_or_default();
    let main = workers.iter().find(|worker| worker.rank == rank && worker.exit.is_none()).and_then(|worker| worker.pid);
    let tag = EnvTag::new(job.clone(), attempt);
    let all = proc::all().map_err(cannot("list the processes"))?;
    let mut pids: BTreeSet<u32> = all.iter().map(|process| process.id.pid).collect();
    pids.retain(|pid| tag.rank_of(*pid) == Some(rank));
    // The pid of the main process may belong to another process by now, unless that process carries the tag.
    let roots: Vec<u32> = main.filter(|pid| pids.contains(pid)).into_iter().collect();
    pids.extend(proc::below(&all, &roots).iter().map(|(process, _)| process.id.pid));
    Ok(of_processes(&pids))
}

fn of_processes(pids: &BTreeSet<u32>) -> Vec<SocketAddr> {
    let mut namespaces: HashMap<PathBuf, HashMap<u64, SocketAddr>> = HashMap::new();
    let mut found = BTreeSet::new();
    for pid in pids {
        let sockets = sockets(*pid);
        // A process that has ended meanwhile no longer listens.
        let Ok(namespace) = fs::read_link(format!("/proc/{pid}/ns/net")) else { continue };
        let listeners = namespaces.entry(namespace).or_insert_with(|| listeners(*pid));
        found.extend(sockets.iter().filter_map(|inode| listeners.get(inode)));
    }
    let mut found: Vec<SocketAddr> = found.into_iter().collect();
    found.sort_by_key(|address| (address.port(), address.ip()));
    found
}

/// The inodes of the sockets that a process has open.
fn sockets(pid: u32) -> HashSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let inode = |link: PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    links.filter_map(inode).collect()
}

/// The listening sockets in the network namespace of a process, by inode.
fn listeners(pid: u32) -> HashMap<u64, SocketAddr> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let (four, six) = (read("tcp"), read("tcp6"));
    four.lines().chain(six.lines()).filter_map(listener).collect()
}

/// Parses a line of `/proc/net/tcp` or `tcp6`; `None` unless the socket listens.
fn listener(line: &str) -> Option<(u64, SocketAddr)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    let (ip, port) = local.split_once(':')?;
    let address = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
    (state == LISTEN).then_some((inode, address))
}

/// Parses an address: words of four bytes, each in the byte order of this host.
fn address(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<[u8; 4]>> = hex
        .as_bytes()
        .chunks(8)
        .map(|word| Some(u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?.to_ne_bytes()))
        .collect();
    let bytes = words?.concat();
    let four = <[u8; 4]>::try_from(bytes.as_slice()).map(Ipv4Addr::from).map(IpAddr::V4);
    four.or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(Ipv6Addr::from).map(IpAddr::V6)).ok()
}

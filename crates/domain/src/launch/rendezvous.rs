//! The place of an attempt's workers: where they run, how they find each other, and what each may use.
//!
//! A proxy for the world outside must not stand between the workers. gRPC, which TensorFlow's workers speak, uses `http_proxy`
//! even for 127.0.0.1 and then waits without end; only the lower-case `no_proxy` prevents that. Other libraries read only the
//! upper-case one, so both are set.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::{framework::Spread, job::Placement, job_spec::JobSpec};

/// The address at which workers on one host find each other.
const LOOPBACK: &str = "127.0.0.1";
/// The name of the loopback interface, for libraries that choose an interface by name.
const LOOPBACK_INTERFACE: &str = "lo";

/// The variables that name a proxy.
pub(super) const PROXIES: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// The variables that list what is reached without a proxy.
pub(super) const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// The names of this host that are never reached through a proxy.
pub(super) const OWN: [&str; 2] = ["localhost", LOOPBACK];

/// The text that the preview shows for a value that only the start of the attempt decides.
pub const NOT_KNOWN_YET: &str = "<decided on the node>";

/// The facts about the host of an attempt that its workers need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The variables that the workers inherit from the host. If a name occurs twice, the later value counts.
    pub base_env: Vec<(String, String)>,
    /// The path of the file that lists hosts and slots.
    pub hostfile: String,
    /// The path of the directory that all ranks and attempts of the job share for checkpoints.
    pub checkpoint_dir: String,
    /// Whether the workers run as root.
    pub as_root: bool,
}

/// Where the workers of an attempt run and how they find each other. A value that only the start of the attempt decides
/// is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendezvous {
    /// Whether the workers share one host.
    pub spread: Spread,
    /// The address of each worker, by rank.
    pub hosts: Option<Vec<String>>,
    /// The ports of the attempt: the master's alone, or one for each rank under TensorFlow.
    pub ports: Option<Vec<u16>>,
    /// The network interface that libraries must use; `None` lets each library choose.
    pub interface: Option<String>,
    /// The GPU indices of each worker, by rank.
    pub gpus: Option<Vec<Vec<u32>>>,
    /// The path of the file that lists hosts and slots.
    pub hostfile: String,
    /// The path of the directory that all ranks and attempts of the job share for checkpoints.
    pub checkpoint_dir: String,
    /// Whether the workers run as root.
    pub as_root: bool,
}

impl Rendezvous {
    /// All workers of an attempt on this host. Without a whole placement, as in a preview, GPUs or ports stay unknown.
    pub(super) fn on_this_host(spec: &JobSpec, placement: &Placement, host: &Host) -> Self {
        let workers = spec.workers as usize;
        let is_placed = placement.workers.len() >= workers;
        Self {
            spread: Spread::OneHost,
            hosts: Some(vec![LOOPBACK.to_owned(); workers]),
            ports: Some(placement.ports.clone()),
            interface: Some(LOOPBACK_INTERFACE.to_owned()),
            gpus: is_placed.then(|| placement.workers.iter().map(|worker| worker.gpus.clone()).collect()),
            hostfile: host.hostfile.clone(),
            checkpoint_dir: host.checkpoint_dir.clone(),
            as_root: host.as_root,
        }
    }

    /// Workers on several hosts, of which nothing is known before the start.
    pub(super) fn placed_later() -> Self {
        Self {
            spread: Spread::Hosts,
            hosts: None,
            ports: None,
            interface: None,
            gpus: None,
            hostfile: NOT_KNOWN_YET.to_owned(),
            checkpoint_dir: NOT_KNOWN_YET.to_owned(),
            as_root: false,
        }
    }

    /// The address of a worker, where it is known.
    pub(super) fn address(&self, rank: u32) -> Option<&str> {
        self.hosts.as_ref()?.get(rank as usize).map(String::as_str)
    }

    /// The port of this index, where it is known.
    pub(super) fn port(&self, index: u32) -> Option<u16> {
        self.ports.as_ref()?.get(index as usize).copied()
    }
}

/// The variables that name what is reached without a proxy, where any proxy is set: this host and the workers' hosts besides
/// what is given already. Names are separated by commas or blanks.
pub(super) fn proxy_exceptions<'a>(
    given: impl Fn(&str) -> Option<&'a str>,
    hosts: Option<&[String]>,
) -> Vec<(String, String)> {
    if !PROXIES.iter().any(|name| given(name).is_some_and(|proxy| !proxy.is_empty())) {
        return Vec::new();
    }
    let either = EXCEPTIONS.iter().find_map(|name| given(name)).unwrap_or_default();
    let whole = |name: &str| (name.to_owned(), with_workers(given(name).unwrap_or(either), hosts));
    EXCEPTIONS.map(whole).into()
}

fn with_workers(list: &str, hosts: Option<&[String]>) -> String {
    let mut named: BTreeSet<&str> = list.split(|c: char| c == ',' || c.is_ascii_whitespace()).collect();
    let (known, later) = (hosts.unwrap_or_default(), hosts.is_none().then_some(NOT_KNOWN_YET));
    let all = OWN.into_iter().chain(known.iter().map(String::as_str)).chain(later);
    let missing: Vec<&str> = all.filter(|host| named.insert(host)).collect();
    let rest = Some(list).filter(|list| !list.trim().is_empty());
    rest.into_iter().chain(missing).collect::<Vec<_>>().join(",")
}

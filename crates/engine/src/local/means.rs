//! The means of isolating attempts from each other and from the host: what each is called, and which of them this host
//! permits. The server tries each once, when it starts; a launch records those that its shim must use.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A means of isolating an attempt.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Means {
    /// A mount namespace, which hides the data directory and shows storages. All others need it, except capabilities.
    Mounts,
    /// A pid namespace with its own `/proc`.
    Processes,
    /// An IPC namespace.
    Ipc,
    /// Directories that other attempts do not see: `/tmp`, `/var/tmp`, `/run`, `/dev/pts`.
    Directories,
    /// A `/dev/shm` that is as large as the memory of the attempt.
    SharedMemory,
    /// A control group namespace for each worker, which shows the worker's own groups.
    ControlGroups,
    /// An allow-list of capabilities.
    Capabilities,
}

impl Means {
    /// All means, in the order in which they are shown.
    pub(crate) const ALL: [Self; 7] = [
        Self::Mounts,
        Self::Processes,
        Self::Ipc,
        Self::Directories,
        Self::SharedMemory,
        Self::ControlGroups,
        Self::Capabilities,
    ];

    /// The name on the wire, stable for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mounts => "mount namespace",
            Self::Processes => "pid namespace",
            Self::Ipc => "IPC namespace",
            Self::Directories => "private directories",
            Self::SharedMemory => "private /dev/shm",
            Self::ControlGroups => "control group namespace",
            Self::Capabilities => "capabilities",
        }
    }

    /// What the means does, for people.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Mounts => "the data directory is hidden, and storages and mount points exist only in the job's view",
            Self::Processes => "a job sees and signals no process of another job or of the host",
            Self::Ipc => "System V and POSIX message queues, semaphores and shared memory end with the attempt",
            Self::Directories => "an attempt has its own /tmp, /var/tmp, /run and terminals",
            Self::SharedMemory => "files in /dev/shm count as memory of the job and end with the attempt",
            Self::ControlGroups => "a worker sees only its own control groups and cannot write them",
            Self::Capabilities => {
                "a worker that runs as root has only the capabilities that its own files and processes need"
            }
        }
    }
}

/// The means that this host does not permit, with the reasons.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct Refused(BTreeMap<Means, String>);

impl Refused {
    /// Every means is refused for this reason.
    pub(crate) fn all(why: &str) -> Self {
        Self(Means::ALL.into_iter().map(|means| (means, why.to_owned())).collect())
    }

    /// Records the result of trying a means.
    pub(crate) fn note(&mut self, means: Means, tried: Result<(), String>) {
        match tried {
            Ok(()) => self.0.remove(&means),
            Err(why) => self.0.insert(means, why),
        };
    }

    /// Whether the host permits a means; the error is the reason why not.
    pub(crate) fn check(&self, means: Means) -> Result<(), String> {
        self.0.get(&means).map_or(Ok(()), |why| Err(why.clone()))
    }

    /// All means that the host permits.
    pub(crate) fn permitted(&self) -> BTreeSet<Means> {
        Means::ALL.into_iter().filter(|means| !self.0.contains_key(means)).collect()
    }
}

//! By what it is made sure that nobody outlives an attempt: the ladder, the strongest method first.
//!
//! All rungs stand on the subreaper: the shim adopts every orphan below it. What they add counts when the shim itself is
//! killed, or when somebody forks faster than he is found.

/// A method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KillMethod {
    /// The kernel kills a whole control group of version 2 at once.
    #[default]
    CgroupKill,
    /// A control group of version 1 is frozen, everybody in it is killed, and it is thawed.
    Freezer,
    /// The kernel kills a whole pid namespace when its first process, the shim, ends.
    PidNamespace,
    /// The shim finds its descendants one by one.
    Subreaper,
}

impl KillMethod {
    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupKill => "cgroup.kill",
            Self::Freezer => "freezer",
            Self::PidNamespace => "pid namespace",
            Self::Subreaper => "subreaper",
        }
    }

    /// For people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CgroupKill => {
                "each worker has a control group that the kernel kills whole; nobody outlives an attempt"
            }
            Self::Freezer => "each worker has a control group that is frozen and killed; nobody outlives an attempt",
            Self::PidNamespace => {
                "each attempt has a pid namespace that the kernel ends with it; nobody outlives an attempt"
            }
            Self::Subreaper => {
                "workers have neither control groups nor a pid namespace here: a daemon that a job has hidden well may outlive the process that \
                 watches over the job, if somebody kills that"
            }
        }
    }
}

//! How the engine ensures that no process outlives an attempt: the kill methods, strongest first.
//!
//! Every method includes the subreaper: the shim adopts each orphan below it. The stronger methods also work when the shim
//! itself is killed, and against processes that fork faster than the shim can find them.

/// A way to kill all processes of an attempt. Stronger methods order before weaker ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KillMethod {
    /// The kernel kills all processes of a version 2 control group at once.
    #[default]
    CgroupKill,
    /// The engine freezes a version 1 control group, kills its processes and thaws it.
    Freezer,
    /// The kernel kills all processes of a pid namespace when its process 1, the shim, ends.
    PidNamespace,
    /// The shim finds its descendants and kills them one by one.
    Subreaper,
}

impl KillMethod {
    /// The name on the wire, stable for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupKill => "cgroup.kill",
            Self::Freezer => "freezer",
            Self::PidNamespace => "pid namespace",
            Self::Subreaper => "subreaper",
        }
    }

    /// Human-readable explanation, shown in `centre show`.
    pub fn description(self) -> &'static str {
        match self {
            Self::CgroupKill => {
                "each worker has a control group, which the kernel kills as a whole; no process outlives an attempt"
            }
            Self::Freezer => {
                "each worker has a control group, which the engine freezes and kills; no process outlives an attempt"
            }
            Self::PidNamespace => {
                "each attempt has a pid namespace, which the kernel ends with the shim; no process outlives an attempt"
            }
            Self::Subreaper => {
                "this host offers neither control groups nor pid namespaces for jobs: a daemon that hides from the shim may \
                 outlive its job if something kills the shim"
            }
        }
    }
}

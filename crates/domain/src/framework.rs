//! The training frameworks, and the launch table: every variable that a launch sets for a worker, in one order.
//!
//! The table says what each value is, not its text: the text depends on where the workers run. `launch` renders the
//! table as values for a known place, as a POSIX shell prelude, and for the preview. The same table says whether a user
//! may set a variable.

#[cfg(test)]
mod tests;

use crate::choice::choice;

choice!(
    /// The training framework: it decides the launch environment of the workers.
    Framework {
        /// PyTorch, by `torch.distributed`'s and `torchrun`'s variables.
        PyTorch = "PyTorch",
        /// DeepSpeed: PyTorch's variables and a hostfile.
        DeepSpeed = "DeepSpeed",
        /// MPI: rank 0 runs the launcher with a hostfile.
        Mpi = "MPI",
        /// TensorFlow, by `TF_CONFIG`.
        TensorFlow = "TensorFlow",
    }
);

/// The choices that a job has: no framework, or one of these.
pub const FRAMEWORK_CHOICES: [Option<Framework>; 5] =
    [None, Some(Framework::PyTorch), Some(Framework::DeepSpeed), Some(Framework::TensorFlow), Some(Framework::Mpi)];

/// One variable of the launch table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchVariable {
    /// The variable's name, plain ASCII.
    pub name: &'static str,
    /// The meaning of the value.
    pub value: LaunchValue,
    /// Whether the user's variables come before or after this one.
    pub layer: Layer,
    /// Whether only workers that share one host get the variable.
    one_host_only: bool,
}

/// Decides which of two values of one name counts: the one of the later layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Set before the user's variables, so `env` of the job may change it.
    Default,
    /// Set after the user's variables. Creation refuses a job with such a variable in its `env`.
    Fixed,
}

/// Whether the workers of an attempt share one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All workers run on one host, which they may share with other jobs.
    OneHost,
    /// Each worker has a node of its own.
    Hosts,
}

/// The meaning of a variable's value. Its text depends on where the workers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchValue {
    /// This text, on every rank.
    Text(&'static str),
    /// `1` where the workers run as root; elsewhere the variable is left out.
    OneAsRoot,
    /// The id of the job.
    JobId,
    /// The name of the job.
    JobName,
    /// The number of the attempt, from 1.
    Attempt,
    /// The worker's own rank, from 0. A worker is a node, so this is the node's rank too.
    Rank,
    /// The number of workers.
    WorldSize,
    /// The path of the file that lists hosts and slots.
    Hostfile,
    /// The path of the directory that all ranks and attempts share.
    CheckpointDir,
    /// The indices of the GPUs that the worker may use, separated by commas.
    VisibleGpus,
    /// The worker's whole cores, at least 1.
    Threads,
    /// Processes that a launcher starts in one worker: one for each GPU, at least 1.
    ProcessesPerWorker,
    /// The address of rank 0.
    MasterAddress,
    /// The port on which rank 0 listens.
    MasterPort,
    /// The name of the network interface; left out if none is known.
    Interface,
    /// TensorFlow's JSON: the address and port of every worker, and the worker's own rank.
    TfConfig,
    /// The directory for temporary files: the user's `TMPDIR`, else the host's; left out without either.
    TmpDir,
}

const fn default(name: &'static str, value: LaunchValue) -> LaunchVariable {
    LaunchVariable { name, value, layer: Layer::Default, one_host_only: false }
}

const fn fixed(name: &'static str, value: LaunchValue) -> LaunchVariable {
    LaunchVariable { name, value, layer: Layer::Fixed, one_host_only: false }
}

const fn on_one_host(variable: LaunchVariable) -> LaunchVariable {
    LaunchVariable { one_host_only: true, ..variable }
}

const DEFAULTS: &[LaunchVariable] = &[
    default("PYTHONUNBUFFERED", LaunchValue::Text("1")),
    default("OMP_NUM_THREADS", LaunchValue::Threads),
    default("GLOO_SOCKET_IFNAME", LaunchValue::Interface),
    default("NCCL_SOCKET_IFNAME", LaunchValue::Interface),
];

/// Settings that Open MPI 4 and 5 need on hosts that other jobs use too; each line was measured. The names of the two
/// versions differ, and each version ignores those of the other.
const MPI_DEFAULTS: &[LaunchVariable] = &[
    // Ranks of two jobs that are bound to cores would be bound to the same cores.
    default("OMPI_MCA_hwloc_base_binding_policy", LaunchValue::Text("none")),
    default("PRTE_MCA_hwloc_default_binding_policy", LaunchValue::Text("none")),
    // Open MPI starts no process on another host, but without any agent neither version takes its slots from the hostfile.
    on_one_host(default("OMPI_MCA_plm_rsh_agent", LaunchValue::Text("/bin/false"))),
    on_one_host(default("PRTE_MCA_plm_ssh_agent", LaunchValue::Text("/bin/false"))),
    // A rank that waits for a message spins; with more ranks than cores that costs a factor of hundreds.
    on_one_host(default("OMPI_MCA_mpi_yield_when_idle", LaunchValue::Text("1"))),
    // Shared memory only: otherwise each rank listens on every address of the host.
    on_one_host(default("OMPI_MCA_btl", LaunchValue::Text("^tcp,ofi"))),
    // A killed launcher leaves its shared memory behind; in this directory it is deleted with the job's other files.
    on_one_host(default("OMPI_MCA_btl_vader_backing_directory", LaunchValue::TmpDir)),
    on_one_host(default("OMPI_MCA_btl_sm_backing_directory", LaunchValue::TmpDir)),
    default("OMPI_ALLOW_RUN_AS_ROOT", LaunchValue::OneAsRoot),
    default("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", LaunchValue::OneAsRoot),
];

const PLATFORM: &[LaunchVariable] = &[
    fixed("TRAINYARD_JOB_ID", LaunchValue::JobId),
    fixed("TRAINYARD_JOB_NAME", LaunchValue::JobName),
    fixed("TRAINYARD_ATTEMPT", LaunchValue::Attempt),
    fixed("TRAINYARD_RANK", LaunchValue::Rank),
    fixed("TRAINYARD_WORLD_SIZE", LaunchValue::WorldSize),
    fixed("TRAINYARD_HOSTFILE", LaunchValue::Hostfile),
    fixed("TRAINYARD_CHECKPOINT_DIR", LaunchValue::CheckpointDir),
    fixed("CUDA_VISIBLE_DEVICES", LaunchValue::VisibleGpus),
    // GPUs are numbered as on the bus, as `nvidia-smi` does. Without this, CUDA counts the fastest model first, so on a
    // host with several models the same number would be another card.
    fixed("CUDA_DEVICE_ORDER", LaunchValue::Text("PCI_BUS_ID")),
];

/// The variables of `torch.distributed`'s `env://`, and those from which `torchrun` takes its options.
const TORCH: &[LaunchVariable] = &[
    fixed("MASTER_ADDR", LaunchValue::MasterAddress),
    fixed("MASTER_PORT", LaunchValue::MasterPort),
    fixed("RANK", LaunchValue::Rank),
    fixed("NODE_RANK", LaunchValue::Rank),
    fixed("WORLD_SIZE", LaunchValue::WorldSize),
    fixed("LOCAL_RANK", LaunchValue::Text("0")),
    fixed("LOCAL_WORLD_SIZE", LaunchValue::Text("1")),
    fixed("PET_NNODES", LaunchValue::WorldSize),
    fixed("PET_NODE_RANK", LaunchValue::Rank),
    fixed("PET_NPROC_PER_NODE", LaunchValue::ProcessesPerWorker),
    fixed("PET_MASTER_ADDR", LaunchValue::MasterAddress),
    fixed("PET_MASTER_PORT", LaunchValue::MasterPort),
];

const TENSORFLOW: &[LaunchVariable] = &[fixed("TF_CONFIG", LaunchValue::TfConfig)];

/// Where Open MPI 4 (`orte`) and 5 (`prte`) find the slots. On several nodes both take them from the cluster's allocation.
const MPI: &[LaunchVariable] = &[
    on_one_host(fixed("OMPI_MCA_orte_default_hostfile", LaunchValue::Hostfile)),
    on_one_host(fixed("PRTE_MCA_prte_default_hostfile", LaunchValue::Hostfile)),
];

/// Every variable that a launch may set for a framework: all defaults first, then all fixed ones.
fn all(framework: Option<Framework>) -> impl Iterator<Item = &'static LaunchVariable> {
    let (defaults, own): (&[LaunchVariable], &[LaunchVariable]) = match framework {
        Some(Framework::PyTorch | Framework::DeepSpeed) => (&[], TORCH),
        Some(Framework::TensorFlow) => (&[], TENSORFLOW),
        Some(Framework::Mpi) => (MPI_DEFAULTS, MPI),
        None => (&[], &[]),
    };
    [DEFAULTS, defaults, PLATFORM, own].into_iter().flatten()
}

/// The launch table of a framework: all defaults first, then all fixed variables.
pub fn launch_table(framework: Option<Framework>, spread: Spread) -> impl Iterator<Item = &'static LaunchVariable> {
    all(framework).filter(move |variable| spread == Spread::OneHost || !variable.one_host_only)
}

/// Whether the launch computes other variables from the value of this one, so that it must know the value.
pub fn is_read_by_launch(name: &str) -> bool {
    ["TMPDIR", "no_proxy", "NO_PROXY"].contains(&name)
}

/// Whether the launch itself sets this variable. A value of the user would be wrong on at least one rank.
///
/// The prefix `TRAINYARD_` is reserved as a whole, also for names that no launch sets yet.
pub fn is_set_by_launch(framework: Option<Framework>, name: &str) -> bool {
    let is_fixed = |variable: &LaunchVariable| variable.layer == Layer::Fixed && variable.name == name;
    name.starts_with("TRAINYARD_") || all(framework).any(is_fixed)
}

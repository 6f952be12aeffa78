//! What each worker is told, per framework: pure values from the spec, the placement and the host's facts.
//!
//! The same on every rank but for its own numbers. The order is the host's variables, our defaults, the user's
//! variables, and last what the launch sets and nobody may change.

mod proxy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    framework::Framework,
    id::JobId,
    job::Placement,
    job_spec::JobSpec,
    workers::{has_own_process, worker_names},
};

/// Where the workers of an attempt find each other on one host.
const LOOPBACK: &str = "127.0.0.1";
/// The loopback interface's name, for libraries that choose one by name.
const LOOPBACK_INTERFACE: &str = "lo";

/// What the host of an attempt says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The variables that pass from the host to the workers.
    pub base_env: Vec<(String, String)>,
    /// The file that lists hosts and slots.
    pub hostfile: String,
    /// The directory that all ranks and attempts of the job share for checkpoints.
    pub checkpoint_dir: String,
    /// Whether the workers run as root.
    pub as_root: bool,
}

/// What one worker is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerPlan {
    /// Its rank, from 0.
    pub rank: u32,
    /// The name by which it is addressed.
    pub pod_name: String,
    /// Whether it has a process of its own.
    pub own_process: bool,
    /// Its whole environment, by name.
    pub env: BTreeMap<String, String>,
}

/// The hostfile of an attempt on one host, in the format that Open MPI and DeepSpeed share: one line a host, since
/// DeepSpeed refuses a host that is named twice.
pub fn hostfile(spec: &JobSpec) -> String {
    format!("localhost slots={}\n", u64::from(spec.workers) * u64::from(spec.size.gpus.max(1)))
}

/// What every worker of an attempt is told, by rank; each is worked out when it is asked for.
pub fn worker_plans<'a>(
    job: &'a JobId,
    job_name: &'a str,
    attempt: u32,
    spec: &'a JobSpec,
    placement: &'a Placement,
    host: &'a Host,
) -> impl Iterator<Item = WorkerPlan> + use<'a> {
    let told = Told { job, job_name, attempt, spec, placement, host };
    (0..).zip(worker_names(job, spec.workers)).map(move |(rank, pod_name)| WorkerPlan {
        rank,
        pod_name,
        own_process: has_own_process(spec.framework, rank),
        env: told.env(rank),
    })
}

struct Told<'a> {
    job: &'a JobId,
    job_name: &'a str,
    attempt: u32,
    spec: &'a JobSpec,
    placement: &'a Placement,
    host: &'a Host,
}

impl Told<'_> {
    fn env(&self, rank: u32) -> BTreeMap<String, String> {
        // What configures the server, its key's place among it, is none of a job's business.
        let passed = self.host.base_env.iter();
        let passed = passed.filter(|(name, _)| !name.starts_with("TRAINYARD_"));
        let mut env: BTreeMap<String, String> = passed.cloned().collect();
        env.extend(self.defaults());
        env.extend(self.spec.env.iter().cloned());
        env.extend(self.platform(rank));
        match self.spec.framework {
            Some(Framework::PyTorch | Framework::DeepSpeed) => env.extend(self.torch(rank)),
            Some(Framework::TensorFlow) => env.extend([pair("TF_CONFIG", self.tf_config(rank))]),
            Some(Framework::Mpi) => env.extend(self.mpi_fixed()),
            None => {}
        }
        proxy::spare_own_host(&mut env);
        env
    }

    /// What the user's variables may change.
    fn defaults(&self) -> Vec<(String, String)> {
        let threads = (self.spec.size.cpu_milli / 1000).max(1);
        let mut env = vec![
            pair("PYTHONUNBUFFERED", "1"),
            pair("OMP_NUM_THREADS", threads),
            pair("GLOO_SOCKET_IFNAME", LOOPBACK_INTERFACE),
            pair("NCCL_SOCKET_IFNAME", LOOPBACK_INTERFACE),
        ];
        if self.spec.framework == Some(Framework::Mpi) {
            env.extend(self.mpi_defaults());
        }
        env
    }

    fn platform(&self, rank: u32) -> Vec<(String, String)> {
        vec![
            pair("TRAINYARD_JOB_ID", self.job),
            pair("TRAINYARD_JOB_NAME", self.job_name),
            pair("TRAINYARD_ATTEMPT", self.attempt),
            pair("TRAINYARD_RANK", rank),
            pair("TRAINYARD_WORLD_SIZE", self.spec.workers),
            pair("TRAINYARD_HOSTFILE", &self.host.hostfile),
            pair("TRAINYARD_CHECKPOINT_DIR", &self.host.checkpoint_dir),
            pair("CUDA_VISIBLE_DEVICES", self.visible_gpus(rank)),
            pair("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
        ]
    }

    /// A worker sees its own accelerators; a launcher that runs every rank sees all of the attempt's.
    fn visible_gpus(&self, rank: u32) -> String {
        let launches_all = self.spec.framework == Some(Framework::Mpi) && rank == 0;
        let places = (0..).zip(&self.placement.workers).filter(|(of, _)| launches_all || *of == rank);
        let indices = places.flat_map(|(_, place)| &place.gpus).map(u32::to_string);
        indices.collect::<Vec<_>>().join(",")
    }

    fn port(&self, index: usize) -> u16 {
        self.placement.ports.get(index).copied().unwrap_or_default()
    }

    /// `torch.distributed`'s `env://` variables, and those that `torchrun` takes its options from.
    fn torch(&self, rank: u32) -> Vec<(String, String)> {
        vec![
            pair("MASTER_ADDR", LOOPBACK),
            pair("MASTER_PORT", self.port(0)),
            pair("RANK", rank),
            pair("NODE_RANK", rank),
            pair("WORLD_SIZE", self.spec.workers),
            pair("LOCAL_RANK", 0),
            pair("LOCAL_WORLD_SIZE", 1),
            pair("PET_NNODES", self.spec.workers),
            pair("PET_NODE_RANK", rank),
            pair("PET_NPROC_PER_NODE", self.spec.size.gpus.max(1)),
            pair("PET_MASTER_ADDR", LOOPBACK),
            pair("PET_MASTER_PORT", self.port(0)),
        ]
    }

    /// The whole cluster and the own task; without a chief, worker 0 is it.
    fn tf_config(&self, rank: u32) -> serde_json::Value {
        let ports = self.placement.ports.iter();
        let workers: Vec<String> =
            ports.take(self.spec.workers as usize).map(|port| format!("{LOOPBACK}:{port}")).collect();
        json!({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})
    }

    /// Where Open MPI 4 (`orte`) and 5 (`prte`) find the slots.
    fn mpi_fixed(&self) -> Vec<(String, String)> {
        vec![
            pair("OMPI_MCA_orte_default_hostfile", &self.host.hostfile),
            pair("PRTE_MCA_prte_default_hostfile", &self.host.hostfile),
        ]
    }

    /// What Open MPI 4 and 5 need to run on one host that other jobs share; each was measured. Their names differ, and
    /// each version ignores the other's.
    fn mpi_defaults(&self) -> Vec<(String, String)> {
        let mut env = vec![
            // Bound ranks of two jobs would fight for the same cores.
            pair("OMPI_MCA_hwloc_base_binding_policy", "none"),
            pair("PRTE_MCA_hwloc_default_binding_policy", "none"),
            // Nothing is started elsewhere, and without any agent neither version takes its slots from the hostfile.
            pair("OMPI_MCA_plm_rsh_agent", "/bin/false"),
            pair("PRTE_MCA_plm_ssh_agent", "/bin/false"),
            // Ranks spin while they wait; with more ranks than cores that costs a factor of hundreds.
            pair("OMPI_MCA_mpi_yield_when_idle", "1"),
            // Shared memory only: else each rank listens on every address of the host.
            pair("OMPI_MCA_btl", "^tcp,ofi"),
        ];
        if let Some(directory) = self.given("TMPDIR") {
            // A killed launcher leaves its shared memory behind; there it goes with the job's other files.
            env.push(pair("OMPI_MCA_btl_vader_backing_directory", directory));
            env.push(pair("OMPI_MCA_btl_sm_backing_directory", directory));
        }
        if self.host.as_root {
            env.push(pair("OMPI_ALLOW_RUN_AS_ROOT", "1"));
            env.push(pair("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"));
        }
        env
    }

    /// A variable as the user gives it, else as it passes from the host, where a later one wins.
    fn given(&self, name: &str) -> Option<&str> {
        let mut all = self.spec.env.iter().chain(self.host.base_env.iter().rev());
        let (_, text) = all.find(|(of, _)| of == name)?;
        Some(text)
    }
}

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

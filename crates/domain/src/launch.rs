//! The environment of each worker: the launch table of its framework as text, for the place where the workers run.
//!
//! Two renderings are here: values, and a POSIX shell prelude in `shell`. The preview shows the values, and
//! [`NOT_KNOWN_YET`] in place of those that the place decides later. The order is the host's variables, the defaults, the user's
//! variables, what the launch sets, and last the exceptions from a proxy; of two values of one name the later one counts.

mod rendezvous;
mod shared_env;
pub mod shell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    framework::{Framework, LaunchValue, LaunchVariable, Layer, Spread, launch_table},
    id::JobId,
    job::Placement,
    job_spec::JobSpec,
    workers::{has_own_process, worker_names},
};

pub use rendezvous::{Host, NOT_KNOWN_YET, Rendezvous};
pub use shared_env::{RankedVariable, SharedEnv};

/// One worker of an attempt, as the launch starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerPlan {
    /// The worker's rank, from 0.
    pub rank: u32,
    /// The name by which the API addresses the worker.
    pub pod_name: String,
    /// Whether the worker has a process that the platform starts; under MPI only rank 0 has.
    pub own_process: bool,
    /// The whole environment of the worker's process; `<secret NAME>` stands for the value of a secret.
    pub env: BTreeMap<String, String>,
}

/// The hostfile of an attempt on one host, in the format that Open MPI and DeepSpeed share.
///
/// It has one line for each host, because DeepSpeed refuses a host that is named twice.
pub fn hostfile(spec: &JobSpec) -> String {
    format!("localhost slots={}\n", u64::from(spec.workers) * u64::from(spec.size.gpus.max(1)))
}

/// Everything from which the environment of an attempt's workers is computed.
#[derive(Clone, Debug)]
pub struct LaunchFacts<'a> {
    /// The id of the job.
    pub job: &'a JobId,
    /// The job's name.
    pub job_name: &'a str,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The spec of the job.
    pub spec: &'a JobSpec,
    /// The variables that the workers inherit from the host. If a name occurs twice, the later value counts.
    pub base_env: &'a [(String, String)],
    /// Where the workers run and find each other.
    pub rendezvous: Rendezvous,
}

impl<'a> LaunchFacts<'a> {
    /// The facts of an attempt whose workers all run on this host.
    pub fn on_this_host(
        job: &'a JobId,
        job_name: &'a str,
        attempt: u32,
        spec: &'a JobSpec,
        placement: &Placement,
        host: &'a Host,
    ) -> Self {
        let rendezvous = Rendezvous::on_this_host(spec, placement, host);
        Self { job, job_name, attempt, spec, base_env: &host.base_env, rendezvous }
    }

    /// The facts of an attempt that another scheduler places: hosts, ports, GPUs and paths become known only when it starts.
    pub fn placed_later(job: &'a JobId, job_name: &'a str, attempt: u32, spec: &'a JobSpec) -> Self {
        Self { job, job_name, attempt, spec, base_env: &[], rendezvous: Rendezvous::placed_later() }
    }

    /// The plans of all workers, by rank. The iterator computes each plan when it reaches it.
    pub fn workers(self) -> impl Iterator<Item = WorkerPlan> + use<'a> {
        let names = worker_names(self.job, self.spec.workers);
        (0..).zip(names).map(move |(rank, pod_name)| WorkerPlan {
            rank,
            pod_name,
            own_process: has_own_process(self.spec.framework, rank),
            env: self.env(rank),
        })
    }

    /// The whole environment of a rank.
    pub fn env(&self, rank: u32) -> BTreeMap<String, String> {
        let mut env = self.inherited();
        env.extend(self.assignments(rank));
        env
    }

    /// The variables that the workers inherit from the host. The server's own configuration, such as the file of its admin
    /// key, never reaches a job.
    fn inherited(&self) -> BTreeMap<String, String> {
        self.base_env.iter().filter(|(name, _)| !name.starts_with("TRAINYARD_")).cloned().collect()
    }

    /// The variables that the launch sets beside those of the host, in the order in which they are set: the launch table, the
    /// user's variables with marks for secrets, and the exceptions from a proxy.
    pub fn assignments(&self, rank: u32) -> Vec<(String, String)> {
        self.assignments_of(rank, |_| true)
    }

    /// The variables of the launch table with a wanted value, those of the user, and the exceptions from a proxy.
    fn assignments_of(&self, rank: u32, is_wanted: fn(LaunchValue) -> bool) -> Vec<(String, String)> {
        let all = launch_table(self.spec.framework, self.rendezvous.spread);
        let all: Vec<&LaunchVariable> = all.filter(|variable| is_wanted(variable.value)).collect();
        let layer = |layer: Layer| {
            let rows = all.iter().filter(move |variable| variable.layer == layer);
            rows.filter_map(|variable| Some((variable.name.to_owned(), self.text(variable.value, rank)?)))
        };
        let secret = |(variable, secret): &(String, String)| (variable.clone(), secret_mark(secret));
        let of_user = self.spec.env.iter().cloned().chain(self.spec.secrets.iter().map(secret));
        let exceptions = rendezvous::proxy_exceptions(|name| self.given(name), self.rendezvous.hosts.as_deref());
        let table = layer(Layer::Default).chain(of_user).chain(layer(Layer::Fixed));
        table.chain(exceptions).collect()
    }

    /// The text of a value on one rank; `None` where the variable is left out.
    fn text(&self, value: LaunchValue, rank: u32) -> Option<String> {
        let place = &self.rendezvous;
        Some(match value {
            LaunchValue::Text(text) => text.to_owned(),
            LaunchValue::OneAsRoot => return place.as_root.then(|| "1".to_owned()),
            LaunchValue::JobId => self.job.to_string(),
            LaunchValue::JobName => self.job_name.to_owned(),
            LaunchValue::Attempt => self.attempt.to_string(),
            LaunchValue::Rank => rank.to_string(),
            LaunchValue::WorldSize => self.spec.workers.to_string(),
            LaunchValue::Hostfile => place.hostfile.clone(),
            LaunchValue::CheckpointDir => place.checkpoint_dir.clone(),
            LaunchValue::VisibleGpus => self.visible_gpus(rank),
            LaunchValue::Threads => (self.spec.size.cpu_milli / 1000).max(1).to_string(),
            LaunchValue::ProcessesPerWorker => self.spec.size.gpus.max(1).to_string(),
            LaunchValue::MasterAddress => or_not_known(place.address(0)),
            LaunchValue::MasterPort => or_not_known(place.port(0)),
            LaunchValue::Interface => return place.interface.clone(),
            LaunchValue::TfConfig => {
                let [before, after] = self.tf_config_around_rank();
                format!("{before}{rank}{after}")
            }
            LaunchValue::TmpDir => return self.given("TMPDIR").map(str::to_owned),
        })
    }

    /// A worker sees its own GPUs. A launcher that starts every rank on one host sees all GPUs of the attempt.
    fn visible_gpus(&self, rank: u32) -> String {
        if self.spec.size.gpus == 0 {
            return String::new();
        }
        let Some(gpus) = &self.rendezvous.gpus else {
            return NOT_KNOWN_YET.to_owned();
        };
        let is_launcher = self.spec.framework == Some(Framework::Mpi) && rank == 0;
        let sees_all = is_launcher && self.rendezvous.spread == Spread::OneHost;
        let seen = (0..).zip(gpus).filter(|(of, _)| sees_all || *of == rank);
        seen.flat_map(|(_, indices)| indices).map(u32::to_string).collect::<Vec<_>>().join(",")
    }

    /// TensorFlow's JSON before and after the worker's own rank: the whole cluster, then the task of the worker. It names no
    /// chief, so TensorFlow takes worker 0 as the chief.
    fn tf_config_around_rank(&self) -> [String; 2] {
        let place = &self.rendezvous;
        let worker = |of: u32| Some(format!("{}:{}", place.address(of)?, place.port(of)?));
        let workers: Vec<String> = (0..self.spec.workers).map(|of| or_not_known(worker(of))).collect();
        let cluster = json!({"worker": workers});
        [format!(r#"{{"cluster":{cluster},"task":{{"type":"worker","index":"#), "}}".to_owned()]
    }

    /// The user's value of a variable, else the value that workers inherit from the host.
    fn given(&self, name: &str) -> Option<&str> {
        if self.spec.secrets.iter().any(|(variable, _)| variable == name) {
            return Some(UNKNOWN_SECRET);
        }
        let mut all = self.spec.env.iter().chain(self.base_env.iter().rev());
        let (_, text) = all.find(|(of, _)| of == name)?;
        Some(text)
    }
}

/// The text in place of any secret, where only the fact counts that a variable has a value.
const UNKNOWN_SECRET: &str = "<secret>";

/// The text in place of a secret's value: only the engine that starts the workers gets the value.
fn secret_mark(name: &str) -> String {
    format!("<secret {name}>")
}

fn or_not_known(text: Option<impl ToString>) -> String {
    text.map_or_else(|| NOT_KNOWN_YET.to_owned(), |text| text.to_string())
}

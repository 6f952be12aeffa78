//! The launch table as a POSIX shell prelude, for places where only the node knows the values.
//!
//! The prelude reads its facts from the shell variables of [`INPUTS`], and the user's variables from the positional
//! parameters, each one as `NAME=value`. It returns all variables as positional parameters, in the order in which `env` must
//! set them: the shell cannot assign every name that a user may choose. The prelude contains no single quote, so a script can
//! quote it as a whole.

use super::rendezvous::{EXCEPTIONS, OWN as OWN_NAMES, PROXIES};
use crate::framework::{Framework, LaunchValue, LaunchVariable, Layer, Spread, launch_table};

/// The shell variables that the prelude reads; the prelude unsets them. Lists are separated by single spaces.
pub const INPUTS: &[(&str, &str)] = &[
    ("ty_job_id", "the id of the job"),
    ("ty_job_name", "the name of the job"),
    ("ty_attempt", "the number of the attempt, from 1"),
    ("ty_rank", "the rank of this worker, from 0"),
    ("ty_world_size", "the number of workers"),
    ("ty_hosts", "the address of each worker, by rank"),
    ("ty_ports", "the ports of the attempt: the master's first, or one for each rank under TensorFlow"),
    ("ty_gpus", "the GPUs that this worker may use, separated by commas; may be empty"),
    ("ty_processes", "the processes that a launcher starts in this worker"),
    ("ty_threads", "the cores of this worker"),
    ("ty_hostfile", "the path of the file that lists hosts and slots"),
    ("ty_checkpoint_dir", "the path of the directory that all ranks and attempts share"),
    ("ty_interface", "the network interface that libraries must use; empty lets each library choose"),
    ("ty_root", "`1` where the worker runs as root, else empty"),
];

/// Sets `ty_cluster` to the workers of TensorFlow's cluster: `"host:port",…`.
const CLUSTER: &str = r#"ty_cluster=
ty_rest=$ty_ports
for ty_host in $ty_hosts; do
  ty_cluster=$ty_cluster${ty_cluster:+,}\"$ty_host:${ty_rest%% *}\"
  ty_rest=${ty_rest#* }
done
"#;

/// Sets `ty_tmp_dir` to the user's `TMPDIR`, else to the host's.
const TMP_DIR: &str = r#"unset ty_tmp_dir
if [ -n "${TMPDIR+set}" ]; then ty_tmp_dir=$TMPDIR; fi
for ty_pair; do
  case $ty_pair in TMPDIR=*) ty_tmp_dir=${ty_pair#TMPDIR=} ;; esac
done
"#;

/// Shell variables that the prelude uses itself and unsets.
const OWN: &[&str] = &["ty_cluster", "ty_rest", "ty_host", "ty_tmp_dir", "ty_pair", "ty_either", "ty_list"];

/// Adds the exceptions from a proxy to the positional parameters, as `rendezvous::proxy_exceptions` computes them. The proxies
/// among the parameters become variables of the shell first, as `env` will set them, so that each is known by its last value.
fn proxy_exceptions() -> String {
    let [lower, upper] = EXCEPTIONS;
    let all = PROXIES.into_iter().chain(EXCEPTIONS).collect::<Vec<_>>().join(" | ");
    let proxies: String = PROXIES.map(|name| format!("${{{name}-}}")).concat();
    let own = OWN_NAMES.join(" ");
    format!(
        r#"for ty_pair; do
  case ${{ty_pair%%=*}} in {all}) export "$ty_pair" ;; esac
done
if [ -n "{proxies}" ]; then
  ty_either=${{{lower}-${{{upper}-}}}}
  for ty_pair in "{lower}=${{{lower}-$ty_either}}" "{upper}=${{{upper}-$ty_either}}"; do
    ty_list=${{ty_pair#*=}}
    case $ty_list in *[![:space:]]*) ;; *) ty_list= ;; esac
    for ty_host in {own} ${{ty_hosts:?}}; do
      case ,$ty_list, in *[,[:space:]]"$ty_host"[,[:space:]]*) ;; *) ty_list=$ty_list${{ty_list:+,}}$ty_host ;; esac
    done
    set -- "$@" "${{ty_pair%%=*}}=$ty_list"
  done
fi
"#
    )
}

/// The prelude of a framework. If an input is missing, the shell ends with a message that names the input.
pub fn prelude(framework: Option<Framework>, spread: Spread) -> String {
    let all: Vec<&LaunchVariable> = launch_table(framework, spread).collect();
    let layer = |layer: Layer| {
        let rows = all.iter().filter(move |variable| variable.layer == layer);
        rows.map(|variable| format!("  {} \\\n", assignment(variable))).collect::<String>()
    };
    let has = |value: LaunchValue| all.iter().any(|variable| variable.value == value);
    let (defaults, fixed) = (layer(Layer::Default), layer(Layer::Fixed));
    let needed = all.iter().filter_map(|variable| needed(variable.value)).flatten();
    let mut seen = std::collections::BTreeSet::new();
    let needed: String = needed.filter(|name| seen.insert(*name)).map(|name| format!(" \"${{{name}:?}}\"")).collect();
    let unset = INPUTS.iter().map(|(name, _)| *name).chain(OWN.iter().copied()).collect::<Vec<_>>().join(" ");
    format!(
        ":{needed}\n{}{}set -- \\\n{defaults}  \"$@\" \\\n{}\n{}unset {unset}\n",
        if has(LaunchValue::TfConfig) { CLUSTER } else { "" },
        if has(LaunchValue::TmpDir) { TMP_DIR } else { "" },
        fixed.trim_end_matches(" \\\n"),
        proxy_exceptions(),
    )
}

/// One variable as a word of the shell: `"NAME=value"`, or no word if the variable is left out.
fn assignment(variable: &LaunchVariable) -> String {
    let name = variable.name;
    let word = |value: &str| format!("\"{name}={value}\"");
    let unless_empty = |input: &str, value: &str| format!("${{{input}:+{}}}", word(value));
    match variable.value {
        LaunchValue::Text(text) => word(text),
        LaunchValue::OneAsRoot => unless_empty("ty_root", "1"),
        LaunchValue::JobId => word("$ty_job_id"),
        LaunchValue::JobName => word("$ty_job_name"),
        LaunchValue::Attempt => word("$ty_attempt"),
        LaunchValue::Rank => word("$ty_rank"),
        LaunchValue::WorldSize => word("$ty_world_size"),
        LaunchValue::Hostfile => word("$ty_hostfile"),
        LaunchValue::CheckpointDir => word("$ty_checkpoint_dir"),
        LaunchValue::VisibleGpus => word("$ty_gpus"),
        LaunchValue::Threads => word("$ty_threads"),
        LaunchValue::ProcessesPerWorker => word("$ty_processes"),
        LaunchValue::MasterAddress => word("${ty_hosts%% *}"),
        LaunchValue::MasterPort => word("${ty_ports%% *}"),
        LaunchValue::Interface => unless_empty("ty_interface", "$ty_interface"),
        LaunchValue::TfConfig => {
            let task = r#"{\"type\":\"worker\",\"index\":$ty_rank}"#;
            word(&format!(r#"{{\"cluster\":{{\"worker\":[$ty_cluster]}},\"task\":{task}}}"#))
        }
        LaunchValue::TmpDir => format!("${{ty_tmp_dir+{}}}", word("$ty_tmp_dir")),
    }
}

/// The inputs that must not be empty for a value.
fn needed(value: LaunchValue) -> Option<&'static [&'static str]> {
    Some(match value {
        LaunchValue::JobId => &["ty_job_id"],
        LaunchValue::JobName => &["ty_job_name"],
        LaunchValue::Attempt => &["ty_attempt"],
        LaunchValue::Rank => &["ty_rank"],
        LaunchValue::WorldSize => &["ty_world_size"],
        LaunchValue::Hostfile => &["ty_hostfile"],
        LaunchValue::CheckpointDir => &["ty_checkpoint_dir"],
        LaunchValue::Threads => &["ty_threads"],
        LaunchValue::ProcessesPerWorker => &["ty_processes"],
        LaunchValue::MasterAddress => &["ty_hosts"],
        LaunchValue::MasterPort => &["ty_ports"],
        LaunchValue::TfConfig => &["ty_hosts", "ty_ports", "ty_rank"],
        LaunchValue::Text(_)
        | LaunchValue::OneAsRoot
        | LaunchValue::VisibleGpus
        | LaunchValue::Interface
        | LaunchValue::TmpDir => return None,
    })
}

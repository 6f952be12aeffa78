//! The launch part of a script: Slurm's own variables become the inputs of the launch table's shell prelude.
//!
//! The text is the same for every template of a framework, so an import recognises an exported script by it.

#[cfg(test)]
mod tests;

use trainyard_domain::{
    framework::{FRAMEWORK_CHOICES, Framework, Spread},
    launch::shell::prelude,
    workers::ports_needed,
};

const HEAD: &str = r#"# The launch part, the same for every job of its framework. Leave it unchanged.
unset SLURM_EXPORT_ENV
ty_hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST") || exit
ty_processes=${SLURM_GPUS_ON_NODE:-1}
if [ "$ty_processes" -lt 1 ]; then ty_processes=1; fi
# One folder per job, the same for all workers and after a requeue. It must be on storage that all nodes share.
ty_folder=$PWD/trainyard-$SLURM_JOB_ID
mkdir -p "$ty_folder/checkpoints" || exit
for ty_host in $ty_hosts; do echo "$ty_host slots=$ty_processes"; done >"$ty_folder/hostfile" || exit
ty_hosts=$(echo $ty_hosts)
export ty_hosts ty_processes
export ty_job_id="$SLURM_JOB_ID" ty_job_name="$SLURM_JOB_NAME" ty_attempt="$((${SLURM_RESTART_COUNT:-0} + 1))"
export ty_world_size="$SLURM_NNODES" ty_threads="${SLURM_CPUS_PER_TASK:-1}"
export ty_hostfile="$ty_folder/hostfile" ty_checkpoint_dir="$ty_folder/checkpoints"
"#;

/// Chooses the port on which workers listen. A worker has a node of its own, so all workers have the same number.
const PORT: &str = r#"# A port that no process of this node, the first one, uses now. Jobs that start here at the same moment do not see each
# other's ports: their numbers decide where each search starts, and with long steps they do not meet.
ty_used=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
for ((ty_try = 0; ty_try < 10000; ty_try++)); do
  ty_port=$((20000 + (SLURM_JOB_ID + 271 * ty_try) % 10000))
  printf -v ty_entry ':%04X ' "$ty_port"
  [[ $ty_used == *"$ty_entry"* ]] || break
done
ty_ports=$(for ty_host in $ty_hosts; do echo "$ty_port"; done)
export ty_ports="$(echo $ty_ports)"
"#;

const WORKER: &str = r#"# What /bin/sh runs on every node: it sets the variables of the worker and starts the command.
worker='ty_command=$1
shift
ty_rank=${SLURM_PROCID:-0} ty_gpus=${CUDA_VISIBLE_DEVICES-} ty_interface= ty_root=
if [ "$(id -u)" = 0 ]; then ty_root=1; fi
"#;

/// Hides Slurm from the workers, as a local centre would: libraries that find its variables start in another way.
const HIDE_SLURM: &str = r#"# Libraries that see variables of Slurm take their ranks from it and may expect its MPI. Workers get their ranks by the
# variables below, so those of Slurm are hidden, unless the command names one of them.
case $ty_command in
  *SLURM_*) ;;
  *)
    for ty_name in $(awk "BEGIN { for (name in ENVIRON) if (name ~ /^(SLURM|SLURMD|SRUN|SBATCH)_[A-Za-z0-9_]*\$/) print name }"); do
      if [ "$ty_name" != SLURM_CONF ]; then unset "$ty_name"; fi
    done
    ;;
esac
"#;

const WORKERS: &str = r#"exec env -- "$@" /bin/sh -c "$ty_command"'
# Every node runs the command once. If one fails, srun stops the others. Each line of output starts with the rank.
srun --mpi=none --ntasks-per-node=1 --ntasks="$SLURM_NNODES" --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=1 --label \
  /bin/sh -c "$worker" worker "$command" "${variables[@]}" "${parameters[@]}"
"#;

const MPI: &str = r#"exec env -- "$@" /bin/sh -c "$ty_command"'
# The first node runs the command once. Its mpirun finds nodes and slots in the allocation of Slurm.
/bin/sh -c "$worker" worker "$command" "${variables[@]}" "${parameters[@]}"
"#;

/// The digests of the launch parts that earlier versions wrote, so that their scripts are read back field by field too.
const FORMER: &[(u64, Option<Framework>)] = &[
    (0x144b_4c7d_9cc8_3275, None),
    (0x2e83_6caf_3248_3a86, Some(Framework::PyTorch)),
    (0x3835_3a6e_54b8_f8a1, Some(Framework::TensorFlow)),
    (0xb551_394a_fa50_8ad7, Some(Framework::Mpi)),
    (0x8380_4ebc_02bc_b489, None),
    (0xcf31_9542_06f8_0aca, Some(Framework::PyTorch)),
    (0xf537_6e70_af12_750e, Some(Framework::TensorFlow)),
    (0x0c29_704c_6eba_5901, Some(Framework::Mpi)),
];

/// The launch part for a framework.
pub(super) fn text(framework: Option<Framework>) -> String {
    // The launcher of MPI finds its nodes and slots by the variables of Slurm.
    let (hide, end) = if framework == Some(Framework::Mpi) { ("", MPI) } else { (HIDE_SLURM, WORKERS) };
    let port = if ports_needed(framework, 1) > 0 { PORT } else { "" };
    // A worker is a node of the allocation.
    format!("{HEAD}{port}{WORKER}{hide}{}{end}", prelude(framework, Spread::Hosts))
}

/// The framework of a launch part; the first one if two have the same. `None` if no export wrote it or it was edited.
pub(super) fn framework_of(launch: &str) -> Option<Option<Framework>> {
    let launch = launch.trim();
    let current = FRAMEWORK_CHOICES.into_iter().find(|framework| text(*framework).trim() == launch);
    let former = || FORMER.iter().find(|(of, _)| *of == fnv1a(launch)).map(|(_, framework)| *framework);
    current.or_else(former)
}

/// FNV-1a with 64 bits. It only tells apart texts of exports, so it need not be hard to forge.
fn fnv1a(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

//! The launch part of a script: how the variables that `launch` gives to workers come about under Slurm.
//!
//! The same text for every template of a framework, all else is read from Slurm's own variables; so a script of ours is
//! known by it.

use trainyard_domain::framework::Framework;

const FRAMEWORKS: [Option<Framework>; 5] =
    [None, Some(Framework::PyTorch), Some(Framework::DeepSpeed), Some(Framework::TensorFlow), Some(Framework::Mpi)];

const HEAD: &str = r#"# From here on it is the launch, the same for every job of its framework; best left as it is.
unset SLURM_EXPORT_ENV
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST") || exit
slots=${SLURM_GPUS_ON_NODE:-1}
if [ "$slots" -lt 1 ]; then slots=1; fi
# One folder for each job, the same for all workers and after a requeue: it must lie on storage that all nodes share.
folder=$PWD/trainyard-$SLURM_JOB_ID
mkdir -p "$folder/checkpoints" || exit
for node in $nodes; do echo "$node slots=$slots"; done >"$folder/hostfile" || exit
defaults=("PYTHONUNBUFFERED=1" "OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}")
shared=(
  "TRAINYARD_JOB_ID=$SLURM_JOB_ID"
  "TRAINYARD_JOB_NAME=$SLURM_JOB_NAME"
  "TRAINYARD_ATTEMPT=$((${SLURM_RESTART_COUNT:-0} + 1))"
  "TRAINYARD_WORLD_SIZE=$SLURM_NNODES"
  "TRAINYARD_HOSTFILE=$folder/hostfile"
  "TRAINYARD_CHECKPOINT_DIR=$folder/checkpoints"
)
"#;

const TORCH: &str = r#"port=$((20000 + SLURM_JOB_ID % 9000))
master=${nodes%%[[:space:]]*}
shared+=(
  "MASTER_ADDR=$master" "MASTER_PORT=$port" "WORLD_SIZE=$SLURM_NNODES" "LOCAL_RANK=0" "LOCAL_WORLD_SIZE=1"
  "PET_NNODES=$SLURM_NNODES" "PET_NPROC_PER_NODE=$slots" "PET_MASTER_ADDR=$master" "PET_MASTER_PORT=$port"
)
"#;

const TENSORFLOW: &str = r#"port=$((20000 + SLURM_JOB_ID % 9000))
cluster=
for node in $nodes; do
  cluster=$cluster${cluster:+,}\"$node:$port\"
  port=$((port + 1))
done
export cluster
"#;

const RANK: &str = r#"worker='command=$1; shift
exec env -- "$@" "CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-}" "TRAINYARD_RANK=$SLURM_PROCID" \
"#;

const TORCH_RANK: &str = r#"  "RANK=$SLURM_PROCID" "NODE_RANK=$SLURM_PROCID" "PET_NODE_RANK=$SLURM_PROCID" \
"#;

const TENSORFLOW_RANK: &str = r#"worker='command=$1; shift
exec env -u cluster -- "$@" "CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-}" "TRAINYARD_RANK=$SLURM_PROCID" \
  "TF_CONFIG={\"cluster\":{\"worker\":[$cluster]},\"task\":{\"type\":\"worker\",\"index\":$SLURM_PROCID}}" \
"#;

const WORKERS: &str = r#"  /bin/sh -c "$command"'
# Every node runs the command once; when one fails, the others are stopped. Lines of output begin with the rank.
srun --ntasks-per-node=1 --ntasks="$SLURM_NNODES" --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=1 --label \
  /bin/sh -c "$worker" worker "$command" "${defaults[@]}" "${variables[@]}" "${parameters[@]}" "${shared[@]}"
"#;

const MPI: &str = r#"defaults+=("OMPI_MCA_hwloc_base_binding_policy=none" "PRTE_MCA_hwloc_default_binding_policy=none")
if [ "$(id -u)" = 0 ]; then defaults+=("OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"); fi
# The first node runs the command once; the mpirun in it finds nodes and slots in Slurm's allocation.
env -- "${defaults[@]}" "${variables[@]}" "${parameters[@]}" "${shared[@]}" \
  "CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-}" "TRAINYARD_RANK=0" /bin/sh -c "$command"
"#;

/// The launch part for a framework.
pub(super) fn text(framework: Option<Framework>) -> String {
    let own: &[&str] = match framework {
        Some(Framework::PyTorch | Framework::DeepSpeed) => &[TORCH, RANK, TORCH_RANK, WORKERS],
        Some(Framework::TensorFlow) => &[TENSORFLOW, TENSORFLOW_RANK, WORKERS],
        Some(Framework::Mpi) => &[MPI],
        None => &[RANK, WORKERS],
    };
    format!("{HEAD}{}", own.concat())
}

/// The framework whose launch part a text is; of two with the same one, the first. `None` where it is nobody's.
pub(super) fn framework_of(launch: &str) -> Option<Option<Framework>> {
    FRAMEWORKS.into_iter().find(|framework| text(*framework).trim() == launch.trim())
}

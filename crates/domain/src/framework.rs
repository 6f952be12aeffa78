//! The training frameworks, and the variables that the launch sets for each.

use crate::choice::choice;

choice!(
    /// Which framework's launch environment the workers get.
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
/// Which accelerators a worker sees, and that their numbers are those of the bus, as `nvidia-smi` counts: by itself CUDA
/// counts the fastest first, so on a host with several models the same number would mean another card.
const GPUS: [&str; 2] = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"];

/// Whether the launch itself sets this variable, so that a user's value could only be wrong on some rank.
pub fn is_set_by_launch(framework: Option<Framework>, name: &str) -> bool {
    const TORCH: &[&str] = &[
        "MASTER_ADDR",
        "MASTER_PORT",
        "RANK",
        "NODE_RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
        "PET_NNODES",
        "PET_NODE_RANK",
        "PET_NPROC_PER_NODE",
        "PET_MASTER_ADDR",
        "PET_MASTER_PORT",
    ];
    let own: &[&str] = match framework {
        Some(Framework::PyTorch | Framework::DeepSpeed) => TORCH,
        Some(Framework::TensorFlow) => &["TF_CONFIG"],
        Some(Framework::Mpi) => &["OMPI_MCA_orte_default_hostfile", "PRTE_MCA_prte_default_hostfile"],
        None => &[],
    };
    name.starts_with("TRAINYARD_") || GPUS.contains(&name) || own.contains(&name)
}

//! What an engine can allocate: by host, as one sum, or unknown.

use trainyard_domain::capacity::{Capacity, Gpu};

/// All that an engine can allocate, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resources {
    /// The engine does not know its resources. The server then refuses no job for its size.
    Unknown,
    /// One host, from which the server allocates.
    Host(Capacity),
    /// Several hosts. A worker runs on one of them.
    Nodes(Vec<Node>),
}

/// One host of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The engine's name for the node.
    pub name: String,
    /// The total capacity of the node.
    pub capacity: Capacity,
}

impl Resources {
    /// The sum over all hosts, with the GPUs numbered from 0; `None` if unknown.
    pub fn total(&self) -> Option<Capacity> {
        match self {
            Self::Unknown => None,
            Self::Host(capacity) => Some(capacity.clone()),
            Self::Nodes(nodes) => {
                let sum =
                    |of: fn(&Capacity) -> u64| nodes.iter().map(|node| of(&node.capacity)).fold(0, u64::saturating_add);
                let gpus = nodes.iter().flat_map(|node| &node.capacity.gpus);
                Some(Capacity {
                    cpu_milli: sum(|capacity| capacity.cpu_milli),
                    memory_bytes: sum(|capacity| capacity.memory_bytes),
                    gpus: (0..).zip(gpus).map(|(index, gpu)| Gpu { index, ..gpu.clone() }).collect(),
                })
            }
        }
    }
}

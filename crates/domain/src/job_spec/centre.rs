//! The view of a compute centre that specs are judged against: capacity, products, storages, and the limitations of its
//! engine. It holds no state of the centre.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{JobSpec, StorageType};
use crate::{
    capacity::{Capacity, WorkerSize, plain_model, same_model},
    id::CentreId,
};

/// Worker sizes that a compute centre offers under one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The code that `resource.productCode` names.
    pub code: String,
    /// The name that lists show.
    pub name: String,
    /// The resources of one worker.
    pub size: WorkerSize,
    /// The price, as written in the configuration.
    pub price: Option<String>,
}

/// A directory of a compute centre that jobs can mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The id that `storageConfigs` items name.
    pub id: String,
    /// The name that lists show.
    pub name: Option<String>,
    /// The type of the storage.
    pub kind: StorageType,
    /// The absolute path on the hosts of the centre.
    pub path: String,
    /// Whether jobs can only read.
    pub read_only: bool,
}

/// Something that the engine of a compute centre refuses or cannot honour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path of the field that the engine refuses or cannot honour.
    pub path: String,
    /// A sentence for people: what the engine does not do.
    pub message: String,
    /// Whether a job with this field is refused; otherwise the job gets a warning.
    pub refuses: bool,
}

/// The judgement of a centre's engine: everything in a spec that the engine refuses or cannot honour.
#[derive(Clone)]
pub struct Judge(Arc<Question>);

type Question = dyn Fn(&JobSpec) -> Vec<Problem> + Send + Sync;

impl Judge {
    /// A judge that asks the engine by this function, which neither blocks nor does IO.
    pub fn new(judge: impl Fn(&JobSpec) -> Vec<Problem> + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    /// Every problem of the spec.
    pub fn problems(&self, spec: &JobSpec) -> Vec<Problem> {
        (self.0)(spec)
    }
}

/// A judge of an engine that honours everything.
impl Default for Judge {
    fn default() -> Self {
        Self::new(|_| Vec::new())
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

/// A compute centre as specs are judged against it.
#[derive(Clone, Debug)]
pub struct Centre {
    /// The number of the centre, `aidcId`.
    pub id: CentreId,
    /// The total capacity, as far as it is known.
    pub capacity: Capacity,
    /// Whether the server allocates the capacity. Otherwise only the engine can say whether a job fits.
    pub is_allocated_here: bool,
    /// The products that specs can name.
    pub products: Vec<Product>,
    /// Further names of GPU models, as pairs: the centre's own name, another name.
    pub aliases: Vec<(String, String)>,
    /// The judgement of the centre's engine.
    pub judge: Judge,
    /// Whether the centre's engine can mount storages at all.
    pub can_mount: bool,
    /// The storages that jobs can mount.
    pub storages: Vec<Storage>,
    /// The data directory of the server, if it is on the hosts of the workers; no mount may touch it.
    pub data_dir: Option<String>,
    /// The number of ports for all jobs; `None` is unlimited.
    pub ports: Option<usize>,
}

impl Centre {
    /// The centre's own name of a GPU model; `None` if the centre has no such GPU.
    pub fn own_model(&self, wanted: &str) -> Option<&str> {
        let own = |name: &str| {
            let gpu = self.capacity.gpus.iter().find(|gpu| same_model(&gpu.model, name));
            gpu.map(|gpu| gpu.model.as_str())
        };
        own(wanted).or_else(|| self.other_names(wanted).find_map(|name| own(&name)))
    }

    /// All names that mean the same model as `wanted`. The aliases pair each further name of a model with the model's
    /// first name, so these are the first names that `wanted` is or is paired with, and all names paired with those.
    fn other_names(&self, wanted: &str) -> impl Iterator<Item = String> {
        let firsts: Vec<String> = self
            .aliases
            .iter()
            .filter(|(first, other)| same_model(first, wanted) || same_model(other, wanted))
            .map(|(first, _)| plain_model(first))
            .collect();
        let others: Vec<String> = self
            .aliases
            .iter()
            .filter(|(first, _)| firsts.contains(&plain_model(first)))
            .map(|(_, other)| plain_model(other))
            .collect();
        firsts.into_iter().chain(others)
    }
}

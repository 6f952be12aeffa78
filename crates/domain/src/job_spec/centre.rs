//! What a spec must know of a compute centre to be judged: what it has, what it sells, what its engine does not do.

use serde::{Deserialize, Serialize};

use super::StorageType;
use crate::{
    capacity::{Capacity, WorkerSize, plain_model, same_model},
    id::CentreId,
};

/// A bundle of sizes that a centre offers under one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The code that a spec names.
    pub code: String,
    /// The name people see.
    pub name: String,
    /// What one worker of it takes.
    pub size: WorkerSize,
    /// The price as the configuration writes it.
    pub price: Option<String>,
}

/// A volume of a centre that jobs can mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// What a mount calls it.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its kind.
    pub kind: StorageType,
    /// Where it lies in the centre; absolute.
    pub path: String,
    /// Whether jobs may only read it.
    pub read_only: bool,
}

/// Something that a centre's engine does not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limitation {
    /// The field that asks for it.
    pub path: String,
    /// What is not done, as a sentence.
    pub message: String,
    /// Whether a job that asks for it is refused; else it is only told.
    pub refuses: bool,
}

/// What a spec must know of a compute centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Centre {
    /// Its number.
    pub id: CentreId,
    /// All that it has.
    pub capacity: Capacity,
    /// Its bundles.
    pub products: Vec<Product>,
    /// Further names of accelerator models: (the centre's own, another).
    pub aliases: Vec<(String, String)>,
    /// What its engine does not do.
    pub limitations: Vec<Limitation>,
    /// What jobs can mount there.
    pub storages: Vec<Storage>,
    /// Where the server keeps its own files, if that is on the hosts of the workers: nothing is mounted there.
    pub data_dir: Option<String>,
    /// How many ports it has for all jobs, where it has a number of them.
    pub ports: Option<usize>,
}

impl Centre {
    /// The centre's own spelling of an accelerator model, where it has that model.
    pub fn own_model(&self, wanted: &str) -> Option<&str> {
        let own = |name: &str| {
            let gpu = self.capacity.gpus.iter().find(|gpu| same_model(&gpu.model, name));
            gpu.map(|gpu| gpu.model.as_str())
        };
        own(wanted).or_else(|| self.other_names(wanted).find_map(|name| own(&name)))
    }

    /// Every name that means the same model by the aliases, whichever of the names of one model was used. The names of
    /// one model hang together by its first, so those of `wanted` are the first itself and what else stands beside it.
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

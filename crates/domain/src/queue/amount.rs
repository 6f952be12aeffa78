//! Amounts of all that a centre hands out: cores, memory, and accelerators by model.

use std::collections::BTreeMap;

use crate::capacity::{Capacity, Gpu, WorkerSize, plain_model};

/// The models of a centre, each by its place in the order of first appearance.
pub(super) struct Models {
    plain: Vec<String>,
    /// Every spelling that was asked for.
    asked: BTreeMap<String, Option<usize>>,
}

/// So much of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    /// By model.
    pub(super) gpus: Vec<u64>,
}

/// What all workers of one job need together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) gpus: u64,
    of: Which,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Any,
    One(usize),
    /// A model that the centre does not have.
    Unknown,
}

/// What is kept back of everything from now on, for those of whom nobody knows when they can start.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved {
    cpu: u64,
    memory: u64,
    by_model: Vec<u64>,
    any: u64,
}

impl Models {
    pub(super) fn of(capacity: &Capacity) -> Self {
        let mut models = Self { plain: Vec::new(), asked: BTreeMap::new() };
        for gpu in &capacity.gpus {
            if models.place(&gpu.model).is_none() {
                models.plain.push(plain_model(&gpu.model));
                models.asked.insert(gpu.model.clone(), Some(models.plain.len() - 1));
            }
        }
        models
    }

    pub(super) fn place(&mut self, model: &str) -> Option<usize> {
        if let Some(place) = self.asked.get(model) {
            return *place;
        }
        let plain = plain_model(model);
        let place = self.plain.iter().position(|known| *known == plain);
        self.asked.insert(model.to_owned(), place);
        place
    }

    /// How many there are of each.
    pub(super) fn count<'a>(&mut self, gpus: impl IntoIterator<Item = &'a Gpu>) -> Vec<u64> {
        let mut counts = vec![0; self.plain.len()];
        for gpu in gpus {
            if let Some(count) = self.place(&gpu.model).and_then(|place| counts.get_mut(place)) {
                *count += 1;
            }
        }
        counts
    }

    pub(super) fn want(&mut self, size: &WorkerSize, workers: u32) -> Want {
        let workers = u64::from(workers);
        let of = match &size.gpu_model {
            None => Which::Any,
            Some(model) => self.place(model).map_or(Which::Unknown, Which::One),
        };
        Want {
            cpu: size.cpu_milli.saturating_mul(workers),
            memory: size.memory_bytes.saturating_mul(workers),
            gpus: u64::from(size.gpus).saturating_mul(workers),
            of,
        }
    }
}

impl Want {
    /// How many accelerators of an amount would do.
    pub(super) fn suitable(&self, gpus: &[u64]) -> u64 {
        match self.of {
            Which::Any => gpus.iter().sum(),
            Which::One(place) => gpus.get(place).copied().unwrap_or_default(),
            Which::Unknown => 0,
        }
    }

    /// What it takes by model of what is left beside `kept`: the first models first, so that what others are given does
    /// not change its choice. Less than it wants where there is less.
    pub(super) fn gpus_of(&self, left: &Amount, kept: &Reserved) -> Vec<u64> {
        let mut missing = self.gpus;
        let take = |(place, count): (usize, &u64)| {
            let is_suitable = match self.of {
                Which::Any => true,
                Which::One(wanted) => wanted == place,
                Which::Unknown => false,
            };
            let most = if is_suitable { kept.leaves(place, *count) } else { 0 };
            let taken = most.min(missing);
            missing -= taken;
            taken
        };
        left.gpus.iter().enumerate().map(take).collect()
    }
}

impl Amount {
    /// What a want takes of it.
    pub(super) fn taken(&self, want: &Want, kept: &Reserved) -> Self {
        Self { cpu: want.cpu, memory: want.memory, gpus: want.gpus_of(self, kept) }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.each(other, u64::saturating_sub);
    }

    /// The less of each.
    pub(super) fn lower_to(&mut self, other: &Self) {
        self.each(other, u64::min);
    }

    /// The more of each.
    pub(super) fn raise_to(&mut self, other: &Self) {
        self.each(other, u64::max);
    }

    fn each(&mut self, other: &Self, does: fn(u64, u64) -> u64) {
        self.cpu = does(self.cpu, other.cpu);
        self.memory = does(self.memory, other.memory);
        for (own, others) in self.gpus.iter_mut().zip(&other.gpus) {
            *own = does(*own, *others);
        }
    }
}

impl Reserved {
    /// Keeps back all that somebody wants. Of any model is kept of every model, since nobody knows which it will take.
    pub(super) fn add(&mut self, want: &Want) {
        self.cpu = self.cpu.saturating_add(want.cpu);
        self.memory = self.memory.saturating_add(want.memory);
        match want.of {
            Which::One(place) => {
                if self.by_model.len() <= place {
                    self.by_model.resize(place + 1, 0);
                }
                if let Some(count) = self.by_model.get_mut(place) {
                    *count = count.saturating_add(want.gpus);
                }
            }
            Which::Any => self.any = self.any.saturating_add(want.gpus),
            Which::Unknown => {}
        }
    }

    /// Whether a want fits into `left` beside all that is kept.
    pub(super) fn allows(&self, left: &Amount, want: &Want) -> bool {
        let gpus = || match want.of {
            Which::Any => left.gpus.iter().enumerate().map(|(place, count)| self.leaves(place, *count)).sum(),
            Which::One(place) => left.gpus.get(place).map_or(0, |count| self.leaves(place, *count)),
            Which::Unknown => 0,
        };
        self.cpu.saturating_add(want.cpu) <= left.cpu
            && self.memory.saturating_add(want.memory) <= left.memory
            && (want.gpus == 0 || want.gpus <= gpus())
    }

    fn leaves(&self, place: usize, count: u64) -> u64 {
        count.saturating_sub(self.by_model.get(place).copied().unwrap_or_default()).saturating_sub(self.any)
    }
}

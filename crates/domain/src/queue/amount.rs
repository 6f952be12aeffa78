//! Amounts of the resources of a centre: cores, memory, and accelerators by model.

use std::collections::BTreeMap;

use crate::capacity::{Capacity, Gpu, WorkerSize, plain_model};

/// The accelerator models of a centre, numbered in the order of first appearance.
pub(super) struct Models {
    plain: Vec<String>,
    /// The number of each spelling that was looked up.
    known: BTreeMap<String, Option<usize>>,
}

/// An amount of each resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    /// Number of accelerators, by model.
    pub(super) gpus: Vec<u64>,
}

/// The resources that all workers of one job need together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) gpus: u64,
    model: ModelChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ModelChoice {
    Any,
    One(usize),
    /// A model that the centre does not have.
    Unknown,
}

/// Resources that are reserved from now on without a known end, for jobs whose start time is unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved {
    cpu: u64,
    memory: u64,
    by_model: Vec<u64>,
    any_model: u64,
}

impl Models {
    pub(super) fn of(capacity: &Capacity) -> Self {
        let mut models = Self { plain: Vec::new(), known: BTreeMap::new() };
        for gpu in &capacity.gpus {
            if models.number(&gpu.model).is_none() {
                models.plain.push(plain_model(&gpu.model));
                models.known.insert(gpu.model.clone(), Some(models.plain.len() - 1));
            }
        }
        models
    }

    pub(super) fn number(&mut self, model: &str) -> Option<usize> {
        if let Some(number) = self.known.get(model) {
            return *number;
        }
        let plain = plain_model(model);
        let number = self.plain.iter().position(|known| *known == plain);
        self.known.insert(model.to_owned(), number);
        number
    }

    /// The number of accelerators of each model.
    pub(super) fn count<'a>(&mut self, gpus: impl IntoIterator<Item = &'a Gpu>) -> Vec<u64> {
        let mut counts = vec![0; self.plain.len()];
        for gpu in gpus {
            if let Some(count) = self.number(&gpu.model).and_then(|number| counts.get_mut(number)) {
                *count += 1;
            }
        }
        counts
    }

    pub(super) fn demand(&mut self, size: &WorkerSize, workers: u32) -> Demand {
        let workers = u64::from(workers);
        let model = match &size.gpu_model {
            None => ModelChoice::Any,
            Some(model) => self.number(model).map_or(ModelChoice::Unknown, ModelChoice::One),
        };
        Demand {
            cpu: size.cpu_milli.saturating_mul(workers),
            memory: size.memory_bytes.saturating_mul(workers),
            gpus: u64::from(size.gpus).saturating_mul(workers),
            model,
        }
    }
}

impl Demand {
    /// How many accelerators of an amount are of a suitable model.
    pub(super) fn suitable(&self, gpus: &[u64]) -> u64 {
        match self.model {
            ModelChoice::Any => gpus.iter().sum(),
            ModelChoice::One(number) => gpus.get(number).copied().unwrap_or_default(),
            ModelChoice::Unknown => 0,
        }
    }

    /// The accelerators that the demand takes, by model, from those in `free` that are not `reserved`. The first models
    /// are taken first, so that the allocations of other jobs do not change the choice. If too few are left, the sum is
    /// below the demand.
    pub(super) fn gpus_from(&self, free: &Amount, reserved: &Reserved) -> Vec<u64> {
        let mut missing = self.gpus;
        let take = |(number, count): (usize, &u64)| {
            let is_suitable = match self.model {
                ModelChoice::Any => true,
                ModelChoice::One(wanted) => wanted == number,
                ModelChoice::Unknown => false,
            };
            let most = if is_suitable { reserved.leaves(number, *count) } else { 0 };
            let taken = most.min(missing);
            missing -= taken;
            taken
        };
        free.gpus.iter().enumerate().map(take).collect()
    }
}

impl Amount {
    /// The amount that a demand takes from this one.
    pub(super) fn taken(&self, demand: &Demand, reserved: &Reserved) -> Self {
        Self { cpu: demand.cpu, memory: demand.memory, gpus: demand.gpus_from(self, reserved) }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.each(other, u64::saturating_sub);
    }

    /// Lowers each resource to the smaller of both amounts.
    pub(super) fn lower_to(&mut self, other: &Self) {
        self.each(other, u64::min);
    }

    /// Raises each resource to the larger of both amounts.
    pub(super) fn raise_to(&mut self, other: &Self) {
        self.each(other, u64::max);
    }

    fn each(&mut self, other: &Self, combine: fn(u64, u64) -> u64) {
        self.cpu = combine(self.cpu, other.cpu);
        self.memory = combine(self.memory, other.memory);
        for (own, others) in self.gpus.iter_mut().zip(&other.gpus) {
            *own = combine(*own, *others);
        }
    }
}

impl Reserved {
    /// Reserves a whole demand. If the job accepts any model, its number is reserved of every model, since the model it
    /// will take is unknown.
    pub(super) fn add(&mut self, demand: &Demand) {
        self.cpu = self.cpu.saturating_add(demand.cpu);
        self.memory = self.memory.saturating_add(demand.memory);
        match demand.model {
            ModelChoice::One(number) => {
                if self.by_model.len() <= number {
                    self.by_model.resize(number + 1, 0);
                }
                if let Some(count) = self.by_model.get_mut(number) {
                    *count = count.saturating_add(demand.gpus);
                }
            }
            ModelChoice::Any => self.any_model = self.any_model.saturating_add(demand.gpus),
            ModelChoice::Unknown => {}
        }
    }

    /// Whether a demand fits into `free` beside the reserved resources.
    pub(super) fn allows(&self, free: &Amount, demand: &Demand) -> bool {
        let gpus = || match demand.model {
            ModelChoice::Any => free.gpus.iter().enumerate().map(|(number, count)| self.leaves(number, *count)).sum(),
            ModelChoice::One(number) => free.gpus.get(number).map_or(0, |count| self.leaves(number, *count)),
            ModelChoice::Unknown => 0,
        };
        self.cpu.saturating_add(demand.cpu) <= free.cpu
            && self.memory.saturating_add(demand.memory) <= free.memory
            && (demand.gpus == 0 || demand.gpus <= gpus())
    }

    fn leaves(&self, model: usize, count: u64) -> u64 {
        let of_model = self.by_model.get(model).copied().unwrap_or_default();
        count.saturating_sub(of_model).saturating_sub(self.any_model)
    }
}

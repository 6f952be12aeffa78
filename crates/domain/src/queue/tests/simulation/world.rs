//! A centre in virtual time: jobs arrive, start by a policy, and end.

use std::collections::{BTreeMap, BTreeSet};

use super::{super::super::plan::plan_with, *};
use crate::{capacity::same_model, job::Placement};

/// A job of the simulation.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) candidate: Candidate,
    /// How long the job actually holds its resources; `None` is without end.
    pub(super) actual: Option<Span>,
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) task: Task,
    pub(super) allocation: Allocation,
    ends: Option<WallTime>,
}

/// The state of the simulation at one moment.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) capacity: Capacity,
    pub(super) rules: Rules,
    /// The limit of intervals that blocked jobs may reserve.
    pub(super) intervals: usize,
    pub(super) now: WallTime,
    /// The jobs that arrive later, by their `since`.
    pub(super) arrivals: Vec<Task>,
    pub(super) waiting: Vec<Task>,
    pub(super) running: Vec<Run>,
    pub(super) started: BTreeMap<JobId, WallTime>,
}

/// Chooses the jobs that start now, and their placements.
pub(super) type Policy = fn(&World) -> Vec<(JobId, Placement)>;

/// The policy of the plan.
pub(super) fn by_plan(world: &World) -> Vec<(JobId, Placement)> {
    let start = |(job, decision)| match decision {
        Decision::Start(placement) => Some((job, placement)),
        Decision::Wait(_) => None,
    };
    world.decisions().into_iter().filter_map(start).collect()
}

/// The id of the job with this number.
pub(super) fn id(number: u32) -> JobId {
    let mut bytes = [0; crate::id::ID_BYTES];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    JobId::from_random(bytes)
}

impl World {
    pub(super) fn new(capacity: Capacity, rules: Rules, arrivals: Vec<Task>) -> Self {
        Self {
            capacity,
            rules,
            intervals: 128,
            now: at(0),
            arrivals,
            waiting: Vec::new(),
            running: Vec::new(),
            started: BTreeMap::new(),
        }
    }

    pub(super) fn allocations(&self) -> Vec<Allocation> {
        self.running.iter().map(|run| run.allocation.clone()).collect()
    }

    pub(super) fn decisions(&self) -> Vec<(JobId, Decision)> {
        let (allocations, rules) = (self.allocations(), self.rules);
        let situation = Situation { now: self.now, capacity: &self.capacity, rules, allocations: &allocations };
        plan_with(self.intervals, situation, self.waiting.iter().map(|task| &task.candidate))
    }

    /// The waiting jobs in the order of the queue.
    pub(super) fn order(&self) -> Vec<&Candidate> {
        let mut all: Vec<_> = self.waiting.iter().map(|task| &task.candidate).collect();
        all.sort_by_key(|candidate| candidate.rank(self.rules, self.now));
        all
    }

    /// Advances to the next moment at which a job arrives, ends or changes its class; `false` if none will.
    pub(super) fn tick(&mut self) -> bool {
        let arrive = self.arrivals.iter().map(|task| task.candidate.since);
        let ends = self.running.iter().filter_map(|run| run.ends);
        let can_rise = self.rules.ageing < Span::MAX;
        let rises =
            self.waiting.iter().filter(|task| can_rise && task.candidate.class(self.rules, self.now) < 3).map(|task| {
                let waited = self.now - task.candidate.since;
                task.candidate.since + self.rules.ageing * (waited.checked_div(self.rules.ageing).unwrap() + 1)
            });
        let Some(next) = arrive.chain(ends).chain(rises).min() else { return false };
        self.now = next.max(self.now);
        let now = self.now;
        self.running.retain(|run| run.ends.is_none_or(|end| end > now));
        let (arrived, arrivals) = self.arrivals.drain(..).partition(|task| task.candidate.since <= now);
        self.arrivals = arrivals;
        self.waiting.extend::<Vec<Task>>(arrived);
        true
    }

    /// Starts the jobs that the policy chooses, and checks that they fit.
    pub(super) fn start(&mut self, policy: Policy) -> Vec<JobId> {
        let mut all = Vec::new();
        for (job, placement) in policy(self) {
            let at = self.waiting.iter().position(|task| task.candidate.job == job).unwrap();
            let task = self.waiting.remove(at);
            self.check_place(&task.candidate, &placement);
            let allocation = Allocation {
                size: task.candidate.size.clone(),
                workers: task.candidate.workers,
                gpus: placement.workers.into_iter().flat_map(|worker| worker.gpus).collect(),
                placed: self.now,
                started: Some(self.now),
                length: task.candidate.length,
            };
            let ends = task.actual.map(|actual| self.now + actual);
            self.running.push(Run { task, allocation, ends });
            self.started.insert(job.clone(), self.now);
            all.push(job);
        }
        self.check_sums();
        all
    }

    /// Runs until no further job starts or ends.
    pub(super) fn run(mut self, policy: Policy) -> Self {
        loop {
            self.start(policy);
            if !self.tick() {
                return self;
            }
        }
    }

    fn check_place(&self, candidate: &Candidate, placement: &Placement) {
        assert_eq!(placement.workers.len(), candidate.workers as usize, "a gang is whole");
        for worker in &placement.workers {
            assert_eq!(worker.gpus.len(), candidate.size.gpus as usize);
            for index in &worker.gpus {
                let gpu = self.capacity.gpus.iter().find(|gpu| gpu.index == *index).unwrap();
                assert!(candidate.size.gpu_model.as_ref().is_none_or(|model| same_model(model, &gpu.model)));
            }
        }
    }

    fn check_sums(&self) {
        let sum = |of: fn(&WorkerSize) -> u64| {
            self.running.iter().map(|run| of(&run.allocation.size) * u64::from(run.allocation.workers)).sum::<u64>()
        };
        assert!(sum(|size| size.cpu_milli) <= self.capacity.cpu_milli, "too many cores at {:?}", self.now);
        assert!(sum(|size| size.memory_bytes) <= self.capacity.memory_bytes, "too much memory at {:?}", self.now);
        let gpus: Vec<u32> = self.running.iter().flat_map(|run| run.allocation.gpus.iter().copied()).collect();
        assert_eq!(gpus.len(), gpus.iter().collect::<BTreeSet<_>>().len(), "a GPU twice at {:?}", self.now);
    }
}

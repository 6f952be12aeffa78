//! The plan: every candidate in the order of the queue either starts or is blocked.
//!
//! A blocked job holds a reservation: the earliest interval that the known ends allow, or, if none is known, all its
//! resources from now on. A later job starts only beside all earlier reservations, so no job delays an earlier one: while
//! jobs keep to their limits, each starts exactly when it would start without the jobs behind it. An end before its limit
//! can only free resources earlier than reserved.

use std::collections::BTreeSet;

use super::{
    Allocation, BackfillVerdict, Candidate, QueuePosition, Resource, Rules, Shortage, Wait,
    amount::{Amount, Demand, Models, Reserved},
    timeline::Timeline,
};
use crate::{
    capacity::Capacity,
    id::JobId,
    job::{Placement, WorkerPlace},
    time::{Span, WallTime},
};

/// How many blocked jobs hold an interval of their own. The jobs beyond them share one reservation: all their resources,
/// from the time at which the first of them could start. It protects them at least as well and is fast to compute.
const MAX_INTERVALS: usize = 128;
/// How many jobs may backfill in one pass; further ones backfill in the next.
const MAX_BACKFILLS: usize = 256;

/// A time limit is a whole number of seconds.
const SHORTEST_LIMIT: Span = Span::from_seconds(1);

/// The snapshot that a plan is made from, without the candidates.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The time of the snapshot.
    pub now: WallTime,
    /// All resources of the centre.
    pub capacity: &'a Capacity,
    /// The rules of the centre's queue.
    pub rules: Rules,
    /// The resources in use.
    pub allocations: &'a [Allocation],
}

/// The plan's decision about one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The job starts now with this placement; the caller adds the ports.
    Start(Placement),
    /// The job waits for these reasons.
    Wait(Wait),
}

/// Decides about every candidate, in the order of the queue.
pub fn plan<'a>(
    situation: Situation<'a>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) -> Vec<(JobId, Decision)> {
    plan_with(MAX_INTERVALS, situation, candidates)
}

/// [`plan`] with another limit of intervals.
pub(super) fn plan_with<'a>(
    max_intervals: usize,
    situation: Situation<'a>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) -> Vec<(JobId, Decision)> {
    let Situation { now, rules, .. } = situation;
    let mut ranked: Vec<_> = candidates.into_iter().map(|one| (one.rank(rules, now), one)).collect();
    ranked.sort_unstable_by_key(|(rank, _)| *rank);
    let mut models = Models::of(situation.capacity);
    let queue: Vec<(&Candidate, Demand)> =
        ranked.into_iter().map(|(_, one)| (one, models.demand(&one.size, one.workers))).collect();
    let mut planner = Planner::new(situation, models, max_intervals);
    let decisions = queue.iter().enumerate().map(|(index, (candidate, demand))| {
        let rest = queue.get(index + 1..).unwrap_or_default();
        (candidate.job.clone(), planner.decide(candidate, demand, rest))
    });
    let mut decisions: Vec<_> = decisions.collect();
    let total = planner.blocked.as_ref().map_or(0, |blocked| blocked.count);
    for (_, decision) in &mut decisions {
        if let Decision::Wait(Wait { position: Some(position), .. }) = decision {
            position.total = total;
        }
    }
    decisions
}

struct Planner<'a> {
    situation: Situation<'a>,
    max_intervals: usize,
    all: Amount,
    free: Amount,
    /// The free accelerators of each model, the lowest index last.
    gpus: Vec<Vec<u32>>,
    /// The amounts in use, each with its latest end.
    held: Vec<(Option<WallTime>, Amount)>,
    /// The state behind the first blocked job; `None` before one is blocked.
    blocked: Option<Blocked<'a>>,
}

struct Blocked<'a> {
    /// The head of the queue: the first blocked job.
    head: &'a JobId,
    timeline: Timeline,
    /// The resources that are reserved from now on, for jobs whose start time is unknown.
    reserved: Reserved,
    /// The first job whose start time is unknown.
    reserved_for: Option<&'a JobId>,
    /// `reserved`, and the resources of the jobs beyond the last interval, which are reserved from `shared_from` on.
    shared: Reserved,
    shared_from: Option<WallTime>,
    /// How many jobs are blocked.
    count: u64,
    /// How many intervals may still be reserved.
    intervals: usize,
    backfills: usize,
    /// How many of the remaining candidates must be considered. Behind them no candidate fits into the free resources, so
    /// no reservation against them is needed.
    to_consider: usize,
}

impl<'a> Planner<'a> {
    fn new(situation: Situation<'a>, mut models: Models, max_intervals: usize) -> Self {
        let Situation { now, capacity, rules, allocations } = situation;
        let taken: BTreeSet<u32> = allocations.iter().flat_map(|allocation| allocation.gpus.iter().copied()).collect();
        let count = |models: &mut Models, wanted: &dyn Fn(u32) -> bool| {
            models.count(capacity.gpus.iter().filter(|gpu| wanted(gpu.index)))
        };
        let all =
            Amount { cpu: capacity.cpu_milli, memory: capacity.memory_bytes, gpus: count(&mut models, &|_| true) };
        let mut sum = Amount { gpus: vec![0; all.gpus.len()], ..Amount::default() };
        let mut held = Vec::with_capacity(allocations.len());
        for allocation in allocations {
            let Demand { cpu, memory, .. } = models.demand(&allocation.size, allocation.workers);
            let own: BTreeSet<u32> = allocation.gpus.iter().copied().collect();
            let gpus = if own.is_empty() {
                vec![0; all.gpus.len()]
            } else {
                count(&mut models, &|index| own.contains(&index))
            };
            let amount = Amount { cpu, memory, gpus };
            sum.add(&amount);
            held.push((allocation.length.ends(rules, allocation.placed, allocation.started, now), amount));
        }
        let mut free = all.clone();
        free.subtract(&sum);
        let mut gpus = vec![Vec::new(); all.gpus.len()];
        for gpu in capacity.gpus.iter().rev().filter(|gpu| !taken.contains(&gpu.index)) {
            if let Some(list) = models.number(&gpu.model).and_then(|number| gpus.get_mut(number)) {
                list.push(gpu.index);
            }
        }
        Self { situation, max_intervals, all, free, gpus, held, blocked: None }
    }

    fn decide(&mut self, candidate: &'a Candidate, demand: &Demand, rest: &[(&Candidate, Demand)]) -> Decision {
        if let Some(blocked) = &mut self.blocked {
            blocked.to_consider = blocked.to_consider.saturating_sub(1);
        }
        let shortages = self.shortages(candidate, demand);
        if shortages.iter().any(Shortage::is_permanent) {
            return Decision::Wait(Wait { shortages, position: None });
        }
        let lasts = candidate.length.lasts(self.situation.rules);
        match &mut self.blocked {
            None if shortages.is_empty() => {
                let amount = self.free.taken(demand, &Reserved::default());
                self.held.push((lasts.map(|lasts| self.situation.now + lasts), amount.clone()));
                Decision::Start(self.place(candidate, amount))
            }
            None => Decision::Wait(self.block_head(candidate, demand, shortages, rest)),
            Some(blocked) => {
                let fits = shortages.is_empty();
                if fits && let Some(amount) = blocked.backfill(self.situation.now, demand, lasts) {
                    return Decision::Start(self.place(candidate, amount));
                }
                let backfill = if fits {
                    blocked.verdict(self.situation.now, candidate, demand)
                } else {
                    BackfillVerdict::DoesNotFit
                };
                let head = Some(blocked.head.clone());
                blocked.count += 1;
                let position = QueuePosition { number: blocked.count, total: 0, head, starts_within: None, backfill };
                if blocked.to_consider > 0 {
                    blocked.reserve(candidate, demand, lasts);
                }
                Decision::Wait(Wait { shortages, position: Some(position) })
            }
        }
    }

    fn block_head(
        &mut self,
        candidate: &'a Candidate,
        demand: &Demand,
        shortages: Vec<Shortage>,
        rest: &[(&Candidate, Demand)],
    ) -> Wait {
        let nothing = Reserved::default();
        let last_fitting = rest.iter().rposition(|(_, demand)| nothing.allows(&self.free, demand));
        let mut blocked = Blocked {
            head: &candidate.job,
            timeline: Timeline::new(self.situation.now, &self.all, std::mem::take(&mut self.held)),
            reserved: Reserved::default(),
            reserved_for: None,
            shared: Reserved::default(),
            shared_from: None,
            count: 1,
            intervals: self.max_intervals,
            backfills: 0,
            to_consider: last_fitting.map_or(0, |last| last + 1),
        };
        let start = blocked.reserve(candidate, demand, candidate.length.lasts(self.situation.rules));
        let starts_within = start.map(|at| at - self.situation.now);
        self.blocked = Some(blocked);
        let backfill = BackfillVerdict::DoesNotFit;
        let position = QueuePosition { number: 1, total: 0, head: None, starts_within, backfill };
        Wait { shortages, position: Some(position) }
    }

    fn shortages(&self, candidate: &Candidate, demand: &Demand) -> Vec<Shortage> {
        let resources = [
            (Resource::Cores, demand.cpu, self.free.cpu, self.all.cpu),
            (Resource::Memory, demand.memory, self.free.memory, self.all.memory),
            (Resource::Gpus, demand.gpus, demand.suitable(&self.free.gpus), demand.suitable(&self.all.gpus)),
        ];
        let short = resources.into_iter().filter(|(_, needed, free, _)| needed > free);
        let shortage = |(resource, needed, free, all)| {
            let model = if resource == Resource::Gpus { candidate.size.gpu_model.clone() } else { None };
            Shortage { resource, model, needed, free, all }
        };
        short.map(shortage).collect()
    }

    /// Takes an amount from the free resources and distributes its accelerators to the workers.
    fn place(&mut self, candidate: &Candidate, amount: Amount) -> Placement {
        self.free.subtract(&amount);
        let mut indices = Vec::new();
        for (list, count) in self.gpus.iter_mut().zip(amount.gpus) {
            let remaining = list.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
            indices.extend(list.drain(remaining..).rev());
        }
        let mut indices = indices.into_iter();
        let each = candidate.size.gpus as usize;
        let workers = (0..candidate.workers).map(|_| WorkerPlace { gpus: indices.by_ref().take(each).collect() });
        Placement { workers: workers.collect(), ports: Vec::new() }
    }
}

impl<'a> Blocked<'a> {
    /// Reserves an interval, or all resources from now on if no interval is known; returns the latest start.
    fn reserve(&mut self, candidate: &'a Candidate, demand: &Demand, lasts: Option<Span>) -> Option<WallTime> {
        let has_interval = self.intervals > 0;
        if has_interval && let Some(at) = self.timeline.reserve(demand, lasts, &self.reserved) {
            self.intervals -= 1;
            return Some(at);
        }
        match self.timeline.not_before(demand, &self.reserved).filter(|_| !has_interval) {
            Some(from) => self.shared_from = Some(self.shared_from.map_or(from, |earlier| earlier.min(from))),
            None => {
                self.reserved.add(demand);
                self.reserved_for.get_or_insert(&candidate.job);
            }
        }
        self.shared.add(demand);
        None
    }

    /// Starts a job now if it delays no earlier job; returns the resources that it takes.
    fn backfill(&mut self, now: WallTime, demand: &Demand, lasts: Option<Span>) -> Option<Amount> {
        let ends_before = |from: WallTime| lasts.is_some_and(|lasts| now + lasts <= from);
        let reserved = if self.shared_from.is_none_or(ends_before) { &self.reserved } else { &self.shared };
        if self.backfills >= MAX_BACKFILLS || !self.timeline.allows(demand, lasts, reserved) {
            return None;
        }
        self.backfills += 1;
        self.timeline.start(demand, lasts, reserved)
    }

    /// Why a job does not backfill although its resources are free now.
    fn verdict(&self, now: WallTime, candidate: &Candidate, demand: &Demand) -> BackfillVerdict {
        let beside_reserved = self.timeline.gap(demand, &self.reserved);
        let is_long_enough = |gap: Span| gap - candidate.length.overhead() >= SHORTEST_LIMIT;
        let gap = match self.shared_from {
            None => beside_reserved,
            Some(from) => match (beside_reserved, self.timeline.gap(demand, &self.shared)) {
                (_, None) => None,
                (near, Some(shared)) => Some(near.unwrap_or(Span::MAX).min(from - now).max(shared)),
            },
        };
        match gap {
            _ if self.backfills >= MAX_BACKFILLS => BackfillVerdict::NextPass,
            None => BackfillVerdict::NextPass,
            Some(gap) => match gap - candidate.length.overhead() {
                longest if longest >= SHORTEST_LIMIT => BackfillVerdict::WithLimit { longest },
                _ => match self.reserved_for {
                    // A time limit would help if nothing were reserved from now on.
                    Some(job)
                        if !beside_reserved.is_none_or(is_long_enough)
                            && self.timeline.gap(demand, &Reserved::default()).is_none_or(is_long_enough) =>
                    {
                        BackfillVerdict::ReservedForUnknownStart { job: job.clone() }
                    }
                    _ => BackfillVerdict::ReservedForEarlier,
                },
            },
        }
    }
}

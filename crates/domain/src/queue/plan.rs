//! The plan: every candidate in the order of the queue, each started or blocked.
//!
//! Who is blocked keeps what it needs: the earliest place that the known ends leave it, or, where no such place is
//! known, all of it from now on. A later one starts only beside everything that is kept for those before it. So nobody
//! behind can move the place of anybody before: while jobs keep to their limits, each starts exactly when it would
//! start if those behind it did not exist. An end before its limit can only free a place earlier than was reserved.

use std::collections::BTreeSet;

use super::{
    Allocation, BackfillVerdict, Candidate, Lack, QueuePosition, Rules, Thing, Wait,
    amount::{Amount, Models, Reserved, Want},
    reserve::Future,
};
use crate::{
    capacity::Capacity,
    id::JobId,
    job::{Placement, WorkerPlace},
    time::{Span, WallTime},
};

/// How many of those before a job have a place of their own in the future. From the time at which any of the others
/// could start, all that they need is kept, which protects them at least as well and is quickly done.
const MOST_PLACES: usize = 128;
/// How many may pass others in one pass; more of them pass in the next.
const MOST_PASSING: usize = 256;

/// A time limit is a whole number of seconds.
const SHORTEST_LIMIT: Span = Span::from_seconds(1);

/// What a plan is made from, beside those that wait.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The time.
    pub now: WallTime,
    /// All that the centre has.
    pub capacity: &'a Capacity,
    /// What it lays down.
    pub rules: Rules,
    /// What is held of it.
    pub allocations: &'a [Allocation],
}

/// What the plan says of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It starts now, there.
    Start(Placement),
    /// It waits, for all of this.
    Wait(Wait),
}

/// Decides about every candidate, in the order in which they stand in the queue.
pub fn plan<'a>(
    situation: Situation<'a>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) -> Vec<(JobId, Decision)> {
    plan_with(MOST_PLACES, situation, candidates)
}

/// [`plan`] with this many places.
pub(super) fn plan_with<'a>(
    most_places: usize,
    situation: Situation<'a>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) -> Vec<(JobId, Decision)> {
    let Situation { now, rules, .. } = situation;
    let mut ranked: Vec<_> = candidates.into_iter().map(|one| (one.rank(rules, now), one)).collect();
    ranked.sort_unstable_by_key(|(rank, _)| *rank);
    let mut models = Models::of(situation.capacity);
    let queue: Vec<(&Candidate, Want)> =
        ranked.into_iter().map(|(_, one)| (one, models.want(&one.size, one.workers))).collect();
    let mut planner = Planner::new(situation, models, most_places);
    let decisions = queue.iter().enumerate().map(|(index, (candidate, want))| {
        let rest = queue.get(index + 1..).unwrap_or_default();
        (candidate.job.clone(), planner.decide(candidate, want, rest))
    });
    let mut decisions: Vec<_> = decisions.collect();
    let waiting = planner.blocked.as_ref().map_or(0, |blocked| blocked.count);
    for (_, decision) in &mut decisions {
        if let Decision::Wait(Wait { turn: Some(turn), .. }) = decision {
            turn.of = waiting;
        }
    }
    decisions
}

struct Planner<'a> {
    situation: Situation<'a>,
    most_places: usize,
    all: Amount,
    free: Amount,
    /// The free accelerators of each model, the lowest index last.
    gpus: Vec<Vec<u32>>,
    /// What is held, until when.
    held: Vec<(Option<WallTime>, Amount)>,
    /// What there is to know once somebody is blocked.
    blocked: Option<Blocked<'a>>,
}

struct Blocked<'a> {
    head: &'a JobId,
    future: Future,
    /// What is kept from now on, for those of whom nobody knows when they can start.
    kept: Reserved,
    /// The first of those.
    kept_for: Option<&'a JobId>,
    /// The same with what is kept from `far_from` on, for those beyond the last place.
    far: Reserved,
    far_from: Option<WallTime>,
    count: u64,
    /// How many may still have a place.
    places: usize,
    passed: usize,
    /// How many of the rest it takes until nobody is left for whom there is room: nothing need be kept from them.
    hopeful: usize,
}

impl<'a> Planner<'a> {
    fn new(situation: Situation<'a>, mut models: Models, most_places: usize) -> Self {
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
            let Want { cpu, memory, .. } = models.want(&allocation.size, allocation.workers);
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
            if let Some(list) = models.place(&gpu.model).and_then(|place| gpus.get_mut(place)) {
                list.push(gpu.index);
            }
        }
        Self { situation, most_places, all, free, gpus, held, blocked: None }
    }

    fn decide(&mut self, candidate: &'a Candidate, want: &Want, rest: &[(&Candidate, Want)]) -> Decision {
        if let Some(blocked) = &mut self.blocked {
            blocked.hopeful = blocked.hopeful.saturating_sub(1);
        }
        let lacks = self.lacks(candidate, want);
        if lacks.iter().any(|lack| lack.wanted > lack.all) {
            return Decision::Wait(Wait { lacks, turn: None });
        }
        let lasts = candidate.length.lasts(self.situation.rules);
        match &mut self.blocked {
            None if lacks.is_empty() => {
                let amount = self.free.taken(want, &Reserved::default());
                self.held.push((lasts.map(|lasts| self.situation.now + lasts), amount.clone()));
                Decision::Start(self.place(candidate, amount))
            }
            None => Decision::Wait(self.block_first(candidate, want, lacks, rest)),
            Some(blocked) => {
                let fits = lacks.is_empty();
                if fits && let Some(amount) = blocked.pass(self.situation.now, want, lasts) {
                    return Decision::Start(self.place(candidate, amount));
                }
                let passing =
                    if fits { blocked.passing(self.situation.now, candidate, want) } else { BackfillVerdict::Lacking };
                let ahead = Some(blocked.head.clone());
                blocked.count += 1;
                let turn = QueuePosition { place: blocked.count, of: 0, ahead, latest: None, passing };
                if blocked.hopeful > 0 {
                    blocked.keep(candidate, want, lasts);
                }
                Decision::Wait(Wait { lacks, turn: Some(turn) })
            }
        }
    }

    fn block_first(
        &mut self,
        candidate: &'a Candidate,
        want: &Want,
        lacks: Vec<Lack>,
        rest: &[(&Candidate, Want)],
    ) -> Wait {
        let nothing = Reserved::default();
        let mut blocked = Blocked {
            head: &candidate.job,
            future: Future::new(self.situation.now, &self.all, std::mem::take(&mut self.held)),
            kept: Reserved::default(),
            kept_for: None,
            far: Reserved::default(),
            far_from: None,
            count: 1,
            places: self.most_places,
            passed: 0,
            hopeful: rest.iter().rposition(|(_, want)| nothing.allows(&self.free, want)).map_or(0, |last| last + 1),
        };
        let start = blocked.keep(candidate, want, candidate.length.lasts(self.situation.rules));
        let latest = start.map(|at| at - self.situation.now);
        self.blocked = Some(blocked);
        let turn = QueuePosition { place: 1, of: 0, ahead: None, latest, passing: BackfillVerdict::Lacking };
        Wait { lacks, turn: Some(turn) }
    }

    fn lacks(&self, candidate: &Candidate, want: &Want) -> Vec<Lack> {
        let things = [
            (Thing::Cores, want.cpu, self.free.cpu, self.all.cpu),
            (Thing::Memory, want.memory, self.free.memory, self.all.memory),
            (Thing::Gpus, want.gpus, want.suitable(&self.free.gpus), want.suitable(&self.all.gpus)),
        ];
        let short = things.into_iter().filter(|(_, wanted, free, _)| wanted > free);
        let lack = |(thing, wanted, free, all)| {
            let model = if thing == Thing::Gpus { candidate.size.gpu_model.clone() } else { None };
            Lack { thing, model, wanted, free, all }
        };
        short.map(lack).collect()
    }

    /// Takes an amount of what is free and shares its accelerators out.
    fn place(&mut self, candidate: &Candidate, amount: Amount) -> Placement {
        self.free.subtract(&amount);
        let mut indices = Vec::new();
        for (list, count) in self.gpus.iter_mut().zip(amount.gpus) {
            let kept = list.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
            indices.extend(list.drain(kept..).rev());
        }
        let mut indices = indices.into_iter();
        let each = candidate.size.gpus as usize;
        let workers = (0..candidate.workers).map(|_| WorkerPlace { gpus: indices.by_ref().take(each).collect() });
        Placement { workers: workers.collect(), ports: Vec::new() }
    }
}

impl<'a> Blocked<'a> {
    /// Reserves a place, or keeps everything where no place is known; answers when it starts at the latest.
    fn keep(&mut self, candidate: &'a Candidate, want: &Want, lasts: Option<Span>) -> Option<WallTime> {
        let has_place = self.places > 0;
        if has_place && let Some(at) = self.future.reserve(want, lasts, &self.kept) {
            self.places -= 1;
            return Some(at);
        }
        match self.future.not_before(want, &self.kept).filter(|_| !has_place) {
            Some(from) => self.far_from = Some(self.far_from.map_or(from, |earlier| earlier.min(from))),
            None => {
                self.kept.add(want);
                self.kept_for.get_or_insert(&candidate.job);
            }
        }
        self.far.add(want);
        None
    }

    /// Lets one start now if that is in nobody's way; answers what it takes.
    fn pass(&mut self, now: WallTime, want: &Want, lasts: Option<Span>) -> Option<Amount> {
        let is_gone = |from: WallTime| lasts.is_some_and(|lasts| now + lasts <= from);
        let kept = if self.far_from.is_none_or(is_gone) { &self.kept } else { &self.far };
        if self.passed >= MOST_PASSING || !self.future.allows(want, lasts, kept) {
            return None;
        }
        self.passed += 1;
        self.future.start(want, lasts, kept)
    }

    /// What keeps one from passing for which there is room now.
    fn passing(&self, now: WallTime, candidate: &Candidate, want: &Want) -> BackfillVerdict {
        let near = self.future.hole(want, &self.kept);
        let is_long_enough = |hole: Span| hole - candidate.length.over() >= SHORTEST_LIMIT;
        let hole = match self.far_from {
            None => near,
            Some(from) => match (near, self.future.hole(want, &self.far)) {
                (_, None) => None,
                (near, Some(far)) => Some(near.unwrap_or(Span::MAX).min(from - now).max(far)),
            },
        };
        match hole {
            _ if self.passed >= MOST_PASSING => BackfillVerdict::Soon,
            None => BackfillVerdict::Soon,
            Some(hole) => match hole - candidate.length.over() {
                longest if longest >= SHORTEST_LIMIT => BackfillVerdict::WithLimit { longest },
                _ => match self.kept_for {
                    // Without what is kept from now on, a limit would do.
                    Some(job)
                        if !near.is_none_or(is_long_enough)
                            && self.future.hole(want, &Reserved::default()).is_none_or(is_long_enough) =>
                    {
                        BackfillVerdict::KeptFor { job: job.clone() }
                    }
                    _ => BackfillVerdict::Reserved,
                },
            },
        }
    }
}

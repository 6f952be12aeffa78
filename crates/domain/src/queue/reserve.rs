//! What will be free when, as far as ends are known, and the places that are reserved there.
//!
//! Invariant: time goes on in steps; what is free changes only at a step, and after the last one never.

use std::cmp::Reverse;

use super::amount::{Amount, Reserved, Want};
use crate::time::{Span, WallTime};

/// What is free from now on.
pub(super) struct Future {
    steps: Vec<Step>,
    /// The least of the first so many steps.
    floors: Vec<Amount>,
    /// The most of the first so many steps, each thing for itself.
    ceilings: Vec<Amount>,
}

struct Step {
    from: WallTime,
    free: Amount,
}

impl Future {
    /// The future of a centre with that much in all, in which these amounts are held until then; `None` is for ever.
    pub(super) fn new(now: WallTime, all: &Amount, mut held: Vec<(Option<WallTime>, Amount)>) -> Self {
        // From the far end back, so that no sum is ever made smaller: a capacity that shrank below it leaves nothing.
        held.sort_by_key(|(end, _)| (end.is_some(), Reverse(*end)));
        let mut sum = Amount { gpus: vec![0; all.gpus.len()], ..Amount::default() };
        let mut steps = Vec::with_capacity(held.len() + 1);
        let free = |sum: &Amount| {
            let mut free = all.clone();
            free.subtract(sum);
            free
        };
        for (end, amount) in held {
            if let Some(end) = end
                && steps.last().is_none_or(|step: &Step| step.from > end)
            {
                steps.push(Step { from: end, free: free(&sum) });
            }
            sum.add(&amount);
        }
        steps.push(Step { from: now, free: free(&sum) });
        steps.reverse();
        let mut future = Self { steps, floors: Vec::new(), ceilings: Vec::new() };
        future.sink();
        future
    }

    /// Whether a job that lasts so long could start now beside all that is reserved and kept.
    pub(super) fn allows(&self, want: &Want, lasts: Option<Span>, kept: &Reserved) -> bool {
        self.floor_of_start(lasts).is_some_and(|floor| kept.allows(floor, want))
    }

    /// How long it could run if it started now; zero where it could not start, `None` for ever.
    pub(super) fn hole(&self, want: &Want, kept: &Reserved) -> Option<Span> {
        let fits = self.floors.partition_point(|floor| kept.allows(floor, want));
        let now = self.steps.first()?.from;
        self.steps.get(fits).map(|step| step.from - now)
    }

    /// A time before which there is surely no place for it; `None` where there is none at all.
    pub(super) fn not_before(&self, want: &Want, kept: &Reserved) -> Option<WallTime> {
        self.steps.get(self.first_hope(want, kept)).map(|step| step.from)
    }

    /// The first step that is not surely too early; all are where there is no place at all.
    fn first_hope(&self, want: &Want, kept: &Reserved) -> usize {
        self.ceilings.partition_point(|ceiling| !kept.allows(ceiling, want))
    }

    /// Lets a job start now that fits, and answers what it takes.
    pub(super) fn start(&mut self, want: &Want, lasts: Option<Span>, kept: &Reserved) -> Option<Amount> {
        let now = self.steps.first()?.from;
        let taken = self.floor_of_start(lasts)?.taken(want, kept);
        self.take(now, lasts, &taken);
        Some(taken)
    }

    /// Reserves the earliest place for a job and answers when that is; `None`, and nothing is reserved, where nobody
    /// knows of one.
    pub(super) fn reserve(&mut self, want: &Want, lasts: Option<Span>, kept: &Reserved) -> Option<WallTime> {
        let (at, taken) = self.earliest(want, lasts, kept)?;
        self.take(at, lasts, &taken);
        Some(at)
    }

    fn earliest(&self, want: &Want, lasts: Option<Span>, kept: &Reserved) -> Option<(WallTime, Amount)> {
        let mut floor = Amount::default();
        let mut first = self.first_hope(want, kept);
        if lasts.is_none() && !self.steps.last().is_some_and(|last| kept.allows(&last.free, want)) {
            return None;
        }
        'start: while let Some(start) = self.steps.get(first) {
            let end = lasts.map(|lasts| start.from + lasts);
            floor.clone_from(&start.free);
            for (index, step) in self.steps.iter().enumerate().skip(first) {
                if end.is_some_and(|end| step.from >= end) {
                    break;
                }
                if !kept.allows(&step.free, want) {
                    first = index + 1;
                    continue 'start;
                }
                floor.lower_to(&step.free);
                if !kept.allows(&floor, want) {
                    // Each step has room, but of one model here and of another there.
                    first += 1;
                    continue 'start;
                }
            }
            return Some((start.from, floor.taken(want, kept)));
        }
        None
    }

    /// The least that is free while a job that starts now would last.
    fn floor_of_start(&self, lasts: Option<Span>) -> Option<&Amount> {
        let now = self.steps.first()?.from;
        let steps = match lasts {
            None => self.steps.len(),
            Some(lasts) => self.steps.partition_point(|step| step.from < now + lasts).max(1),
        };
        self.floors.get(steps - 1)
    }

    fn take(&mut self, from: WallTime, lasts: Option<Span>, amount: &Amount) {
        let first = self.step_at(from);
        let after = match lasts {
            None => self.steps.len(),
            Some(lasts) => self.step_at(from + lasts),
        };
        for step in self.steps.iter_mut().take(after).skip(first) {
            step.free.subtract(amount);
        }
        self.sink();
    }

    /// The place of the step that begins then; it is made where there is none.
    fn step_at(&mut self, at: WallTime) -> usize {
        let place = self.steps.partition_point(|step| step.from < at);
        if self.steps.get(place).is_none_or(|step| step.from != at) {
            let before = self.steps.get(place.saturating_sub(1));
            if let Some(free) = before.map(|step| step.free.clone()) {
                self.steps.insert(place, Step { from: at, free });
            }
        }
        place
    }

    fn sink(&mut self) {
        let Some(mut floor) = self.steps.first().map(|step| step.free.clone()) else { return };
        let mut ceiling = floor.clone();
        self.floors.resize(self.steps.len(), Amount::default());
        self.ceilings.resize(self.steps.len(), Amount::default());
        for (step, (low, high)) in self.steps.iter().zip(self.floors.iter_mut().zip(&mut self.ceilings)) {
            floor.lower_to(&step.free);
            low.clone_from(&floor);
            ceiling.raise_to(&step.free);
            high.clone_from(&ceiling);
        }
    }
}

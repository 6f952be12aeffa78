//! The free resources of a centre over time, as far as ends are known, and the reservations made there.
//!
//! Invariant: the free amount changes only at a step, and never after the last one.

use std::cmp::Reverse;

use super::amount::{Amount, Demand, Reserved};
use crate::time::{Span, WallTime};

/// The free resources from now on.
pub(super) struct Timeline {
    steps: Vec<Step>,
    /// At each index, the minimum of all steps up to it.
    floors: Vec<Amount>,
    /// At each index, the maximum of all steps up to it, for each resource separately.
    ceilings: Vec<Amount>,
}

struct Step {
    from: WallTime,
    free: Amount,
}

impl Timeline {
    /// The timeline of a centre with the capacity `all`, in which each amount is held until its end, or for ever if the end
    /// is `None`.
    pub(super) fn new(now: WallTime, all: &Amount, mut held: Vec<(Option<WallTime>, Amount)>) -> Self {
        // From the latest end back, so that sums only grow: if the capacity has shrunk below a sum, nothing is free.
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
        let mut timeline = Self { steps, floors: Vec::new(), ceilings: Vec::new() };
        timeline.update_bounds();
        timeline
    }

    /// Whether a job that lasts this long could start now beside all reservations.
    pub(super) fn allows(&self, demand: &Demand, lasts: Option<Span>, reserved: &Reserved) -> bool {
        self.floor_of_start(lasts).is_some_and(|floor| reserved.allows(floor, demand))
    }

    /// The gap for a job that starts now: how long the job could run. 0 if it could not start, `None` if it could run
    /// for ever.
    pub(super) fn gap(&self, demand: &Demand, reserved: &Reserved) -> Option<Span> {
        let fits = self.floors.partition_point(|floor| reserved.allows(floor, demand));
        let now = self.steps.first()?.from;
        self.steps.get(fits).map(|step| step.from - now)
    }

    /// A lower bound of the time at which the demand fits; `None` if the demand never fits.
    pub(super) fn not_before(&self, demand: &Demand, reserved: &Reserved) -> Option<WallTime> {
        self.steps.get(self.first_possible(demand, reserved)).map(|step| step.from)
    }

    /// The first step at which the demand may fit. If the demand never fits, the number of steps.
    fn first_possible(&self, demand: &Demand, reserved: &Reserved) -> usize {
        self.ceilings.partition_point(|ceiling| !reserved.allows(ceiling, demand))
    }

    /// Allocates the resources of a job that starts now and fits, and returns them.
    pub(super) fn start(&mut self, demand: &Demand, lasts: Option<Span>, reserved: &Reserved) -> Option<Amount> {
        let now = self.steps.first()?.from;
        let taken = self.floor_of_start(lasts)?.taken(demand, reserved);
        self.take(now, lasts, &taken);
        Some(taken)
    }

    /// Reserves the earliest interval for a job and returns its start. `None`, without a reservation, if none is known.
    pub(super) fn reserve(&mut self, demand: &Demand, lasts: Option<Span>, reserved: &Reserved) -> Option<WallTime> {
        let (at, taken) = self.earliest(demand, lasts, reserved)?;
        self.take(at, lasts, &taken);
        Some(at)
    }

    fn earliest(&self, demand: &Demand, lasts: Option<Span>, reserved: &Reserved) -> Option<(WallTime, Amount)> {
        let mut floor = Amount::default();
        let mut first = self.first_possible(demand, reserved);
        if lasts.is_none() && !self.steps.last().is_some_and(|last| reserved.allows(&last.free, demand)) {
            return None;
        }
        'start: while let Some(start) = self.steps.get(first) {
            let end = lasts.map(|lasts| start.from + lasts);
            floor.clone_from(&start.free);
            for (index, step) in self.steps.iter().enumerate().skip(first) {
                if end.is_some_and(|end| step.from >= end) {
                    break;
                }
                if !reserved.allows(&step.free, demand) {
                    first = index + 1;
                    continue 'start;
                }
                floor.lower_to(&step.free);
                if !reserved.allows(&floor, demand) {
                    // Each step has enough accelerators, but of different models.
                    first += 1;
                    continue 'start;
                }
            }
            return Some((start.from, floor.taken(demand, reserved)));
        }
        None
    }

    /// The smallest free amount during a job that starts now.
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
        self.update_bounds();
    }

    /// The index of the step that begins at this time; creates the step if there is none.
    fn step_at(&mut self, at: WallTime) -> usize {
        let index = self.steps.partition_point(|step| step.from < at);
        if self.steps.get(index).is_none_or(|step| step.from != at) {
            let before = self.steps.get(index.saturating_sub(1));
            if let Some(free) = before.map(|step| step.free.clone()) {
                self.steps.insert(index, Step { from: at, free });
            }
        }
        index
    }

    /// Computes floors and ceilings again after the steps have changed.
    fn update_bounds(&mut self) {
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

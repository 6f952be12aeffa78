//! Accelerators that nobody holds and that are not clean: they are handed out again only when none of a job's processes
//! is on them and their memory is free.
//!
//! What is remembered here is no truth: a server that starts asks the host about every accelerator, so one that was left
//! dirty is found again, and its minute begins anew.

mod number;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::{
    capacity::{Capacity, Gpu},
    time::{Span, SteadyTime},
};
use trainyard_engine::{BusyGpu, EngineError};

pub(crate) use number::{Numbered, number};

/// How long an accelerator may take to become clean before it is set aside.
const PATIENCE: Span = Span::from_seconds(60);

/// Why nobody gets any while the host has not said which card is which.
const UNLISTED: &str = "nvidia-smi has not listed the GPUs yet";

/// What is known of the accelerators of one centre.
#[derive(Debug, Default)]
pub struct Gpus(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// Nobody can see whether they are clean, so they are.
    #[default]
    Unseen,
    /// The host can be asked.
    Watched {
        /// Those of jobs, at the last look.
        held: BTreeSet<u32>,
        /// Those that are not known to be clean.
        doubtful: BTreeMap<u32, Doubt>,
        /// Those that the host has not.
        absent: BTreeMap<u32, String>,
        /// Whether the numbers are those of the declaration, since the host has not told its own yet.
        is_unnumbered: bool,
    },
}

#[derive(Clone, Debug)]
struct Doubt {
    /// Since when, by the steady clock.
    since: SteadyTime,
    /// What was to be seen; `None` before anybody looked.
    what: Option<String>,
}

/// An accelerator that nobody gets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number on the host.
    pub index: u32,
    /// Whether it had its time to become clean.
    pub is_stuck: bool,
    /// What is to be seen.
    pub reason: String,
}

impl Gpus {
    /// What a server knows that has just asked; `numbered` is what the host says to a declaration, if both speak.
    pub(crate) fn new(
        capacity: &Capacity,
        numbered: Option<&Numbered>,
        answer: Result<Option<Vec<BusyGpu>>, EngineError>,
        now: SteadyTime,
    ) -> Self {
        let all = |what: &str| {
            let doubt = |index| (index, Doubt { since: now, what: Some(what.to_owned()) });
            capacity.gpus.iter().map(|gpu| doubt(gpu.index)).collect()
        };
        let doubtful = match answer {
            Ok(None) => return Self::default(),
            Ok(Some(_)) if numbered.is_none() => all(UNLISTED),
            Ok(Some(busy)) => {
                busy.into_iter().map(|gpu| (gpu.index, Doubt { since: now, what: Some(gpu.what) })).collect()
            }
            Err(error) => all(&error.to_string()),
        };
        let absent = numbered.map(|numbered| numbered.absent.clone()).unwrap_or_default();
        let is_unnumbered = numbered.is_none();
        Self(Mutex::new(State::Watched { held: BTreeSet::new(), doubtful, absent, is_unnumbered }))
    }

    /// Notes what jobs hold now; whatever they held before is in doubt. Whether there is anything to ask.
    pub(crate) fn note_held(&self, now_held: BTreeSet<u32>, now: SteadyTime) -> bool {
        let mut state = self.lock();
        let State::Watched { held, doubtful, .. } = &mut *state else { return false };
        for index in held.difference(&now_held) {
            doubtful.entry(*index).or_insert(Doubt { since: now, what: None });
        }
        doubtful.retain(|index, _| !now_held.contains(index));
        *held = now_held;
        !doubtful.is_empty()
    }

    /// Notes what a job is given: it may have given it back before anybody looks again.
    pub(crate) fn note_given(&self, given: impl Iterator<Item = u32>) {
        if let State::Watched { held, .. } = &mut *self.lock() {
            held.extend(given);
        }
    }

    /// Whether any is in doubt.
    pub(crate) fn has_doubts(&self) -> bool {
        matches!(&*self.lock(), State::Watched { doubtful, .. } if !doubtful.is_empty())
    }

    /// Whether the host is still to say which card is which.
    pub(crate) fn is_unnumbered(&self) -> bool {
        matches!(&*self.lock(), State::Watched { is_unnumbered: true, .. })
    }

    /// Takes in what the host says to a declaration. The numbers in use stay; where they are wrong nobody gets any.
    pub(crate) fn learn_numbers(&self, in_use: &[Gpu], numbered: Numbered) {
        let mut state = self.lock();
        let State::Watched { absent, is_unnumbered, .. } = &mut *state else { return };
        *is_unnumbered = false;
        if in_use == numbered.gpus {
            *absent = numbered.absent;
        } else {
            let why = "nvidia-smi numbers the GPUs in another way than they are declared: restart the server";
            *absent = in_use.iter().map(|gpu| (gpu.index, why.to_owned())).collect();
        }
    }

    /// Takes an answer of the host in; whether any became clean.
    pub(crate) fn learn(&self, answer: Result<Option<Vec<BusyGpu>>, EngineError>) -> bool {
        let mut state = self.lock();
        let State::Watched { doubtful, is_unnumbered, .. } = &mut *state else { return false };
        let unanswered = match answer {
            Ok(Some(_)) if *is_unnumbered => UNLISTED.to_owned(),
            Ok(Some(busy)) => {
                let before = doubtful.len();
                doubtful.retain(|index, doubt| match busy.iter().find(|gpu| gpu.index == *index) {
                    Some(gpu) => {
                        doubt.what = Some(gpu.what.clone());
                        true
                    }
                    None => false,
                });
                return doubtful.len() < before;
            }
            Ok(None) => "the host does not tell of its accelerators any more".to_owned(),
            Err(error) => error.to_string(),
        };
        for doubt in doubtful.values_mut() {
            doubt.what = Some(unanswered.clone());
        }
        false
    }

    /// Those that nobody gets now.
    pub fn quarantined(&self, now: SteadyTime) -> Vec<Quarantined> {
        let state = self.lock();
        let State::Watched { doubtful, absent, .. } = &*state else { return Vec::new() };
        let gone = absent.iter().map(|(index, why)| Quarantined { index: *index, is_stuck: true, reason: why.clone() });
        let aside = |(index, doubt): (&u32, &Doubt)| Quarantined {
            index: *index,
            is_stuck: now - doubt.since >= PATIENCE,
            reason: doubt.what.clone().unwrap_or_else(|| "its job has just ended".to_owned()),
        };
        let doubtful = doubtful.iter().filter(|(index, _)| !absent.contains_key(index)).map(aside);
        let mut all: Vec<Quarantined> = doubtful.chain(gone).collect();
        all.sort_by_key(|one| one.index);
        all
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Quarantine: a GPU that a job has released is allocated again only when no process uses it and its memory is free.
//!
//! This state is only in memory. A server that starts asks the host about every GPU, so it finds a busy GPU again, and the
//! minute after which a GPU counts as stuck starts again.

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

/// How long a released GPU may stay busy before it counts as stuck.
const PATIENCE: Span = Span::from_seconds(60);

/// The reason for the quarantine of all GPUs until the host has listed its cards.
const UNLISTED: &str = "nvidia-smi has not listed the GPUs yet";

/// The quarantine of one centre's GPUs.
#[derive(Debug, Default)]
pub struct Gpus(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// The host has no way to see whether GPUs are busy, so all count as idle.
    #[default]
    Unseen,
    /// The host can be asked.
    Watched {
        /// The GPUs that jobs held when this was last read, by index.
        held: BTreeSet<u32>,
        /// The GPUs that may still be busy, by index.
        doubtful: BTreeMap<u32, Doubt>,
        /// The declared GPUs that the host does not have, by index, with the reason.
        absent: BTreeMap<u32, String>,
        /// Whether the indices are those of the declaration, because the host has not listed its cards yet.
        is_unnumbered: bool,
    },
}

#[derive(Clone, Debug)]
struct Doubt {
    /// When the quarantine began, by the steady clock.
    since: SteadyTime,
    /// The answer of the host; `None` until the server has asked.
    what: Option<String>,
}

/// A GPU that no job gets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The index on the host.
    pub index: u32,
    /// Whether it has been busy for longer than a released GPU may be.
    pub is_stuck: bool,
    /// What the host reported, for people.
    pub reason: String,
}

impl Gpus {
    /// The state of a server that has just asked the host. `numbered` matches the declaration with the host's cards, if there
    /// are both.
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

    /// Starts over with the state of a host that was asked now.
    pub(crate) fn replace(&self, new: Self) {
        *self.lock() = new.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Records what jobs hold now and quarantines what they have released. Returns whether any GPU is in quarantine.
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

    /// Records the GPUs that a job gets, because it may release them before the next call of `note_held`.
    pub(crate) fn note_given(&self, given: impl Iterator<Item = u32>) {
        if let State::Watched { held, .. } = &mut *self.lock() {
            held.extend(given);
        }
    }

    /// Whether any GPU may still be busy.
    pub(crate) fn has_doubts(&self) -> bool {
        matches!(&*self.lock(), State::Watched { doubtful, .. } if !doubtful.is_empty())
    }

    /// Whether the host has not listed its cards yet.
    pub(crate) fn is_unnumbered(&self) -> bool {
        matches!(&*self.lock(), State::Watched { is_unnumbered: true, .. })
    }

    /// Records how the host numbers the declared GPUs. The indices in use stay; if they are wrong, no job gets a GPU.
    pub(crate) fn learn_numbers(&self, in_use: &[Gpu], numbered: Numbered) {
        let mut state = self.lock();
        let State::Watched { absent, is_unnumbered, .. } = &mut *state else { return };
        *is_unnumbered = false;
        if in_use == numbered.gpus {
            *absent = numbered.absent;
        } else {
            let why = "nvidia-smi now numbers the GPUs differently than at the start of the server; restart the server";
            *absent = in_use.iter().map(|gpu| (gpu.index, why.to_owned())).collect();
        }
    }

    /// Records an answer of the host. Returns whether a GPU left the quarantine.
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
            Ok(None) => "nvidia-smi is missing now, so the use of the GPU is unknown".to_owned(),
            Err(error) => error.to_string(),
        };
        for doubt in doubtful.values_mut() {
            doubt.what = Some(unanswered.clone());
        }
        false
    }

    /// The GPUs in quarantine now, by index.
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

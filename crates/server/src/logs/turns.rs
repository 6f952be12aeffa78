//! The turns of searches. A search keeps a core busy for up to half a minute, so few run at once, and those that run give
//! way to those that wait after a moment. A free turn goes to the user that has the fewest, so many searches of one user
//! delay those of others by a moment only.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How many searches run at once.
const RUNNING: usize = 2;
/// How long a search runs before it gives way.
const TURN: Duration = Duration::from_millis(200);
/// How often a search that waits looks whether its caller is gone.
const LOOK: Duration = Duration::from_millis(100);
/// How many searches one user may have in progress, waiting ones too.
pub(super) const MOST_OF_USER: usize = 4;
/// How many searches all users together may have in progress: each keeps a thread.
pub(super) const MOST: usize = 64;

/// The turns of all searches.
#[derive(Debug, Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Each search in progress, the oldest first.
    all: VecDeque<Search>,
    next: u64,
}

#[derive(Debug)]
struct Search {
    id: u64,
    user: Arc<str>,
    is_running: bool,
    /// Since when it waits: a number that counts up.
    waits_since: u64,
}

/// Why a search may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMany {
    OfUser,
    OfAll,
}

/// One search in progress. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct OpenSearch {
    turns: Arc<Turns>,
    id: u64,
    /// When its present turn began; `None` before its first turn.
    since: Option<Instant>,
    /// How long it ran in its turns before.
    ran: Duration,
}

impl Turns {
    /// Lets a search of this user begin. It does not run before [`OpenSearch::go_on`].
    pub(super) fn begin(self: &Arc<Self>, user: &str) -> Result<OpenSearch, TooMany> {
        let mut state = self.state();
        if state.all.iter().filter(|search| *search.user == *user).count() >= MOST_OF_USER {
            return Err(TooMany::OfUser);
        }
        if state.all.len() >= MOST {
            return Err(TooMany::OfAll);
        }
        let id = state.count();
        state.all.push_back(Search { id, user: user.into(), is_running: false, waits_since: id });
        Ok(OpenSearch { turns: Arc::clone(self), id, since: None, ran: Duration::ZERO })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn running(&self, user: Option<&str>) -> usize {
        self.all.iter().filter(|one| one.is_running && user.is_none_or(|user| *one.user == *user)).count()
    }

    /// The search that gets the next free turn: of the user with the fewest turns, the one that has waited longest.
    fn next(&self) -> Option<u64> {
        let waiting = self.all.iter().filter(|search| !search.is_running);
        waiting.min_by_key(|search| (self.running(Some(&search.user)), search.waits_since)).map(|search| search.id)
    }

    /// Lets a search run if it is its turn.
    fn run(&mut self, id: u64) -> bool {
        let may_run = self.running(None) < RUNNING && self.next() == Some(id);
        if may_run && let Some(search) = self.all.iter_mut().find(|search| search.id == id) {
            search.is_running = true;
        }
        may_run
    }

    /// Ends the turn of a search if another one waits.
    fn give_way(&mut self, id: u64) -> bool {
        let now = self.count();
        let gives_way = self.all.iter().any(|search| !search.is_running);
        if gives_way && let Some(search) = self.all.iter_mut().find(|search| search.id == id) {
            (search.is_running, search.waits_since) = (false, now);
        }
        gives_way
    }
}

impl OpenSearch {
    /// Waits until the search may go on; `false` if its caller is gone or it has run for this long. Called often, on the
    /// thread of the search.
    pub(super) fn go_on(&mut self, longest: Duration, is_gone: impl Fn() -> bool) -> bool {
        let turn = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        if is_gone() || self.ran + turn >= longest {
            return false;
        }
        if self.since.is_some() && (turn < TURN || !self.turns.state().give_way(self.id)) {
            return true;
        }
        self.ran += turn;
        self.turns.changed.notify_all();
        let mut state = self.turns.state();
        while !state.run(self.id) {
            if is_gone() {
                return false;
            }
            let waited = self.turns.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.since = Some(Instant::now());
        true
    }
}

impl Drop for OpenSearch {
    fn drop(&mut self) {
        self.turns.state().all.retain(|search| search.id != self.id);
        self.turns.changed.notify_all();
    }
}

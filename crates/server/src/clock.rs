//! The sources of time and of random bytes, passed in from outside, so that a test decides both.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use trainyard_domain::{
    id::ID_BYTES,
    time::{SteadyTime, WallTime},
};

/// The wall clock and the steady clock of a server.
#[derive(Clone)]
pub struct Clock {
    wall: TimeSource,
    steady: TimeSource,
}

/// A function that reads the current number of milliseconds.
type TimeSource = Arc<dyn Fn() -> i64 + Send + Sync>;

impl Clock {
    /// The host's clocks.
    pub fn system() -> Self {
        Self { wall: Arc::new(system_now), steady: Arc::new(system_steady) }
    }

    /// A clock for tests; wall and steady time are the same.
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let source: TimeSource = Arc::new(now);
        Self { wall: Arc::clone(&source), steady: source }
    }

    /// A clock for tests with separate wall and steady time.
    pub fn from_both(
        wall: impl Fn() -> i64 + Send + Sync + 'static,
        steady: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), steady: Arc::new(steady) }
    }

    /// This clock with the wall time ahead by a number that a test may change at any moment.
    pub fn ahead_by(self, millis: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let Self { wall, steady } = self;
        Self { wall: Arc::new(move || wall() + millis()), steady }
    }

    /// Unix milliseconds. A change of the host's clock moves them in either direction.
    pub fn now(&self) -> WallTime {
        WallTime::from_ms((self.wall)())
    }

    /// The time since an arbitrary moment; it never goes back. Measure every duration by it.
    pub fn steady(&self) -> SteadyTime {
        SteadyTime::from_ms((self.steady)())
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[expect(clippy::disallowed_methods, reason = "the only place that reads the host's clock")]
fn system_now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn system_steady() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Random bytes from the operating system, for keys and identifiers.
///
/// Fails if the operating system has none; then every further call fails too.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Bytes for one identifier: half of them are the time, in steps of 16 ms for the next 500 years, half are random.
///
/// So rows that are created one after the other are neighbours in the database's indices. With random identifiers, each
/// row would change a page of its own, and a create would have to wait for four times as many written bytes.
///
/// Errors: as for [`random`].
pub fn new_id(now: WallTime) -> Result<[u8; ID_BYTES], getrandom::Error> {
    let [_, _, _, time @ ..] = (now.as_ms() >> 4).to_be_bytes();
    let tail: [u8; ID_BYTES - 5] = random()?;
    let mut bytes = [0; ID_BYTES];
    for (place, byte) in bytes.iter_mut().zip(time.into_iter().chain(tail)) {
        *place = byte;
    }
    Ok(bytes)
}

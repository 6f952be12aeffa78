//! Time and chance, handed in from outside, so that a test decides both.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use trainyard_domain::{id::ID_BYTES, time::Millis};

/// Tells the time, and how much of it has passed.
#[derive(Clone)]
pub struct Clock {
    wall: TimeSource,
    steady: TimeSource,
}

type TimeSource = Arc<dyn Fn() -> Millis + Send + Sync>;

impl Clock {
    /// The host's clocks.
    pub fn system() -> Self {
        Self { wall: Arc::new(system_now), steady: Arc::new(system_steady) }
    }

    /// A clock that a test turns.
    pub fn from_fn(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        let source: TimeSource = Arc::new(now);
        Self { wall: Arc::clone(&source), steady: source }
    }

    /// Two hands that a test turns.
    pub fn from_both(
        wall: impl Fn() -> Millis + Send + Sync + 'static,
        steady: impl Fn() -> Millis + Send + Sync + 'static,
    ) -> Self {
        Self { wall: Arc::new(wall), steady: Arc::new(steady) }
    }

    /// This clock with its wall set ahead by what a test says from moment to moment.
    pub fn ahead_by(self, millis: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        let Self { wall, steady } = self;
        Self { wall: Arc::new(move || wall() + millis()), steady }
    }

    /// Unix milliseconds, which whoever sets the host's clock may move either way.
    pub fn now(&self) -> Millis {
        (self.wall)()
    }

    /// Milliseconds since some moment, which only pass. Whoever waits for a while measures it by these.
    pub fn steady(&self) -> Millis {
        (self.steady)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the host for the time")]
fn system_now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

fn system_steady() -> Millis {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Random bytes from the operating system, for keys and identifiers.
///
/// # Errors
/// Where the operating system has none to give, which it then says of every call.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Bytes for one identifier: half of them the time, in steps of 16 ms for the next five hundred years, half chance.
///
/// What is made one after the other so lies side by side in the database's indices: of random identifiers, each would
/// change a page of its own, and four times as much would have to be written before a create is answered.
///
/// # Errors
/// As [`random`].
pub fn new_id(now: Millis) -> Result<[u8; ID_BYTES], getrandom::Error> {
    let [_, _, _, time @ ..] = (now >> 4).to_be_bytes();
    let chance: [u8; ID_BYTES - 5] = random()?;
    let mut bytes = [0; ID_BYTES];
    for (place, byte) in bytes.iter_mut().zip(time.into_iter().chain(chance)) {
        *place = byte;
    }
    Ok(bytes)
}

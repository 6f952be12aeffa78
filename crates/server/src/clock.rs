//! Time and chance, handed in from outside, so that a test decides both.

use std::sync::Arc;

use trainyard_domain::{id::ID_BYTES, template::Millis};

/// Tells Unix milliseconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// The host's clock.
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// A clock that a test turns.
    pub fn from_fn(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Millis {
        (self.0)()
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

#[cfg(test)]
mod tests;

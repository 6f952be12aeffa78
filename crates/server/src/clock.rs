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

/// Random bytes from the operating system, for identifiers and keys.
///
/// # Errors
/// Where the operating system has none to give, which it then says of every call.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Random bytes for one identifier.
///
/// # Errors
/// As [`random`].
pub fn random_id() -> Result<[u8; ID_BYTES], getrandom::Error> {
    random()
}

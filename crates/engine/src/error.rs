//! Why an engine did not do what it was asked, by what the caller can do about it.

/// A failure of an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It will never work like this: the caller gives it up.
    #[error("{0}")]
    Refused(String),
    /// It may work later: the caller tries again, and may give up after a while.
    #[error("{0}")]
    Unavailable(String),
    /// The engine could not be asked, so nothing is known. The caller changes nothing and asks again until the engine
    /// answers.
    #[error("{0}")]
    Unreachable(String),
}

//! The failures of an engine, distinguished by the reaction of the caller.

/// A failure of an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It will never work like this: the caller gives it up.
    #[error("{0}")]
    Refused(String),
    /// It may work later: the caller tries again, and may give up after a while.
    #[error("{0}")]
    Unavailable(String),
    /// The engine could not be asked, so nothing is known. The caller changes nothing and asks until the engine answers.
    #[error("{0}")]
    Unreachable(String),
}

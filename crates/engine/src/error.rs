//! The failures of an engine, distinguished by the reaction of the caller.

/// A failure of an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The same call can never succeed: the caller gives up.
    #[error("{0}")]
    Refused(String),
    /// A later call may succeed: the caller tries again, and may give up after a while.
    #[error("{0}")]
    Unavailable(String),
    /// The engine could not be reached, so the state of its attempts is unknown. The caller changes nothing and tries
    /// again until the engine answers.
    #[error("{0}")]
    Unreachable(String),
}

//! How a command fails: the exit code for scripts and the message on standard error for users.
//!
//! Exit codes are part of the interface of the command and never change.

#[cfg(test)]
mod tests;

use trainyard_api::{ClientError, job::JobStatus};

/// The reason for an exit code other than 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A call failed, or no server answered.
    Call(ClientError),
    /// The command line, or a file named on it, is wrong.
    Usage(String),
    /// Any other failure, as a sentence.
    Other(String),
    /// A preview found problems; the output lists them.
    NotRunnable,
    /// The followed job failed or was stopped.
    Job(JobStatus),
    /// A signal interrupted the command, and the command has cleaned up.
    Interrupted,
    /// The reader of standard output closed it.
    OutputClosed,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    /// A failure with a sentence and its cause: `cannot read a.yaml: permission denied`.
    pub(crate) fn because(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::Other(format!("{what}: {cause}"))
    }

    /// The exit code, as `trainyard --help` lists it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Call(ClientError::Unreachable { .. }) => 3,
            Self::Call(ClientError::BadAddress { .. } | ClientError::BadKey) | Self::Usage(_) => 2,
            Self::Call(_) | Self::Other(_) | Self::NotRunnable => 1,
            Self::Job(JobStatus::Stopped) => 5,
            Self::Job(_) => 4,
            Self::Interrupted => 130,
            Self::OutputClosed => 141,
        }
    }

    /// The lines for standard error; none if the output has said everything.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Call(error) => call_lines(error),
            Self::Usage(sentence) | Self::Other(sentence) => vec![format!("error: {sentence}")],
            Self::NotRunnable | Self::Job(_) | Self::Interrupted | Self::OutputClosed => Vec::new(),
        }
    }
}

fn call_lines(error: &ClientError) -> Vec<String> {
    let mut lines = vec![format!("error: {error}")];
    if let ClientError::Server { status, message, errors, .. } = error {
        // The message of the server contains the first fault already. With several, each has a line of its own instead.
        if errors.len() > 1 {
            let phrase = message.split_once(':').map_or(message.as_str(), |(phrase, _)| phrase);
            lines = vec![format!("error: {phrase}: {} faults", errors.len())];
            lines.extend(errors.iter().map(|fault| match fault.field.as_str() {
                "" => format!("  {}", fault.message),
                field => format!("  {field}: {}", fault.message),
            }));
        }
        if *status == 401 {
            lines.push("hint: set TRAINYARD_API_KEY, or run `trainyard login`".to_owned());
        }
    }
    lines
}

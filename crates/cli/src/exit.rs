//! How a command ends: the exit code for scripts, and the message for people on standard error.

#[cfg(test)]
mod tests;

use trainyard_api::{ClientError, job::JobStatus};

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A call failed, or nobody answered.
    Call(ClientError),
    /// The command line or a file given to it is wrong.
    Usage(String),
    /// Anything else, as a sentence.
    Other(String),
    /// What was looked at would be refused; the answer says why.
    NotRunnable,
    /// The job that was followed did not succeed.
    Job(JobStatus),
    /// Somebody interrupted it, and everything was cleaned up.
    Interrupted,
    /// Nobody reads standard output any more.
    OutputClosed,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    /// A failure that is told by a sentence and its cause.
    pub(crate) fn because(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::Other(format!("{what}: {cause}"))
    }

    /// The exit code.
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

    /// The lines for standard error.
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
    if let ClientError::Server { status, errors, .. } = error {
        // One fault alone stands in the message already.
        let several = if errors.len() > 1 { errors.as_slice() } else { &[] };
        lines.extend(several.iter().map(|fault| match fault.field.as_str() {
            "" => format!("  {}", fault.message),
            field => format!("  {field}: {}", fault.message),
        }));
        if *status == 401 {
            lines.push("hint: set TRAINYARD_API_KEY, or run `trainyard login`".to_owned());
        }
    }
    lines
}

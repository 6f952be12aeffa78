//! How a command ends: the exit code for scripts, and the message for people on standard error.

use trainyard_api::ClientError;
use trainyard_api::job::JobStatus;

use crate::out;

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

    /// Tells it on standard error.
    pub(crate) fn report(&self) {
        self.lines().iter().for_each(|line| out::note(line));
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

#[cfg(test)]
mod tests {
    use trainyard_api::FieldFault;

    use super::*;

    #[test]
    fn scripts_can_tell_failures_apart() {
        let unreachable = ClientError::Unreachable { address: String::new(), why: String::new() };
        let answered = ClientError::Server { status: 404, message: String::new(), code: None, errors: Vec::new() };
        for (failure, code) in [
            (Failure::Call(answered), 1),
            (Failure::Other(String::new()), 1),
            (Failure::NotRunnable, 1),
            (Failure::Usage(String::new()), 2),
            (Failure::Call(ClientError::BadKey), 2),
            (Failure::Call(unreachable), 3),
            (Failure::Job(JobStatus::Failed), 4),
            (Failure::Job(JobStatus::Stopped), 5),
            (Failure::Interrupted, 130),
            (Failure::OutputClosed, 141),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
        }
    }

    #[test]
    fn each_fault_of_a_field_has_its_line() {
        let fault = |field: &str, message: &str| FieldFault {
            field: field.to_owned(),
            code: String::new(),
            message: message.to_owned(),
        };
        let failure = Failure::Call(ClientError::Server {
            status: 400,
            message: "Bad Request: 2 faults".to_owned(),
            code: None,
            errors: vec![fault("name", "is required"), fault("", "is too deep")],
        });
        assert_eq!(failure.lines(), ["error: Bad Request: 2 faults", "  name: is required", "  is too deep"]);
    }
}

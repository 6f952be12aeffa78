//! What can go wrong with a call, as a short list of what the caller can do about it.

use std::{error::Error, io};

use serde::Deserialize;
use serde_json::Value;

use crate::envelope::FieldFault;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused or failed; its sentence says what to do.
    #[error("{message}")]
    Server {
        /// Status of the answer.
        status: u16,
        /// The server's sentence.
        message: String,
        /// `data.code`, as text so that an older client can show a newer server's codes.
        code: Option<String>,
        /// Every fault of the body or query.
        errors: Vec<FieldFault>,
    },
    /// No answer at all.
    #[error("no answer from {address}: {why}")]
    Unreachable {
        /// The server's address.
        address: String,
        /// What happened, and what to do.
        why: String,
    },
    /// An answer that is none of this API.
    #[error("{address} did not answer as a Trainyard server does: {why}")]
    BadAnswer {
        /// The server's address.
        address: String,
        /// What it answered.
        why: String,
    },
    /// The address is none.
    #[error("{address:?} is not the address of a server ({why}); write it as http://HOST:PORT or https://HOST")]
    BadAddress {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key has characters that no key has.
    #[error("the API key has characters that cannot be sent; copy it again, without spaces and line breaks")]
    BadKey,
}

impl ClientError {
    /// The status, where the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// What every answer has, leniently read: an older client must be able to show a newer server's failure.
#[derive(Deserialize)]
struct AnyAnswer {
    status: u16,
    message: String,
    #[serde(default)]
    data: Value,
}

/// The data of a successful answer, or the failure it is.
pub(super) fn opened(address: &str, status: u16, text: &str) -> Result<Value, ClientError> {
    let answer: AnyAnswer = serde_json::from_str(text).map_err(|_| not_ours(address, status, text))?;
    if status == 200 && answer.status == 200 {
        return Ok(answer.data);
    }
    let field = |name: &str| answer.data.get(name).cloned().unwrap_or_default();
    Err(ClientError::Server {
        status: answer.status,
        message: answer.message,
        code: field("code").as_str().map(str::to_owned),
        errors: serde_json::from_value(field("errors")).unwrap_or_default(),
    })
}

fn not_ours(address: &str, status: u16, text: &str) -> ClientError {
    let begin: String = text.trim().chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let why = match (status, begin.is_empty()) {
        (300..400, _) => format!("status {status}, a redirect; give the address it leads to"),
        (_, true) => format!("status {status} with an empty body"),
        _ => format!("status {status} with {begin:?}; is another program or a proxy at this address?"),
    };
    ClientError::BadAnswer { address: address.to_owned(), why }
}

/// The sentence for a call that got no answer.
pub(super) fn unreachable(address: &str, error: &reqwest::Error) -> ClientError {
    let root = root_cause(error);
    let why = if let Some(kind) = root.downcast_ref::<io::Error>().map(io::Error::kind)
        && let Some(sentence) = io_sentence(kind)
    {
        sentence.to_owned()
    } else if error.is_timeout() {
        "it took too long; is it overloaded, or is a firewall in between?".to_owned()
    } else if error.is_dns() {
        "no such host; check the address".to_owned()
    } else if root.to_string().contains("certificate") {
        format!("its certificate is not trusted ({root}); add its authority to this system's certificates")
    } else {
        format!("{root}; check that the server runs and that the address is right")
    };
    ClientError::Unreachable { address: address.to_owned(), why }
}

fn io_sentence(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("nothing listens there; start the server, or check the address"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Some("the connection was cut; is the server being restarted?")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Some("there is no way to that host; check the network and the address")
        }
        _ => None,
    }
}

fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root
}

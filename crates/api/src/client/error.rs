//! Errors of calls, grouped by the possible actions of the caller.

use std::{error::Error, io};

use serde::Deserialize;
use serde_json::Value;

use crate::envelope::FieldFault;

/// The reason why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused the call or failed; the message says what to do.
    #[error("{message}")]
    Server {
        /// HTTP status of the response.
        status: u16,
        /// `message` of the response.
        message: String,
        /// `data.code`, as text, so that an older client can show the codes of a newer server.
        code: Option<String>,
        /// All faults of the body or query.
        errors: Vec<FieldFault>,
    },
    /// No response arrived.
    #[error("no response from {address}: {why}")]
    Unreachable {
        /// The server's address.
        address: String,
        /// What happened and what to do.
        why: String,
    },
    /// The response is not one of this API.
    #[error("{address} did not respond like a Trainyard server: {why}")]
    BadAnswer {
        /// The server's address.
        address: String,
        /// Description of the response.
        why: String,
    },
    /// The address of the server is invalid.
    #[error(
        "{address:?} is not the address of a server ({why}); write it as http://HOST:PORT, https://HOST or unix:PATH"
    )]
    BadAddress {
        /// Text given as the address.
        address: String,
        /// What is wrong with the address.
        why: String,
    },
    /// The key contains characters that no key has, such as line breaks.
    #[error("the API key has characters that cannot be sent; copy it again, without spaces and line breaks")]
    BadKey,
}

impl ClientError {
    /// The HTTP status, if the server responded.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// The parts that every response has. Parsed leniently, so that an older client can show failures of a newer server.
#[derive(Deserialize)]
struct AnyAnswer {
    status: u16,
    message: String,
    #[serde(default)]
    data: Value,
}

/// Returns `data` of a successful response, or the failure.
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
        (300..400, _) => format!("status {status}, a redirect; use the address to which it leads"),
        (_, true) => format!("status {status} with an empty body"),
        _ => format!("status {status} with {begin:?}; check whether another program or a proxy uses this address"),
    };
    ClientError::BadAnswer { address: address.to_owned(), why }
}

/// The error for a call without a response.
pub(super) fn unreachable(address: &str, error: &reqwest::Error) -> ClientError {
    let root = root_cause(error);
    let why = if let Some(kind) = root.downcast_ref::<io::Error>().map(io::Error::kind)
        && let Some(sentence) = io_sentence(kind)
    {
        sentence.to_owned()
    } else if error.is_timeout() {
        "no response in time; check whether the server is overloaded or a firewall blocks the connection".to_owned()
    } else if error.is_dns() {
        "no such host; check the address".to_owned()
    } else if root.to_string().contains("certificate") {
        format!("its certificate is not trusted ({root}); add its certificate authority to this system")
    } else {
        format!("{root}; check that the server runs and that the address is right")
    };
    ClientError::Unreachable { address: address.to_owned(), why }
}

fn io_sentence(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("nothing listens there; start the server, or check the address"),
        io::ErrorKind::NotFound => Some("there is no such socket; start the server, or check the path"),
        io::ErrorKind::PermissionDenied => Some("this account may not use that socket; use another one, or send a key"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            Some("the connection was closed; check whether the server is restarting")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Some("the host cannot be reached; check the network and the address")
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

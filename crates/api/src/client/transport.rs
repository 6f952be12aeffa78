//! Connections to the server: address, proxy, TLS and time limits. No proxy is used for a loopback address.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::File,
    net::IpAddr,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};

use super::error::ClientError;

/// Time limit of a call that is not a stream.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(60);
/// Time without data after which a stream is opened again.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// What the address of a socket on this machine begins with.
const SOCKET_SCHEME: &str = "unix:";
/// The address of a socket has room for a path of fewer bytes.
const SOCKET_PATH_BYTES: usize = 108;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The address of a server.
pub(super) enum Address {
    Network(Url),
    /// The path of a Unix socket.
    Socket(PathBuf),
}

impl Address {
    /// What the URL of each call begins with.
    pub(super) fn prefix(&self) -> String {
        match self {
            Self::Network(_) => self.to_string(),
            Self::Socket(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Socket(path) => write!(f, "{SOCKET_SCHEME}{}", path.display()),
        }
    }
}

/// Parses the address of a server.
pub(super) fn address(text: &str) -> Result<Address, ClientError> {
    let refuse = |why: String| ClientError::BadAddress { address: text.to_owned(), why };
    if let Some(path) = text.trim().strip_prefix(SOCKET_SCHEME) {
        let path = PathBuf::from(path);
        let why = "the path of a socket must be absolute, such as unix:/run/trainyard/server.sock";
        return if path.is_absolute() { Ok(Address::Socket(path)) } else { Err(refuse(why.to_owned())) };
    }
    let url = Url::parse(text.trim()).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("its scheme is {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it contains more than host, port and path".to_owned()));
    }
    Ok(Address::Network(url))
}

/// The header with a key.
pub(super) fn bearer(key: &str) -> Result<HeaderValue, ClientError> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| ClientError::BadKey)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// A connection pool, and the directory through whose descriptor it finds its socket.
pub(super) type Pool = (reqwest::Client, Option<File>);

/// Creates the connection pool for one server and key.
pub(super) fn http(address: &Address, key: Option<HeaderValue>) -> Result<Pool, ClientError> {
    install_tls_provider();
    let mut dir = None;
    let mut builder = reqwest::Client::builder()
        .default_headers(key.map(|bearer| (AUTHORIZATION, bearer)).into_iter().collect::<HeaderMap>())
        .user_agent(concat!("trainyard/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true);
    builder = match address {
        Address::Socket(path) => {
            let path = short(path, &mut dir);
            builder.no_proxy().unix_socket(path.as_path())
        }
        Address::Network(url) if is_loopback(url) => builder.no_proxy(),
        Address::Network(_) => builder,
    };
    if needs_no_certificates(address) {
        // Loading them takes time and fails on a machine without certificates.
        builder = builder.tls_certs_only([]);
    }
    let refuse =
        |error: reqwest::Error| ClientError::BadAddress { address: address.to_string(), why: error.to_string() };
    Ok((builder.build().map_err(refuse)?, dir))
}

/// A path that fits into the address of a socket. A long one leads through the descriptor of its directory.
fn short(path: &Path, dir: &mut Option<File>) -> PathBuf {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    if path.as_os_str().len() < SOCKET_PATH_BYTES {
        return path.to_owned();
    }
    // If the directory cannot be opened, the connection fails and says so.
    *dir = File::open(parent).ok();
    match dir {
        Some(dir) => PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name),
        None => path.to_owned(),
    }
}

fn needs_no_certificates(address: &Address) -> bool {
    match address {
        Address::Socket(_) => true,
        Address::Network(url) => url.scheme() == "http" && is_loopback(url),
    }
}

/// Whether the address is a loopback address.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the program has installed a provider already, which is used then.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
}

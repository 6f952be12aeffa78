//! Connections to the server: address, proxy, TLS and time limits. No proxy is used for a loopback address.

#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Once, time::Duration};

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
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Parses the address of a server.
pub(super) fn address(text: &str) -> Result<Url, ClientError> {
    let refuse = |why: String| ClientError::BadAddress { address: text.to_owned(), why };
    let url = Url::parse(text.trim()).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("its scheme is {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it contains more than host, port and path".to_owned()));
    }
    Ok(url)
}

/// Creates the connection pool for one server and key.
pub(super) fn http(base: &Url, key: &str) -> Result<reqwest::Client, ClientError> {
    install_tls_provider();
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| ClientError::BadKey)?;
    bearer.set_sensitive(true);
    let mut builder = reqwest::Client::builder()
        .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
        .user_agent(concat!("trainyard/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true);
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" && is_loopback(base) {
        // No certificate is needed. Loading them takes time and fails on a machine without certificates.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| ClientError::BadAddress { address: base.to_string(), why: error.to_string() })
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

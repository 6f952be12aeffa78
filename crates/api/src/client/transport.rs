//! How the client reaches a server: addresses, proxies, TLS and limits. Never a proxy for this machine itself.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use super::error::ClientError;

/// The longest that an ordinary call may take.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(60);
/// The longest that a stream may be silent before it is opened anew.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The server's address, or what is wrong with it.
pub(super) fn address(text: &str) -> Result<Url, ClientError> {
    let refuse = |why: String| ClientError::BadAddress { address: text.to_owned(), why };
    let url = Url::parse(text.trim()).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("its scheme is {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has more than host, port and path".to_owned()));
    }
    Ok(url)
}

/// The connection pool for one server and key.
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
        // No certificate will be looked at: a machine without any must do, and loading them takes time.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| ClientError::BadAddress { address: base.to_string(), why: error.to_string() })
}

/// Whether the address is this machine by the loopback interface.
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
        // An error says that the program installed one before: then that one is used.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_in_all_its_spellings() {
        for (url, expected) in [
            ("http://127.0.0.1:8470", true),
            ("http://127.9.9.9", true),
            ("http://localhost:1", true),
            ("https://LOCALHOST.", true),
            ("http://a.localhost/", true),
            ("http://[::1]:8470", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://0.0.0.0:1", false),
            ("http://localhost.example.com", false),
            ("http://notlocalhost", false),
            ("http://10.0.0.1", false),
            ("https://trainyard.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for (text, taken) in [
            ("http://127.0.0.1:8470", true),
            (" https://host/prefix/ ", true),
            ("127.0.0.1:8470", false),
            ("host:8470", false),
            ("ftp://host", false),
            ("http://user:pass@host", false),
            ("http://host/?a=1", false),
            ("", false),
        ] {
            assert_eq!(address(text).is_ok(), taken, "{text}");
        }
    }
}

//! A typed client: one method for each call, errors that say what to do, and streams that survive lost connections.
//!
//! A body is any value that serialises: a `TemplateBody`, or JSON as a user wrote it, which the server then checks. A
//! response is available typed and exactly as the server sent it.

mod calls;
mod error;
mod follow;
pub mod sse;
mod transport;

pub use error::ClientError;
pub use follow::{EventFollow, LogFollow, RawLog};

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use reqwest::{
    Method, RequestBuilder, Response,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A client for one server and one key. Clones share the connection pool.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// What the URL of each call begins with.
    prefix: String,
    /// The address as users write it.
    base: String,
    fallback: Option<Arc<Fallback>>,
    /// Kept open while connections lead through it.
    _dir: Option<Arc<File>>,
}

/// A server, and what a client proves its identity with.
#[derive(Clone, Copy, Default)]
pub struct Access<'a> {
    /// `http://host:port`, `https://…`, or `unix:` with the path of a server's socket on this machine.
    pub address: &'a str,
    /// The API key. Without one, a server on this machine knows the caller by its account.
    pub key: Option<&'a str>,
    /// The key to send from then on if the server does not know the caller's account.
    pub key_if_refused: Option<&'a str>,
}

/// The key for a server that does not know the caller's account.
struct Fallback {
    header: HeaderValue,
    in_use: AtomicBool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A successful response.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// `data` of the response, typed.
    pub data: T,
    /// `data` exactly as the server sent it, including fields that this client does not know.
    pub raw: Value,
    /// The `Location` header: the path of the created object.
    pub location: Option<String>,
}

impl<T> Answer<T> {
    /// The id of the created object: the segment before the last one of `Location`.
    pub fn located_id(&self) -> Option<&str> {
        self.location.as_deref()?.rsplit('/').nth(1).filter(|id| !id.is_empty())
    }
}

impl Client {
    /// A client for the server at `address`, calling with `key`.
    ///
    /// # Errors
    /// As for [`Client::with_access`].
    pub fn new(address: &str, key: &str) -> Result<Self, ClientError> {
        Self::with_access(Access { address, key: Some(key), ..Access::default() })
    }

    /// A client for a server.
    ///
    /// # Errors
    /// If the address has no form that is allowed, or if a key contains characters that a header cannot carry.
    pub fn with_access(access: Access<'_>) -> Result<Self, ClientError> {
        let address = transport::address(access.address)?;
        let key = access.key.map(transport::bearer).transpose()?;
        let fallback = access.key_if_refused.map(transport::bearer).transpose()?;
        let fallback = fallback.map(|header| Arc::new(Fallback { header, in_use: AtomicBool::new(false) }));
        let (http, dir) = transport::http(&address, key)?;
        Ok(Self { http, prefix: address.prefix(), base: address.to_string(), fallback, _dir: dir.map(Arc::new) })
    }

    /// Address of the server, as [`Access::address`], without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.prefix))
    }

    /// Sends a request; once more with the other key if the server does not know the caller's account.
    async fn send(&self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let Some(fallback) = &self.fallback else { return request.send().await };
        let with_key = |request: RequestBuilder| request.header(AUTHORIZATION, fallback.header.clone());
        if fallback.in_use.load(Ordering::Relaxed) {
            return with_key(request).send().await;
        }
        let again = request.try_clone();
        let response = request.send().await?;
        match again {
            Some(again) if response.status() == 401 => {
                fallback.in_use.store(true, Ordering::Relaxed);
                with_key(again).send().await
            }
            _ => Ok(response),
        }
    }

    /// Sends a `GET` with a query.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<Answer<T>, ClientError> {
        self.call(self.request(Method::GET, path).query(query)).await
    }

    /// Sends a call and takes `data` out of the envelope.
    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>, ClientError> {
        let request = request.header(ACCEPT, "application/json").timeout(transport::CALL_LIMIT);
        let response = self.send(request).await.map_err(|error| self.unreachable(&error))?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let raw = self.open(response).await?;
        let data = T::deserialize(&raw).map_err(|error| ClientError::BadAnswer {
            address: self.base.clone(),
            why: format!("the data of the response has an unexpected form ({error}); check that client and server have the same version"),
        })?;
        Ok(Answer { data, raw, location })
    }

    /// Returns `data` of a successful response, or the failure.
    async fn open(&self, response: Response) -> Result<Value, ClientError> {
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        error::opened(&self.base, status, &text)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        error::unreachable(&self.base, error)
    }
}

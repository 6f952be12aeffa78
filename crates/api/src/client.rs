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

use reqwest::{
    Method, RequestBuilder, Response,
    header::{ACCEPT, LOCATION},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A client for one server and one key. Clones share the connection pool.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
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
    /// A client for the server at `base_url` (`http://host:port` or `https://…`), calling with `key`.
    ///
    /// # Errors
    /// If the address is not an HTTP address, or if the key contains characters that a header cannot carry.
    pub fn new(base_url: &str, key: &str) -> Result<Self, ClientError> {
        let base = transport::address(base_url)?;
        let http = transport::http(&base, key)?;
        let base = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base })
    }

    /// Address of the server without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a `GET` with a query.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<Answer<T>, ClientError> {
        self.call(self.request(Method::GET, path).query(query)).await
    }

    /// Sends a call and takes `data` out of the envelope.
    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>, ClientError> {
        let request = request.header(ACCEPT, "application/json").timeout(transport::CALL_LIMIT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
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

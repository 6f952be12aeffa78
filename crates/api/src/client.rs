//! A typed client: one method per call, errors that say what to do, logs and events followed through lost connections.
//!
//! Bodies are anything that serialises (`TemplateBody`, or JSON as a user wrote it, so that the server judges it);
//! answers come typed and, beside that, exactly as the server sent them.

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

/// A server and the key to call it with. Cheap to clone.
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

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// What it says, typed.
    pub data: T,
    /// `data` exactly as the server sent it, fields that this client does not know included.
    pub raw: Value,
    /// The `Location` header: where the thing that was made can be read.
    pub location: Option<String>,
}

impl<T> Answer<T> {
    /// The id in `Location`: the segment before the last.
    pub fn located_id(&self) -> Option<&str> {
        self.location.as_deref()?.rsplit('/').nth(1).filter(|id| !id.is_empty())
    }
}

impl Client {
    /// A client for the server at `base_url` (`http://host:port` or `https://…`), calling with `key`.
    ///
    /// # Errors
    /// When the address is no HTTP address or the key cannot be sent.
    pub fn new(base_url: &str, key: &str) -> Result<Self, ClientError> {
        let base = transport::address(base_url)?;
        let http = transport::http(&base, key)?;
        let base = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base })
    }

    /// Where the server is.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// `GET` with a query.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<Answer<T>, ClientError> {
        self.call(self.request(Method::GET, path).query(query)).await
    }

    /// One call, its envelope opened.
    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>, ClientError> {
        let request = request.header(ACCEPT, "application/json").timeout(transport::CALL_LIMIT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let raw = self.open(response).await?;
        let data = T::deserialize(&raw).map_err(|error| ClientError::BadAnswer {
            address: self.base.clone(),
            why: format!("its data is not what this version expects ({error}); are client and server of one version?"),
        })?;
        Ok(Answer { data, raw, location })
    }

    /// The `data` of an answer, or the failure it is.
    async fn open(&self, response: Response) -> Result<Value, ClientError> {
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        error::opened(&self.base, status, &text)
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        error::unreachable(&self.base, error)
    }
}

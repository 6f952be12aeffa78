//! Following logs and events as server-sent events, through lost connections; and reading raw logs.
//!
//! A follower stores its position and requests only what comes after it. So nothing is lost or repeated when the server
//! restarts. The follower fails if the server has not responded for `PATIENCE`.

use std::{collections::VecDeque, time::Duration};

use reqwest::{Method, Response, header::ACCEPT};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Client, ClientError,
    error::opened,
    sse::{SseEvent, SseParser},
    transport,
};
use crate::{
    event::Event,
    log::{CLOSED_EVENT, END_EVENT, LogChunk, LogQuery},
    paths::{self, fill},
};

const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Longest accepted event in bytes. All events of this API are much shorter.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

impl Client {
    /// Follows the log of a worker from a byte offset until the worker has ended. A negative offset counts from the end.
    pub fn log_follow(&self, job: &str, pod_name: &str, attempt: Option<u32>, offset: i64) -> LogFollow {
        let query = LogQuery { attempt, offset: Some(offset), ..LogQuery::default() };
        LogFollow { stream: Stream::new(self, fill(paths::POD_LOG, &[job, pod_name])), query }
    }

    /// Follows the events of a job after the sequence number `after` until the job has ended.
    pub fn event_follow(&self, job: &str, after: u64) -> EventFollow {
        EventFollow { stream: Stream::new(self, fill(paths::EVENT_LIST, &[job])), after }
    }

    /// Reads the log of a worker as raw bytes.
    ///
    /// # Errors
    /// As for every call.
    pub async fn log_raw(&self, job: &str, pod_name: &str, attempt: Option<u32>) -> Result<RawLog, ClientError> {
        let query = LogQuery { attempt, ..LogQuery::default() };
        let path = fill(paths::POD_LOG, &[job, pod_name]);
        let sent = self.send(self.request(Method::GET, &path).query(&query).header(ACCEPT, "text/plain")).await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        if response.status() == 200 {
            return Ok(RawLog { client: self.clone(), path, query, response });
        }
        Err(self.refusal(response).await)
    }

    /// The error for a response that should have been a stream.
    async fn refusal(&self, response: Response) -> ClientError {
        let why = "a successful response without the requested stream".to_owned();
        let address = self.base.clone();
        self.open(response).await.err().unwrap_or(ClientError::BadAnswer { address, why })
    }
}

/// A log as raw bytes, read in pieces.
#[derive(Debug)]
pub struct RawLog {
    client: Client,
    path: String,
    query: LogQuery,
    response: Response,
}

impl RawLog {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the connection is lost, or the server cuts it because the key has ended.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.response.chunk().await {
            Ok(piece) => Ok(piece.map(|bytes| bytes.to_vec())),
            Err(error) => Err(self.why_cut(&error).await),
        }
    }

    /// A cut connection says nothing, but a new call shows whether the server refuses the key.
    async fn why_cut(&self, error: &reqwest::Error) -> ClientError {
        let again = LogQuery { limit: Some(1), ..self.query };
        match self.client.get::<LogChunk>(&self.path, &again).await {
            Err(refused @ ClientError::Server { status: 401 | 403 | 404, .. }) => refused,
            _ => self.client.unreachable(error),
        }
    }
}

/// A log that is being followed.
#[derive(Debug)]
pub struct LogFollow {
    stream: Stream,
    query: LogQuery,
}

impl LogFollow {
    /// Requests the times of the lines as well.
    #[must_use]
    pub fn with_times(mut self) -> Self {
        self.query.times = Some(true);
        self
    }

    /// The next piece; `None` after the last piece of an ended worker. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the server refuses the call or has not responded for a minute.
    pub async fn next(&mut self) -> Result<Option<LogChunk>, ClientError> {
        loop {
            let Some(event) = self.stream.next(&self.query).await? else {
                return Ok(None);
            };
            let chunk: LogChunk = match self.stream.read(&event) {
                Err(_) if event.name == END_EVENT => return Ok(None),
                read => read?,
            };
            self.query.offset = i64::try_from(chunk.next_offset).ok();
            if !chunk.text.is_empty() || chunk.skipped.is_some() {
                return Ok(Some(chunk));
            }
        }
    }
}

/// The events of a job that is being followed.
#[derive(Debug)]
pub struct EventFollow {
    stream: Stream,
    after: u64,
}

impl EventFollow {
    /// The next event; `None` after the last event of an ended job. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the server refuses the call or has not responded for a minute.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        let query = [("after", self.after)];
        let Some(event) = self.stream.next(&query).await? else {
            return Ok(None);
        };
        let event: Event = match self.stream.read(&event) {
            Err(_) if event.name == END_EVENT => return Ok(None),
            read => read?,
        };
        self.after = event.sequence;
        Ok(Some(event))
    }
}

/// A stream of server-sent events that is opened again when it breaks.
#[derive(Debug)]
struct Stream {
    client: Client,
    path: String,
    open: Option<Open>,
    last_id: Option<String>,
    ready: VecDeque<SseEvent>,
    ended: bool,
    failing_since: Option<Instant>,
    pause: Duration,
}

#[derive(Debug)]
struct Open {
    response: Response,
    parser: SseParser,
}

impl Stream {
    fn new(client: &Client, path: String) -> Self {
        Self {
            client: client.clone(),
            path,
            open: None,
            last_id: None,
            ready: VecDeque::new(),
            ended: false,
            failing_since: None,
            pause: FIRST_PAUSE,
        }
    }

    /// The next event; `None` after the final event of the stream. `query` has the position from which to open the stream.
    async fn next(&mut self, query: &impl serde::Serialize) -> Result<Option<SseEvent>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.name == CLOSED_EVENT {
                    return Err(self.closed(&event));
                }
                if event.id.is_some() {
                    self.last_id.clone_from(&event.id);
                }
                self.ended = event.name == END_EVENT;
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            if let Err(error) = self.advance(query).await {
                self.open = None;
                self.wait_before_retry(error).await?;
            }
        }
    }

    /// The reason why the server has closed the stream for good.
    fn closed(&self, event: &SseEvent) -> ClientError {
        let address = self.client.base.clone();
        let why = "the last event of a stream says nothing".to_owned();
        opened(&address, 401, &event.data).err().unwrap_or(ClientError::BadAnswer { address, why })
    }

    /// Opens the stream if it is closed, else reads the next bytes from it.
    async fn advance(&mut self, query: &impl serde::Serialize) -> Result<(), ClientError> {
        let Some(open) = &mut self.open else {
            self.open = Some(self.reopen(query).await?);
            return Ok(());
        };
        let silent = || ClientError::Unreachable {
            address: self.client.base.clone(),
            why: "the stream is silent; check whether the server is overloaded".to_owned(),
        };
        let piece = timeout(transport::SILENCE_LIMIT, open.response.chunk()).await.map_err(|_| silent())?;
        let Some(bytes) = piece.map_err(|error| self.client.unreachable(&error))? else {
            return Err(ClientError::Unreachable {
                address: self.client.base.clone(),
                why: "the stream ended early; check whether the server is restarting".to_owned(),
            });
        };
        self.ready.extend(open.parser.feed(&bytes));
        if open.parser.incomplete_bytes() > LARGEST_EVENT {
            let why = "an event is too long".to_owned();
            return Err(ClientError::BadAnswer { address: self.client.base.clone(), why });
        }
        self.failing_since = None;
        self.pause = FIRST_PAUSE;
        Ok(())
    }

    async fn reopen(&self, query: &impl serde::Serialize) -> Result<Open, ClientError> {
        let mut request = self.client.request(Method::GET, &self.path).query(query);
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        let sent = self.client.send(request.header(ACCEPT, "text/event-stream"));
        let answered = timeout(transport::CALL_LIMIT, sent).await.map_err(|_| ClientError::Unreachable {
            address: self.client.base.clone(),
            why: "no response in time; check whether the server is overloaded".to_owned(),
        })?;
        let response = answered.map_err(|error| self.client.unreachable(&error))?;
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match response.status() == 200 && kind.starts_with("text/event-stream") {
            true => Ok(Open { response, parser: SseParser::default() }),
            false => Err(self.client.refusal(response).await),
        }
    }

    /// Waits before the next try. Returns the error if a retry cannot help or has failed for too long.
    async fn wait_before_retry(&mut self, error: ClientError) -> Result<(), ClientError> {
        let is_temporary =
            matches!(error, ClientError::Unreachable { .. } | ClientError::Server { status: 429 | 503, .. });
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !is_temporary || since.elapsed() > PATIENCE {
            return Err(error);
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, event: &SseEvent) -> Result<T, ClientError> {
        serde_json::from_str(&event.data).map_err(|error| ClientError::BadAnswer {
            address: self.client.base.clone(),
            why: format!(
                "an event has an unexpected form ({error}); check that client and server have the same version"
            ),
        })
    }
}

//! Following what grows: logs and events as server-sent events, through lost connections, and raw logs.
//!
//! A follower remembers where it is and asks for what comes after, so nothing is lost or shown twice when the server is
//! restarted meanwhile. It gives up when the server has not answered for `PATIENCE`.

use std::{collections::VecDeque, time::Duration};

use reqwest::{Method, Response, header::ACCEPT};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Client, ClientError,
    sse::{SseEvent, SseParser},
    transport,
};
use crate::{
    event::Event,
    log::{END_EVENT, LogChunk, LogQuery},
    paths::{self, fill},
};

const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// No event of this API comes near it; more is another program's stream.
const LARGEST_EVENT: usize = 16 * 1024 * 1024;

impl Client {
    /// Follows a worker's log from `offset` (negative: from the end) until the worker has ended.
    pub fn log_follow(&self, job: &str, pod_name: &str, attempt: Option<u32>, offset: i64) -> LogFollow {
        let query = LogQuery { attempt, offset: Some(offset), ..LogQuery::default() };
        LogFollow { stream: Stream::new(self, fill(paths::POD_LOG, &[job, pod_name])), query }
    }

    /// Follows what happens to a job, after the event numbered `after`, until the job has ended.
    pub fn event_follow(&self, job: &str, after: u64) -> EventFollow {
        EventFollow { stream: Stream::new(self, fill(paths::EVENT_LIST, &[job])), after }
    }

    /// A worker's log as the bytes it wrote.
    ///
    /// # Errors
    /// As any call.
    pub async fn log_raw(&self, job: &str, pod_name: &str, attempt: Option<u32>) -> Result<RawLog, ClientError> {
        let query = LogQuery { attempt, ..LogQuery::default() };
        let request = self.request(Method::GET, &fill(paths::POD_LOG, &[job, pod_name])).query(&query);
        let response = request.header(ACCEPT, "text/plain").send().await.map_err(|error| self.unreachable(&error))?;
        if response.status() == 200 {
            return Ok(RawLog { client: self.clone(), response });
        }
        Err(self.refusal(response).await)
    }

    /// The failure that an answer is which should have been a stream.
    async fn refusal(&self, response: Response) -> ClientError {
        let why = "a success without the stream that was asked for".to_owned();
        let address = self.base.clone();
        self.open(response).await.err().unwrap_or(ClientError::BadAnswer { address, why })
    }
}

/// A log as raw bytes, piece by piece.
#[derive(Debug)]
pub struct RawLog {
    client: Client,
    response: Response,
}

impl RawLog {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let piece = self.response.chunk().await.map_err(|error| self.client.unreachable(&error))?;
        Ok(piece.map(|bytes| bytes.to_vec()))
    }
}

/// A worker's log as it grows.
#[derive(Debug)]
pub struct LogFollow {
    stream: Stream,
    query: LogQuery,
}

impl LogFollow {
    /// The same with the times of the lines.
    #[must_use]
    pub fn with_times(mut self) -> Self {
        self.query.times = Some(true);
        self
    }

    /// The next piece; `None` when the worker has ended and all was read. May be dropped while it waits.
    ///
    /// # Errors
    /// When the server refuses, or has not answered for a minute.
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

/// What happens to a job, as it happens.
#[derive(Debug)]
pub struct EventFollow {
    stream: Stream,
    after: u64,
}

impl EventFollow {
    /// The next event; `None` when the job has ended and all were read. May be dropped while it waits.
    ///
    /// # Errors
    /// When the server refuses, or has not answered for a minute.
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

/// One stream of server-sent events, opened anew when it breaks.
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

    /// The next event; `None` after the one that ends the stream. `query` says where to begin when the stream is opened.
    async fn next(&mut self, query: &impl serde::Serialize) -> Result<Option<SseEvent>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
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
                self.wait_out(error).await?;
            }
        }
    }

    /// Opens the stream where it is not, or takes the next bytes from it.
    async fn advance(&mut self, query: &impl serde::Serialize) -> Result<(), ClientError> {
        let Some(open) = &mut self.open else {
            self.open = Some(self.reopen(query).await?);
            return Ok(());
        };
        let silent = || ClientError::Unreachable {
            address: self.client.base.clone(),
            why: "the stream is silent; is the server overloaded?".to_owned(),
        };
        let piece = timeout(transport::SILENCE_LIMIT, open.response.chunk()).await.map_err(|_| silent())?;
        let Some(bytes) = piece.map_err(|error| self.client.unreachable(&error))? else {
            return Err(ClientError::Unreachable {
                address: self.client.base.clone(),
                why: "the stream ended early; is the server being restarted?".to_owned(),
            });
        };
        self.ready.extend(open.parser.feed(&bytes));
        if open.parser.held() > LARGEST_EVENT {
            let why = "an event without an end".to_owned();
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
        let sent = request.header(ACCEPT, "text/event-stream").send();
        let answered = timeout(transport::CALL_LIMIT, sent).await.map_err(|_| ClientError::Unreachable {
            address: self.client.base.clone(),
            why: "it took too long; is it overloaded?".to_owned(),
        })?;
        let response = answered.map_err(|error| self.client.unreachable(&error))?;
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match response.status() == 200 && kind.starts_with("text/event-stream") {
            true => Ok(Open { response, parser: SseParser::default() }),
            false => Err(self.client.refusal(response).await),
        }
    }

    /// Waits before the next try, or gives up: at once where trying again cannot help.
    async fn wait_out(&mut self, error: ClientError) -> Result<(), ClientError> {
        let passing = matches!(error, ClientError::Unreachable { .. } | ClientError::Server { status: 429 | 503, .. });
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if !passing || since.elapsed() > PATIENCE {
            return Err(error);
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, event: &SseEvent) -> Result<T, ClientError> {
        serde_json::from_str(&event.data).map_err(|error| ClientError::BadAnswer {
            address: self.client.base.clone(),
            why: format!("an event is not what this version expects ({error}); are client and server of one version?"),
        })
    }
}

//! HTTP/1.1 as far as a load driver needs it: a request is bytes made beforehand, an answer is a status and a body of a
//! length that its head names.
//!
//! A full client would take as much of the two cores as the server whose speed is in question.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The bytes of a request with the key's text, and a body where there is one.
pub(crate) fn request(method: &str, target: &str, key: &str, body: Option<&str>) -> Vec<u8> {
    let body_head = match body {
        Some(body) => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
        None => String::new(),
    };
    let body = body.unwrap_or_default();
    format!("{method} {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n{body_head}\r\n{body}")
        .into_bytes()
}

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer; its body lies in the connection until the next call.
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            let got = self.stream.read_buf(&mut self.read).await?;
            ensure!(got > 0, "the connection was closed in the middle of an answer");
            if let Some(head) = head(&self.read)? {
                let end = head.length + head.body;
                while self.read.len() < end {
                    let got = self.stream.read_buf(&mut self.read).await?;
                    ensure!(got > 0, "the connection was closed in the middle of a body");
                }
                let body = self.read.get(head.length..end).unwrap_or_default();
                return Ok(Answer { status: head.status, body });
            }
        }
    }
}

struct Head {
    status: u16,
    /// Of the head itself.
    length: usize,
    /// Of what follows it.
    body: usize,
}

fn head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let named = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let Some(named) = named else {
        bail!("the answer does not say how long it is");
    };
    let body = std::str::from_utf8(named.value)?.parse()?;
    Ok(Some(Head { status: response.code.unwrap_or_default(), length, body }))
}

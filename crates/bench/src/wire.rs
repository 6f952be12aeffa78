//! HTTP/1.1 as far as a load driver needs it: a request is prepared bytes, a response is a status and a body with
//! `Content-Length`.
//!
//! A full client would use as much CPU time on the two cores as the measured server.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The bytes of a request with this key and, if given, this body.
pub(crate) fn request(method: &str, target: &str, key: &str, body: Option<&str>) -> Vec<u8> {
    let body_head = match body {
        Some(body) => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
        None => String::new(),
    };
    let body = body.unwrap_or_default();
    format!("{method} {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n{body_head}\r\n{body}")
        .into_bytes()
}

/// A connection that stays open for all its calls.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response; its body is valid until the next call on the connection.
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

    /// Sends a request and reads the whole response.
    pub(crate) async fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            let got = self.stream.read_buf(&mut self.read).await?;
            ensure!(got > 0, "the connection was closed before the end of a response");
            if let Some(head) = head(&self.read)? {
                let end = head.length + head.body;
                while self.read.len() < end {
                    let got = self.stream.read_buf(&mut self.read).await?;
                    ensure!(got > 0, "the connection was closed before the end of a body");
                }
                let body = self.read.get(head.length..end).unwrap_or_default();
                return Ok(Answer { status: head.status, body });
            }
        }
    }
}

struct Head {
    status: u16,
    /// Bytes of the head itself.
    length: usize,
    /// Bytes of the body after it.
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
        bail!("the response has no Content-Length");
    };
    let body = std::str::from_utf8(named.value)?.parse()?;
    Ok(Some(Head { status: response.code.unwrap_or_default(), length, body }))
}

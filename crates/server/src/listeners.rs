//! The sockets on which the API listens: an address of the network, a Unix socket in the data directory, and a further one
//! for all accounts of this host.
//!
//! A service manager may pass listening sockets to the server. It then holds them over restarts, so that no other process
//! takes the port while the server is down.

mod unix_socket;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use listenfd::ListenFd;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
};
use trainyard_engine::peer::Peer;

use crate::{
    accounts::{Door, LocalPeer, Origin},
    config::Config,
    data_dir::SOCKET_FILE,
    failure::ServeError,
};

/// A socket that accepts connections.
#[derive(Debug)]
pub enum Listener {
    /// On an address of the network.
    Network(TcpListener),
    /// On a path of this host.
    Local(UnixListener, Door),
}

/// All sockets of a server.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The sockets, in no order.
    pub all: Vec<Listener>,
    /// The paths of the Unix sockets that this process has created.
    pub paths: Vec<PathBuf>,
}

/// The sockets that the service manager has passed to this process.
#[derive(Debug, Default)]
pub struct Inherited {
    network: Vec<std::net::TcpListener>,
    local: Vec<std::os::unix::net::UnixListener>,
}

/// An accepted connection of any kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Inherited {
    /// Takes the sockets that the variables `LISTEN_FDS` and `LISTEN_PID` announce. No child of this process inherits them.
    ///
    /// Error: a descriptor is not a stream socket of TCP or of a Unix path.
    pub fn take() -> Result<Self, ServeError> {
        let mut passed = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..passed.len() {
            if let Ok(Some(listener)) = passed.take_unix_listener(index) {
                inherited.local.push(listener);
                continue;
            }
            let network = passed.take_tcp_listener(index).map_err(|error| {
                ServeError::Config(format!("LISTEN_FDS: {error}; pass only TCP and Unix stream sockets"))
            })?;
            inherited.network.extend(network);
        }
        Ok(inherited)
    }
}

impl Listeners {
    /// Creates the sockets of a configuration. Inherited sockets take the place of configured ones of their kind. The caller
    /// holds the lock of the data directory.
    ///
    /// Errors: `Listen` if the address, `Files` if a path cannot be used.
    pub async fn bind(config: &Config, inherited: Inherited) -> Result<Self, ServeError> {
        let failed = |error| ServeError::Listen { address: config.listen.clone(), error };
        let mut listeners = Self::default();
        if inherited.network.is_empty() {
            let address =
                config.listen_address().map_err(|message| ServeError::Config(format!("listen: {message}")))?;
            listeners.all.push(Listener::Network(TcpListener::bind(address).await.map_err(failed)?));
        }
        for listener in inherited.network {
            listener.set_nonblocking(true).map_err(failed)?;
            listeners.all.push(Listener::Network(TcpListener::from_std(listener).map_err(failed)?));
        }
        let public = config.socket.as_ref().filter(|_| inherited.local.is_empty());
        for listener in inherited.local {
            listener.set_nonblocking(true).map_err(failed)?;
            listeners.all.push(Listener::Local(UnixListener::from_std(listener).map_err(failed)?, Door::Public));
        }
        let own = config.data_dir.join(SOCKET_FILE);
        let paths = [Some((&own, Door::DataDir)), public.map(|path| (path, Door::Public))];
        for (path, door) in paths.into_iter().flatten() {
            listeners.all.push(Listener::Local(unix_socket::bind(path, door)?, door));
            listeners.paths.push(path.clone());
        }
        Ok(listeners)
    }

    /// The first address of the network.
    pub fn address(&self) -> io::Result<Option<SocketAddr>> {
        let network = self.all.iter().find_map(|listener| match listener {
            Listener::Network(listener) => Some(listener.local_addr()),
            Listener::Local(..) => None,
        });
        network.transpose()
    }
}

impl Listener {
    /// The next connection, and where it comes from.
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Origin)> {
        match self {
            Self::Network(listener) => {
                let (stream, address) = listener.accept().await?;
                // Events must not wait for more of them.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Origin::Network(address)))
            }
            Self::Local(listener, door) => {
                let (stream, _) = listener.accept().await?;
                let peer = LocalPeer::new(Peer::of(&stream)?, *door);
                Ok((Box::new(stream), Origin::Local(Arc::new(peer))))
            }
        }
    }
}

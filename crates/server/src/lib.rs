//! The server: configuration, API keys, use cases, loops, and the HTTP API.
//!
//! The server's memory holds no truth: everything that it knows is in the store, in the engines or in the
//! configuration. It can be killed at any line; the next pass of a loop continues from the rows.

pub mod accounts;
pub mod app;
pub mod backup;
pub mod blocked_folders;
pub mod caller;
pub mod centres;
pub mod clock;
pub mod config;
pub mod connections;
mod data_dir;
pub mod failure;
pub mod gpus;
pub mod http;
pub mod jobs;
pub mod keys;
mod lifecycle;
pub mod listeners;
pub mod logs;
pub mod loops;
pub mod queue;
pub mod secrets;
pub mod storages;
pub mod templates;
pub mod vault;

pub use app::App;
pub use data_dir::{DATABASE, SOCKET_FILE, URL_FILE};
pub use failure::ServeError;
pub use lifecycle::{Server, assemble, run};

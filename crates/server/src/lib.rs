//! Puts it together: configuration, who may do what, use cases, loops, and the HTTP door.
//!
//! The server's memory holds no truth: everything it knows is in the store, in the engine, or in the configuration.
//! Kill it at any line and the next pass carries on.

pub mod app;
pub mod backup;
pub mod centres;
pub mod clock;
pub mod config;
mod data_dir;
pub mod failure;
pub mod gpus;
pub mod http;
pub mod jobs;
pub mod keys;
mod lifecycle;
pub mod loops;
pub mod queue;
pub mod storages;
mod telemetry;
pub mod templates;

pub use app::App;
pub use data_dir::{DATABASE, URL_FILE};
pub use failure::ServeError;
pub use lifecycle::{Server, assemble, run};

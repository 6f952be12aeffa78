//! Puts it together: configuration, who may do what, use cases, loops, and the HTTP door.
//!
//! The server's memory holds no truth: everything it knows is in the store, in the engine, or in the configuration.
//! Kill it at any line and the next pass carries on.

pub mod app;
pub mod backup;
pub mod centres;
pub mod clock;
pub mod config;
pub mod failure;
pub mod gpus;
pub mod http;
pub mod jobs;
pub mod keys;
mod lifecycle;
mod lock;
pub mod loops;
mod private_file;
pub mod queue;
pub mod retention_clock;
pub mod storages;
mod telemetry;
pub mod templates;
mod wait_timers;

pub use app::App;
pub use lifecycle::{DATABASE, ServeError, Server, URL_FILE, app as assemble, run};

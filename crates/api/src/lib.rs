//! The wire contract: every body, query, path and answer by its published name, and a typed client that speaks it.
//!
//! Names on the wire live here and nowhere else, odd spellings included. The crate knows none of the others: it can be
//! used by any program that talks to a Trainyard server. Doc comments on the types become the public documentation.
//!
//! One rule holds for every answer: **a field that has no value (yet) is left out, never `null`**; lists and maps are
//! always there, empty where there is nothing. In bodies, `null` says the same as leaving the field out, except in a
//! job's overrides, where it unsets the template's value.

pub mod centre;
pub mod client;
pub mod envelope;
pub mod event;
pub mod failures;
pub mod job;
pub mod key;
pub mod log;
pub mod page;
pub mod paths;
pub mod pod;
pub mod spec;
pub mod template;

pub use client::{Answer, Client, ClientError};
pub use envelope::{Code, Empty, Envelope, Failure, FailureData, FieldFault};
pub use page::{Page, PageQuery};

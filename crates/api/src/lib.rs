//! The wire contract: every body, query, path and response by its published name, and a typed client.
//!
//! Names on the wire are defined only here, including odd spellings. The crate depends on no other crate of Trainyard, so
//! any program that calls a Trainyard server can use it. Doc comments on the types are the public documentation.
//!
//! Rule for every response: **a field without a value is left out, never `null`**; lists and maps are always present,
//! possibly empty. In a request body, `null` means the same as leaving the field out, except in the overrides of a job,
//! where it unsets the value of the template.

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
pub mod secret;
pub mod spec;
pub mod template;

pub use client::{Access, Answer, Client, ClientError};
pub use envelope::{Code, Empty, Envelope, Failure, FailureData, FieldFault};
pub use page::{Page, PageQuery};

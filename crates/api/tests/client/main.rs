//! The client against a server with scripted responses: errors, results, and streams that break.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation ends the test")]

mod calls;
mod follow;
mod script;

//! The command as scripts see it: exit codes, what stands on which output, and whom it talks to.
#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod answers;
mod exits;
mod one_answer;

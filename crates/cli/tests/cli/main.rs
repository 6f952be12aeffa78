//! The command as scripts see it: exit codes, standard output and standard error, and the servers that it calls.
#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod answers;
mod exits;
mod one_answer;

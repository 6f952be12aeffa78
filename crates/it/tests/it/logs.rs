//! The logs of workers: read by offset, followed, searched, capped, and removed after the retention.

mod cap;
mod complete;
mod follow;
mod line_times;
mod many_followers;
mod read;
mod retention;
mod search;

//! The logs of workers: by offset, followed, capped, and raw.

mod cap;
mod complete;
mod follow;
mod line_times;
mod many_followers;
mod read;
mod retention;
mod search;

//! The logs of workers: by offset, followed, capped, and raw.

mod cap;
mod crowd;
mod follow;
mod kept;
mod ports;
mod read;
mod search;
mod whole;

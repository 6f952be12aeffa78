//! The logs of all workers: watching their pipes, retrying writes to a full disk, and the last drain.

use std::{
    collections::BTreeMap,
    io::{self, PipeReader},
    time::{Duration, Instant},
};

use super::{
    pump::{Flow, Pump},
    watch::Watch,
};

/// The size of the read buffer in bytes.
const BUFFER: usize = 64 * 1024;

/// The pause before a log on a full disk is written again.
const BLOCKED_PAUSE: Duration = Duration::from_millis(500);

/// One pump for each rank that has a process.
#[derive(Debug)]
pub(super) struct Outputs {
    pumps: BTreeMap<u32, Pump>,
    buffer: Vec<u8>,
    blocked_until: Option<Instant>,
}

impl Outputs {
    /// The outputs of log files that have no pipes yet.
    pub(super) fn new(pumps: BTreeMap<u32, Pump>) -> Self {
        Self { pumps, buffer: vec![0; BUFFER], blocked_until: None }
    }

    /// Connects the pipe of this rank and watches it.
    pub(super) fn connect(&mut self, rank: u32, pipe: PipeReader, watch: &Watch) -> io::Result<()> {
        let Some(pump) = self.pumps.get_mut(&rank) else { return Ok(()) };
        pump.connect(pipe)?;
        pump.pipe().map_or(Ok(()), |pipe| watch.watch_output(rank, pipe))
    }

    /// Copies what this rank has printed.
    pub(super) fn take(&mut self, rank: u32, watch: &Watch) {
        let Some(pump) = self.pumps.get_mut(&rank) else { return };
        if pump.copy(&mut self.buffer) == Flow::Blocked {
            if let Some(pipe) = pump.pipe() {
                watch.unwatch(pipe);
            }
            self.blocked_until = Some(Instant::now() + BLOCKED_PAUSE);
        }
    }

    /// Writes the blocked logs again, if their pause is over.
    pub(super) fn retry(&mut self, now: Instant, watch: &Watch) {
        if self.blocked_until.is_none_or(|until| now < until) {
            return;
        }
        self.blocked_until = None;
        for (rank, pump) in self.pumps.iter_mut().filter(|(_, pump)| pump.is_blocked()) {
            if pump.copy(&mut self.buffer) == Flow::Blocked {
                self.blocked_until = Some(now + BLOCKED_PAUSE);
            } else if let Some(Err(error)) = pump.pipe().map(|pipe| watch.watch_output(*rank, pipe)) {
                super::log_error(&format!("cannot watch the output of rank {rank}: {error}"));
            }
        }
    }

    /// The next time at which [`Outputs::retry`] has something to do.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.blocked_until
    }

    /// Copies all that is left in the pipes, also into the reserve of the disk; an error if the disk has no room for it.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        for pump in self.pumps.values_mut() {
            pump.use_reserve();
            let flow = loop {
                match pump.copy(&mut self.buffer) {
                    Flow::Open => {}
                    flow => break flow,
                }
            };
            if flow == Flow::Blocked {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }
}

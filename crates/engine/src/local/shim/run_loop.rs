//! The main loop of the shim: waits for output, exits, stop requests and deadlines, handles them, and records changes.
//!
//! Exits are handled in the order in which they happened, so that the rank that failed first is named and not one that
//! failed because of it. For this, the pidfds of the main processes are in one epoll set, which lists them in the order
//! in which they became ready, while `wait` lists children by age.

use std::{
    collections::BTreeMap,
    io::Read as _,
    os::fd::AsFd as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{Timespec, poll},
    io::Errno,
    process::{WaitOptions, WaitStatus, wait},
};
use trainyard_domain::attempt::Exit;

use super::{
    gang::Gang,
    outputs::Outputs,
    ready::Ready,
    report::Report,
    survey::Surveyor,
    watch::{Source, Watch},
    while_doing,
    worker::{self, Begun, Change},
};
use crate::{
    WorkerLaunch,
    local::{
        mark::Mark,
        notify,
        record::{self, StopRequest},
    },
};

/// The shortest and the longest pause between two scans for processes that must end.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The pause before the end is written again on a full disk.
const FULL_PAUSE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// How often the last output is tried before the end is reported without it.
const TRIES: u32 = 5;

/// How often the epoll set is read for the exits of reaped processes; one read returns at most 64 events.
const HEARINGS: usize = 16;

/// A run of an attempt.
pub(super) struct RunLoop {
    ready: Ready,
    gang: Gang,
    surveyor: Surveyor,
    report: Report,
    watch: Watch,
    outputs: Outputs,
    /// Ranks by the pids of their main processes, until these are reaped.
    mains: BTreeMap<u32, u32>,
    /// Ranks in the order in which their main processes exited, until the exits are handled.
    order: Vec<u32>,
    /// Exits of reaped main processes by rank, until the exits are handled.
    exits: BTreeMap<u32, Exit>,
    /// Whether this process has a child. It adopts every orphan below it, so without a child it has no descendant.
    has_children: bool,
    /// Whether the server has sent a notification since the stop request was last read.
    poked: bool,
    /// The grace in seconds of a stop request that came through the FIFO, because the disk had no room for it.
    told: Option<u32>,
    survey_at: Instant,
    pause: Duration,
}

impl RunLoop {
    /// Writes `started` and starts all workers.
    pub(super) fn begin(mut ready: Ready) -> Result<Self, String> {
        let pumps = std::mem::take(&mut ready.pumps);
        let launch = &ready.launch;
        let ranks = launch.workers.iter().filter(|worker| worker.process).map(|worker| worker.rank);
        let watch = Watch::new(ready.children.as_fd(), ready.ctl.as_fd());
        let mut live = Self {
            gang: Gang::new(ranks, Duration::from_secs(launch.stop_grace_seconds.into())),
            surveyor: Surveyor::new(Mark::new(launch.job.clone(), launch.attempt), ready.is_first),
            report: Report::new(&ready),
            watch: watch.map_err(while_doing("creating the epoll set"))?,
            outputs: Outputs::new(pumps),
            mains: BTreeMap::new(),
            order: Vec::new(),
            exits: BTreeMap::new(),
            has_children: false,
            poked: false,
            told: None,
            survey_at: Instant::now(),
            pause: PAUSES.0,
            ready,
        };
        live.ready.mark_started()?;
        // A stop request may have been written before the FIFO was open for the notification that follows it.
        live.read_wish();
        if !live.gang.stopped() {
            live.start_all();
        }
        Ok(live)
    }

    /// Runs until no process is left and the end is recorded.
    pub(super) fn until_the_end(mut self) -> Result<(), String> {
        self.reap();
        loop {
            self.settle_exits()?;
            // After the exits: an exit that was seen before the request was read cannot result from it.
            if std::mem::take(&mut self.poked) {
                self.read_wish();
            }
            self.survey();
            let now = Instant::now();
            if self.gang.all_exited() && !self.anybody_left() {
                self.report.is_over(now);
                return self.finish();
            }
            if self.gang.is_ending() {
                self.report.is_ending();
            }
            self.report.write_soon(&self.gang, now);
            self.take_events(self.timeout(now))?;
        }
    }

    /// Starts all workers or none: if one cannot be started, those before it are killed.
    fn start_all(&mut self) {
        let launch = &self.ready.launch;
        let own_dir = self.ready.shown.job().unwrap_or(&self.ready.shown.0).join("work");
        let work_dir = own_dir.join(launch.work_dir.as_deref().unwrap_or_default());
        if let Err(sentence) = self.ready.enter_space() {
            let first = launch.workers.iter().find(|worker| worker.process).map_or(0, |worker| worker.rank);
            return self.could_not_start(first, sentence);
        }
        for worker in launch.workers.iter().filter(|worker| worker.process) {
            let begun = match self.start(&work_dir, worker) {
                Ok(begun) => begun,
                Err(sentence) => return self.could_not_start(worker.rank, sentence),
            };
            self.gang.began(worker.rank);
            self.surveyor.began(begun.pid, worker.rank);
            self.mains.insert(begun.pid, worker.rank);
            let end = self.watch.end_of(worker.rank, begun.pid);
            self.report.began(worker.rank, self.ready.pid_outside(begun.pid, self.watch.pidfd(worker.rank)));
            let output = self.outputs.connect(worker.rank, begun.output, &self.watch);
            if let Err(error) = end.and(output) {
                super::complain(&format!("cannot watch rank {}: {error}", worker.rank));
            }
        }
        self.report.all_started(Instant::now());
    }

    fn start(&self, work_dir: &Path, worker: &WorkerLaunch) -> Result<Begun, String> {
        let entry = self.ready.groups.as_ref().map(|groups| groups.entry(worker.rank)).transpose();
        let entry = entry.map_err(while_doing("opening the worker's control groups"))?;
        let space = self.ready.space.as_ref();
        let change = Change { entry: entry.as_ref(), run_as: space.and_then(|space| space.run_as.as_ref()) };
        worker::start(&self.ready.launch.command, work_dir, worker, change)
    }

    fn could_not_start(&mut self, rank: u32, sentence: String) {
        self.report.exited(rank, Exit::CouldNotStart(sentence), None);
        self.gang.could_not_start(rank, Instant::now());
    }

    fn take_events(&mut self, timeout: Option<Duration>) -> Result<(), String> {
        let sources = self.watch.wait(timeout).map_err(while_doing("waiting"))?;
        let mut ended = sources.is_empty();
        for source in sources {
            match source {
                Source::Children => {
                    let mut news = [0; 64];
                    while matches!(self.ready.children.read(&mut news), Ok(count) if count > 0) {}
                    ended = true;
                }
                Source::Ctl => {
                    self.told = StopRequest::told(&notify::take(&self.ready.ctl)).or(self.told);
                    self.poked = true;
                }
                Source::End(rank) => {
                    self.order.push(rank);
                    ended = true;
                }
                Source::Output(rank) => self.outputs.take(rank, &self.watch),
            }
        }
        self.outputs.retry(Instant::now(), &self.watch);
        if ended {
            self.reap();
        }
        Ok(())
    }

    /// Reaps every child that has ended, adopted ones too.
    fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    let pid = pid.as_raw_nonzero().get().unsigned_abs();
                    if let Some(rank) = self.mains.remove(&pid) {
                        self.surveyor.reaped(pid);
                        self.exits.insert(rank, exit(status));
                    }
                }
                Ok(None) => break self.has_children = true,
                Err(Errno::INTR) => {}
                // There are no children.
                Err(_) => break self.has_children = false,
            }
        }
    }

    fn settle_exits(&mut self) -> Result<(), String> {
        if self.exits.is_empty() {
            return Ok(());
        }
        self.hear_all()?;
        self.obey(|wish| wish.is_enforced);
        let now = Instant::now();
        let heard = std::mem::take(&mut self.order);
        // An exit has no event if the pidfd could not be opened; those come last.
        let unheard: Vec<u32> = self.exits.keys().filter(|rank| !heard.contains(rank)).copied().collect();
        for rank in heard.into_iter().chain(unheard) {
            match self.exits.remove(&rank) {
                Some(exit) => {
                    self.gang.exited(rank, &exit, now);
                    let oom_kills = self.ready.groups.as_ref().and_then(|groups| groups.oom_kills(rank));
                    self.report.exited(rank, exit, oom_kills);
                }
                // The process has exited and is not reaped yet: a debugger gets its status first.
                None => self.order.push(rank),
            }
        }
        self.hurry(now);
        Ok(())
    }

    /// Collects the exit events of all that were reaped: their pidfds are ready, and other ready sources stay ready.
    fn hear_all(&mut self) -> Result<(), String> {
        for _ in 0..HEARINGS {
            if self.exits.keys().all(|rank| self.order.contains(rank)) {
                break;
            }
            let sources = self.watch.wait(Some(Duration::ZERO)).map_err(while_doing("waiting"))?;
            self.order.extend(sources.into_iter().filter_map(|source| match source {
                Source::End(rank) => Some(rank),
                _ => None,
            }));
        }
        Ok(())
    }

    /// Scans for processes that must end, if there may be some and the pause is over.
    fn survey(&mut self) {
        let now = Instant::now();
        if now < self.survey_at || !self.wants_survey() {
            return;
        }
        if let Err(error) = self.surveyor.tell(&mut self.gang, self.ready.groups.as_deref(), now) {
            super::complain(&format!("cannot list the processes: {error}"));
        }
        let deadline = self.gang.next_deadline(now);
        self.survey_at = deadline.map_or(now + self.pause, |deadline| deadline.min(now + self.pause));
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// Whether any process is left below this one or in the attempt's control groups.
    fn anybody_left(&self) -> bool {
        self.has_children || self.ready.groups.as_ref().is_some_and(|groups| groups.are_populated())
    }

    /// Whether there may be processes that must end.
    fn wants_survey(&self) -> bool {
        self.gang.wants_survey() && self.anybody_left()
    }

    fn hurry(&mut self, now: Instant) {
        (self.survey_at, self.pause) = (now, PAUSES.0);
    }

    fn read_wish(&mut self) {
        if let Some(grace_seconds) = self.told.take() {
            self.end_within(grace_seconds);
        }
        self.obey(|_| true);
    }

    fn obey(&mut self, minds: impl FnOnce(&StopRequest) -> bool) {
        match record::read::<StopRequest>(&self.ready.dir.stop()) {
            Ok(Some(wish)) if minds(&wish) => self.end_within(wish.grace_seconds),
            Ok(_) => {}
            Err(error) => super::complain(&format!("stop.json {error}")),
        }
    }

    fn end_within(&mut self, grace_seconds: u32) {
        let now = Instant::now();
        self.gang.stop(Duration::from_secs(grace_seconds.into()), now);
        self.hurry(now);
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let survey = self.wants_survey().then_some(self.survey_at);
        let next = [survey, self.outputs.retry_at(), self.report.retry_at()].into_iter().flatten().min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Removes the control groups, empties the pipes, writes the end, releases the lock and notifies the server, in this
    /// order: a server that learns of the end finds complete logs and a free directory. Only if the disk stays full, the
    /// end is reported first: the job that filled the disk must end, and its last output is written when there is room.
    fn finish(mut self) -> Result<(), String> {
        if let Some(Err(error)) = self.ready.groups.as_ref().map(|groups| groups.remove()) {
            super::complain(&format!("cannot remove the control groups: {error}"));
        }
        let mut tries = 0;
        loop {
            let drained = self.outputs.drain();
            let told =
                if drained.is_ok() || tries >= TRIES { self.report.write(&self.gang, Instant::now()) } else { Ok(()) };
            match drained.and(told) {
                Ok(()) => break,
                Err(_) if !self.ready.dir.launch().exists() => {
                    return Err("the attempt's directory was deleted".to_owned());
                }
                Err(_) => {
                    if tries >= TRIES {
                        self.report.wake_server();
                    }
                    tries += 1;
                    let _ = poll(&mut [], Some(&FULL_PAUSE));
                }
            }
        }
        drop(self.ready.lock);
        self.report.give_up_room();
        self.report.wake_server();
        Ok(())
    }
}

fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        // The shim waits neither for stops nor for continuations.
        (None, None) => Exit::CouldNotStart(format!("its wait status is unknown: {status:?}")),
    }
}

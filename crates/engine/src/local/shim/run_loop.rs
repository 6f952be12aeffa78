//! The main loop of the shim: waits for output, exits, stop requests and deadlines, handles them, and records changes.
//!
//! Exits are handled in the order in which they happened, so that the rank that failed first is named and not one that
//! failed because of it. For this, the pidfds of the main processes are in one epoll set, which lists them in the order
//! in which they became ready, while `wait` lists children by age.

use std::{
    borrow::Cow,
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
use trainyard_domain::{attempt::Exit, secret::SecretText};

use super::{
    descendants::Descendants,
    gang::Gang,
    outputs::Outputs,
    prepare::Prepared,
    report::Report,
    watch::{Source, Watch},
    while_doing,
    worker::{self, ChildSetup, StartedWorker},
};
use crate::{
    WorkerLaunch,
    local::{
        env_tag::EnvTag,
        notify,
        record::{self, StopRequest},
        sandbox::CgroupView,
    },
};

/// The shortest and the longest pause between two scans for processes that must end.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The pause before the end is written again on a full disk.
const FULL_PAUSE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// How often the last output is tried before the end is reported without it.
const DRAIN_TRIES: u32 = 5;

/// How often the epoll set is read for the exits of reaped processes; one read returns at most 64 events.
const EXIT_READS: usize = 16;

/// A run of an attempt.
pub(super) struct RunLoop {
    prepared: Prepared,
    gang: Gang,
    descendants: Descendants,
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
    notified: bool,
    /// The grace in seconds of a stop request that came through the FIFO, because the disk had no room for it.
    fifo_grace: Option<u32>,
    scan_at: Instant,
    pause: Duration,
}

impl RunLoop {
    /// Writes `started` and starts all workers.
    pub(super) fn start(mut prepared: Prepared) -> Result<Self, String> {
        let pumps = std::mem::take(&mut prepared.pumps);
        let launch = &prepared.launch;
        let ranks = launch.workers.iter().filter(|worker| worker.process).map(|worker| worker.rank);
        let watch = Watch::new(prepared.children.as_fd(), prepared.ctl.as_fd());
        let mut run_loop = Self {
            gang: Gang::new(ranks, Duration::from_secs(launch.stop_grace_seconds.into())),
            descendants: Descendants::new(EnvTag::new(launch.job.clone(), launch.attempt), prepared.is_pid1),
            report: Report::new(&prepared),
            watch: watch.map_err(while_doing("creating the epoll set"))?,
            outputs: Outputs::new(pumps),
            mains: BTreeMap::new(),
            order: Vec::new(),
            exits: BTreeMap::new(),
            has_children: false,
            notified: false,
            fifo_grace: None,
            scan_at: Instant::now(),
            pause: PAUSES.0,
            prepared,
        };
        run_loop.prepared.write_started()?;
        // A stop request may have been written before the FIFO was open for the notification that follows it.
        run_loop.read_stop_request();
        if !run_loop.gang.stopped() {
            run_loop.start_all();
        }
        Ok(run_loop)
    }

    /// Runs until no process is left and the end is recorded.
    pub(super) fn run(mut self) -> Result<(), String> {
        self.reap();
        loop {
            self.settle_exits()?;
            // After the exits: an exit that was seen before the request was read cannot result from it.
            if std::mem::take(&mut self.notified) {
                self.read_stop_request();
            }
            self.scan();
            let now = Instant::now();
            if self.gang.all_exited() && !self.has_processes() {
                self.report.ended(now);
                return self.finish();
            }
            if self.gang.is_ending() {
                self.report.ending();
            }
            self.report.write_soon(&self.gang, now);
            self.take_events(self.timeout(now))?;
        }
    }

    /// Starts all workers or none: if one cannot be started, those before it are killed.
    fn start_all(&mut self) {
        // Once the workers have started, the shim needs the secrets no more.
        let secrets = std::mem::take(&mut self.prepared.launch.secrets);
        let launch = &self.prepared.launch;
        let own_dir = self.prepared.visible_dir.job().unwrap_or(&self.prepared.visible_dir.0).join("work");
        let work_dir = own_dir.join(launch.work_dir.as_deref().unwrap_or_default());
        let view = match self.prepared.enter_sandbox() {
            Ok(view) => view,
            Err(why) => {
                let first = launch.workers.iter().find(|worker| worker.process).map_or(0, |worker| worker.rank);
                return self.start_failed(first, why);
            }
        };
        for worker in launch.workers.iter().filter(|worker| worker.process) {
            let started = match self.start_worker(&work_dir, worker, &secrets, view.as_ref()) {
                Ok(started) => started,
                Err(why) => return self.start_failed(worker.rank, why),
            };
            self.gang.started(worker.rank);
            self.descendants.started(started.pid, worker.rank);
            self.mains.insert(started.pid, worker.rank);
            let exit = self.watch.watch_exit(worker.rank, started.pid);
            self.report.started(worker.rank, self.prepared.host_pid(started.pid, self.watch.pidfd(worker.rank)));
            let output = self.outputs.connect(worker.rank, started.output, &self.watch);
            if let Err(error) = exit.and(output) {
                super::log_error(&format!("cannot watch rank {}: {error}", worker.rank));
            }
        }
        self.report.all_started(Instant::now());
    }

    fn start_worker(
        &self,
        work_dir: &Path,
        worker: &WorkerLaunch,
        secrets: &[(String, SecretText)],
        view: Option<&CgroupView>,
    ) -> Result<StartedWorker, String> {
        let entry = self.prepared.groups.as_ref().map(|groups| groups.entry(worker.rank)).transpose();
        let entry = entry.map_err(while_doing("opening the worker's control groups"))?;
        let sandbox = self.prepared.sandbox.as_ref();
        let run_as = sandbox.and_then(|sandbox| sandbox.run_as.as_ref());
        let setup = ChildSetup { entry: entry.as_ref(), view, run_as };
        let launch = &self.prepared.launch;
        let mut env = launch.shared.of_rank(worker.rank, &worker.env);
        env.extend(secrets.iter().map(|(name, text)| (name.as_str(), Cow::Borrowed(text.reveal()))));
        worker::start(&launch.command, work_dir, &env, setup)
    }

    fn start_failed(&mut self, rank: u32, why: String) {
        self.report.exited(rank, Exit::CouldNotStart(why), None);
        self.gang.start_failed(rank, Instant::now());
    }

    fn take_events(&mut self, timeout: Option<Duration>) -> Result<(), String> {
        let sources = self.watch.wait(timeout).map_err(while_doing("waiting"))?;
        let mut ended = sources.is_empty();
        for source in sources {
            match source {
                Source::Children => {
                    let mut buffer = [0; 64];
                    while matches!(self.prepared.children.read(&mut buffer), Ok(count) if count > 0) {}
                    ended = true;
                }
                Source::Ctl => {
                    self.fifo_grace = StopRequest::from_fifo(&notify::drain(&self.prepared.ctl)).or(self.fifo_grace);
                    self.notified = true;
                }
                Source::Exit(rank) => {
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
                        self.descendants.reaped(pid);
                        self.exits.insert(rank, exit_of(status));
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
        self.collect_exits()?;
        self.apply_stop_file(|request| request.is_enforced);
        let now = Instant::now();
        let ordered = std::mem::take(&mut self.order);
        // An exit has no event if the pidfd could not be opened; those come last.
        let unordered: Vec<u32> = self.exits.keys().filter(|rank| !ordered.contains(rank)).copied().collect();
        for rank in ordered.into_iter().chain(unordered) {
            match self.exits.remove(&rank) {
                Some(exit) => {
                    self.gang.exited(rank, &exit, now);
                    let oom_kills = self.prepared.groups.as_ref().and_then(|groups| groups.oom_kills(rank));
                    self.report.exited(rank, exit, oom_kills);
                }
                // The process has exited and is not reaped yet: a debugger gets its status first.
                None => self.order.push(rank),
            }
        }
        self.scan_now(now);
        Ok(())
    }

    /// Collects the exit events of all that were reaped: their pidfds are ready, and other ready sources stay ready.
    fn collect_exits(&mut self) -> Result<(), String> {
        for _ in 0..EXIT_READS {
            if self.exits.keys().all(|rank| self.order.contains(rank)) {
                break;
            }
            let sources = self.watch.wait(Some(Duration::ZERO)).map_err(while_doing("waiting"))?;
            self.order.extend(sources.into_iter().filter_map(|source| match source {
                Source::Exit(rank) => Some(rank),
                _ => None,
            }));
        }
        Ok(())
    }

    /// Scans for processes that must end, if there may be some and the pause is over.
    fn scan(&mut self) {
        let now = Instant::now();
        if now < self.scan_at || !self.needs_scan() {
            return;
        }
        if let Err(error) = self.descendants.signal(&mut self.gang, self.prepared.groups.as_deref(), now) {
            super::log_error(&format!("cannot list the processes: {error}"));
        }
        let deadline = self.gang.next_deadline(now);
        self.scan_at = deadline.map_or(now + self.pause, |deadline| deadline.min(now + self.pause));
        self.pause = (self.pause * 2).min(PAUSES.1);
    }

    /// Whether any process is left below this one or in the attempt's control groups.
    fn has_processes(&self) -> bool {
        self.has_children || self.prepared.groups.as_ref().is_some_and(|groups| groups.has_processes())
    }

    /// Whether there may be processes that must end.
    fn needs_scan(&self) -> bool {
        self.gang.needs_scan() && self.has_processes()
    }

    fn scan_now(&mut self, now: Instant) {
        (self.scan_at, self.pause) = (now, PAUSES.0);
    }

    fn read_stop_request(&mut self) {
        if let Some(grace_seconds) = self.fifo_grace.take() {
            self.stop_within(grace_seconds);
        }
        self.apply_stop_file(|_| true);
    }

    fn apply_stop_file(&mut self, applies: impl FnOnce(&StopRequest) -> bool) {
        match record::read::<StopRequest>(&self.prepared.dir.stop()) {
            Ok(Some(request)) if applies(&request) => self.stop_within(request.grace_seconds),
            Ok(_) => {}
            Err(error) => super::log_error(&format!("stop.json {error}")),
        }
    }

    fn stop_within(&mut self, grace_seconds: u32) {
        let now = Instant::now();
        self.gang.stop(Duration::from_secs(grace_seconds.into()), now);
        self.scan_now(now);
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let scan = self.needs_scan().then_some(self.scan_at);
        let next = [scan, self.outputs.retry_at(), self.report.retry_at()].into_iter().flatten().min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Removes the control groups, empties the pipes, writes the end, releases the lock and notifies the server, in this
    /// order: a server that learns of the end finds complete logs and a free directory. Only if the disk stays full, the
    /// end is reported first: the job that filled the disk must end, and its last output is written when there is room.
    fn finish(mut self) -> Result<(), String> {
        if let Some(Err(error)) = self.prepared.groups.as_ref().map(|groups| groups.remove()) {
            super::log_error(&format!("cannot remove the control groups: {error}"));
        }
        let mut tries = 0;
        loop {
            let drained = self.outputs.drain();
            let reported = if drained.is_ok() || tries >= DRAIN_TRIES {
                self.report.write(&self.gang, Instant::now())
            } else {
                Ok(())
            };
            match drained.and(reported) {
                Ok(()) => break,
                Err(_) if !self.prepared.dir.launch().exists() => {
                    return Err("the attempt's directory was deleted".to_owned());
                }
                Err(_) => {
                    if tries >= DRAIN_TRIES {
                        self.report.notify_server();
                    }
                    tries += 1;
                    let _ = poll(&mut [], Some(&FULL_PAUSE));
                }
            }
        }
        drop(self.prepared.lock);
        self.report.delete_reserved();
        self.report.notify_server();
        Ok(())
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        // The shim waits neither for stops nor for continuations.
        (None, None) => Exit::CouldNotStart(format!("its wait status is unknown: {status:?}")),
    }
}

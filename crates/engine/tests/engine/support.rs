//! A data directory with a local engine, short ways to launch, and waiting until a condition holds.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use trainyard_domain::{
    attempt::{Exit, WorkerFact},
    id::JobId,
    launch::SharedEnv,
    time::{Span, WallTime},
};
use trainyard_engine::{
    Engine, EngineError, Handle, Launch, LaunchFile, LocalHost as _, Observed, WorkerLaunch, WorkerUser,
    local::{CapacityOverride, DEFAULT_LOG_CAP, LocalEngine, Settings, kill_method::KillMethod},
};

/// Far longer than any test takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The program that runs the shim.
pub(crate) const SHIM: &str = env!("CARGO_BIN_EXE_trainyard-shim-for-tests");

/// A data directory, an engine on it, and the id of one job. Dropping it kills what is left of the job.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) engine: LocalEngine,
    pub(crate) job: JobId,
    /// The user that its launches name.
    pub(crate) user: WorkerUser,
    adjust: fn(&mut Settings),
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A world with an engine that has other settings.
    pub(crate) fn with(adjust: fn(&mut Settings)) -> Self {
        Self::with_in(&std::env::temp_dir(), adjust)
    }

    /// A world with its data directory below this one.
    pub(crate) fn new_in(above: &Path) -> Self {
        Self::with_in(above, |_| {})
    }

    /// A world for each user that jobs can run as on this host: the server's own, an account, and an id without an account.
    pub(crate) fn of_each_user() -> Vec<Self> {
        let server = Self::new();
        let is_isolated = !server.engine.describe().isolation.starts_with("NOT");
        let others = match nix::unistd::geteuid().is_root() && is_isolated {
            true => {
                vec![WorkerUser::Account("nobody".to_owned()), WorkerUser::Id { id: 200_123, name: "alice".to_owned() }]
            }
            false => Vec::new(),
        };
        let others = others.into_iter().map(Self::of_user);
        [server].into_iter().chain(others).collect()
    }

    /// A world with jobs that run as this user.
    pub(crate) fn of_user(user: WorkerUser) -> Self {
        if user == WorkerUser::Server {
            return Self::new();
        }
        let mut world = Self::with(|settings| settings.other_users = true);
        world.user = user;
        world
    }

    fn with_in(above: &Path, adjust: fn(&mut Settings)) -> Self {
        let dir = tempfile::Builder::new().prefix("trainyard-").rand_bytes(10).tempdir_in(above).unwrap();
        let name = dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches("trainyard-");
        let job = JobId::from_random(name.as_bytes().try_into().unwrap());
        let engine = adjusted(dir.path(), SHIM, adjust);
        Self { dir, engine, job, user: WorkerUser::Server, adjust }
    }

    /// The engine as a restarted server creates it.
    pub(crate) fn restarted(&self) -> LocalEngine {
        adjusted(self.dir.path(), SHIM, self.adjust)
    }

    /// A file in the job's own directory, which is also where its commands run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.engine.paths(&self.job, 1).work_dir.join(name)
    }

    pub(crate) fn attempt_dir(&self) -> PathBuf {
        self.engine.paths(&self.job, 1).attempt_dir
    }

    pub(crate) fn touch(&self, name: &str) {
        fs::write(self.file(name), "").unwrap();
    }

    pub(crate) async fn appears(&self, name: &str) {
        let file = self.file(name);
        until(name, || file.exists()).await;
    }

    /// A launch of this command with this number of workers.
    pub(crate) fn plan(&self, command: &str, workers: u32) -> Launch {
        Launch { user: self.user.clone(), ..plan(&self.job, command, workers) }
    }

    pub(crate) async fn launch(&self, command: &str, workers: u32) -> Handle {
        self.engine.launch(&self.plan(command, workers)).await.unwrap()
    }

    pub(crate) async fn observe(&self, handle: &Handle) -> Observed {
        observe(&self.engine, handle).await
    }

    /// Waits until all workers have started; returns them.
    pub(crate) async fn running(&self, handle: &Handle) -> Vec<WorkerFact> {
        until_some("running", || async {
            match self.observe(handle).await {
                Observed::Running { started: Some(_), workers, .. } => Some(workers),
                Observed::NotStarted | Observed::Running { .. } => None,
                other => panic!("it does not run: {other:?}\n{}", self.shim_log()),
            }
        })
        .await
    }

    /// Waits for the end of the run.
    pub(crate) async fn end(&self, handle: &Handle) -> End {
        end(&self.engine, handle).await
    }

    /// Launches and waits for the end.
    pub(crate) async fn run(&self, command: &str, workers: u32) -> End {
        let handle = self.launch(command, workers).await;
        self.end(&handle).await
    }

    pub(crate) fn log(&self, rank: u32) -> String {
        String::from_utf8_lossy(&fs::read(self.log_path(1, rank)).unwrap_or_default()).into_owned()
    }

    /// The file of a worker's log.
    pub(crate) fn log_path(&self, attempt: u32, rank: u32) -> PathBuf {
        self.engine.logs(&self.job, attempt, rank).path().unwrap().to_owned()
    }

    /// The messages of the shim itself, for failed tests.
    pub(crate) fn shim_log(&self) -> String {
        fs::read_to_string(self.attempt_dir().join("shim.log")).unwrap_or_default()
    }

    /// The shim's pid, from its own record.
    pub(crate) fn shim(&self) -> i32 {
        let text = fs::read_to_string(self.attempt_dir().join("started")).unwrap();
        let started: serde_json::Value = serde_json::from_str(&text).unwrap();
        started["shim"]["pid"].as_i64().unwrap().try_into().unwrap()
    }

    /// Waits until the engine has reaped the shim of an ended attempt, as it does while it observes.
    pub(crate) async fn wait_until_reaped(&self, handle: &Handle) {
        let shim = self.shim();
        until_some("reaped", || async {
            self.observe(handle).await;
            state(shim).is_none().then_some(())
        })
        .await;
    }

    /// The pids of all existing processes of this job, by the tag in their environment.
    pub(crate) fn processes(&self) -> Vec<i32> {
        tagged(&self.job)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for pid in self.processes() {
            signal(pid, Signal::SIGKILL);
        }
        // A failed test may have left the groups of a killed shim: a starting server removes them.
        if crate::groups::of(self.dir.path()).iter().any(|dir| dir.exists()) {
            drop(engine(self.dir.path(), SHIM));
        }
    }
}

/// The end of a run, as the engine reports it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) started: Option<WallTime>,
    pub(crate) ended: WallTime,
    pub(crate) running: Span,
    pub(crate) workers: Vec<WorkerFact>,
    pub(crate) first_failure: Option<u32>,
    pub(crate) stopped: bool,
}

impl End {
    pub(crate) fn exits(&self) -> Vec<Option<Exit>> {
        self.workers.iter().map(|worker| worker.exit.clone()).collect()
    }
}

pub(crate) fn engine(data: &Path, shim: &str) -> LocalEngine {
    adjusted(data, shim, |_| {})
}

/// An engine with jobs that run as other users, if that is possible.
pub(crate) fn engine_with_other_users(data: &Path) -> Result<LocalEngine, EngineError> {
    LocalEngine::new(Settings { other_users: true, ..settings(data, SHIM) })
}

fn adjusted(data: &Path, shim: &str, adjust: fn(&mut Settings)) -> LocalEngine {
    let mut settings = settings(data, shim);
    adjust(&mut settings);
    LocalEngine::new(settings).unwrap()
}

fn settings(data: &Path, shim: &str) -> Settings {
    Settings {
        data_dir: data.to_owned(),
        shim_program: shim.into(),
        shim_args: vec!["shim".to_owned()],
        port_range: 20_000..=29_999,
        pass_env: Vec::new(),
        log_cap: DEFAULT_LOG_CAP,
        nvidia_smi: "/no/such/nvidia-smi".into(),
        capacity: CapacityOverride { gpus: Some(Vec::new()), ..CapacityOverride::default() },
        base_env: [("PATH".to_owned(), std::env::var("PATH").unwrap())].into(),
        limits: true,
        other_users: false,
        pids_per_worker: 32_768,
        strongest_kill_method: KillMethod::default(),
    }
}

pub(crate) fn plan(job: &JobId, command: &str, workers: u32) -> Launch {
    let worker = |rank: u32| {
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("TRAINYARD_JOB_ID", job.to_string()),
            ("TRAINYARD_ATTEMPT", "1".to_owned()),
            ("TRAINYARD_RANK", rank.to_string()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).into();
        WorkerLaunch { rank, pod_name: format!("{job}-{rank}"), process: true, env }
    };
    Launch {
        job: job.clone(),
        attempt: 1,
        command: command.to_owned(),
        work_dir: None,
        stop_grace_seconds: 30,
        limits: None,
        files: Vec::<LaunchFile>::new(),
        shared: SharedEnv::default(),
        workers: (0..workers).map(worker).collect(),
        secrets: Vec::new(),
        mounts: Vec::new(),
        user: WorkerUser::Server,
        hidden: Vec::new(),
        sealed: Vec::new(),
        request: None,
    }
}

pub(crate) async fn observe(engine: &dyn Engine, handle: &Handle) -> Observed {
    engine.observe(std::slice::from_ref(handle)).await.remove(0).unwrap()
}

pub(crate) async fn end(engine: &dyn Engine, handle: &Handle) -> End {
    until_some("the end", || async {
        match observe(engine, handle).await {
            Observed::Waiting { .. } | Observed::Running { .. } => None,
            Observed::Ended { started, ended, running, workers, first_failure, stopped } => {
                Some(End { started, ended, running, workers, first_failure, stopped })
            }
            other => panic!("it has not ended: {other:?}"),
        }
    })
    .await
}

pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    until_some(what, || async { is_so().then_some(()) }).await;
}

pub(crate) async fn until_some<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn tagged(job: &JobId) -> Vec<i32> {
    let tag = format!("TRAINYARD_JOB_ID={job}");
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_tagged = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == tag.as_bytes())
    };
    entries.filter(is_tagged).collect()
}

/// The state letter of a process in `/proc`; `None` if there is no such process.
pub(crate) fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

pub(crate) fn pid(worker: &WorkerFact) -> i32 {
    worker.pid.unwrap().try_into().unwrap()
}

/// Runs these tests of this program again as an ordinary user, which may create namespaces and has no other rights.
/// Only root can do that. Returns the exit status and the output.
pub(crate) fn as_ordinary(tests: &[&str]) -> (ExitStatus, String) {
    let dir = TempDir::new().unwrap();
    nix::unistd::chown(dir.path(), Some(65534.into()), Some(65534.into())).unwrap();
    let done = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(tests)
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status, said)
}

/// A part of `/proc` that containers cover. No pid namespace is used where it is covered.
pub(crate) const COVERED: &str = "/proc/timer_list";

/// Runs these tests of this program again as this user, where a part of `/proc` is covered. Returns the exit status and
/// the output; `None` if this user cannot cover it.
pub(crate) fn with_covered_proc(user: u32, tests: &[&str]) -> Option<(ExitStatus, String)> {
    if !nix::unistd::geteuid().is_root() || !Path::new(COVERED).exists() {
        return None;
    }
    let (dir, cover) = (TempDir::new().unwrap(), format!("mount --bind /dev/null {COVERED} && exec \"$@\""));
    nix::unistd::chown(dir.path(), Some(user.into()), Some(user.into())).unwrap();
    let done = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &cover, "sh"])
        .args(["setpriv", "--reuid", &user.to_string(), "--regid", &user.to_string(), "--clear-groups", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(tests)
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    Some((done.status, String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)))
}

//! A Slurm cluster for comparison: one node, its own key and ports, and the configuration with the highest throughput
//! found on this kind of machine.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::time::Timespec;

const PATIENCE: Duration = Duration::from_secs(60);
/// Threads that submit jobs at the same time; each submission runs the program `sbatch`.
const SUBMITTERS: u64 = 4;

/// A running cluster; dropping it ends its daemons.
pub(super) struct Slurm {
    dir: PathBuf,
    daemons: Vec<Child>,
}

impl Slurm {
    /// Starts the cluster. Fails if Slurm is not installed or this process is not root.
    pub(super) async fn start(dir: &Path) -> anyhow::Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "only root can start the daemons of Slurm");
        ensure!(Path::new("/usr/sbin/slurmctld").exists(), "Slurm is not installed (scripts/test-deps.sh installs it)");
        for folder in ["state", "spool", "work"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        // munged refuses to serve from a folder that other users cannot enter.
        for folder in dir.ancestors().take(2) {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(dir.join("munge.key"), fs::read("/proc/sys/kernel/random/uuid")?.repeat(4))?;
        fs::set_permissions(dir.join("munge.key"), fs::Permissions::from_mode(0o600))?;
        fs::write(dir.join("slurm.conf"), configuration(dir)?)?;
        let mut slurm = Self { dir: dir.to_owned(), daemons: Vec::new() };
        let file = |option: &str, name: &str| format!("--{option}={}", dir.join(name).display());
        let munge = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            file("key-file", "munge.key"),
            file("socket", "munge.sock"),
            file("pid-file", "munge.pid"),
            file("log-file", "munge.log"),
            file("seed-file", "munge.seed"),
        ];
        slurm.spawn("/usr/sbin/munged", &munge)?;
        slurm.until("munged", |slurm| slurm.dir.join("munge.sock").exists()).await?;
        let conf = dir.join("slurm.conf").display().to_string();
        slurm.spawn("/usr/sbin/slurmctld", &["-D", "-c", "-f", &conf].map(str::to_owned))?;
        slurm.spawn("/usr/sbin/slurmd", &["-D", "-N", "n1", "-f", &conf].map(str::to_owned))?;
        slurm
            .until("the node of Slurm", |slurm| {
                slurm.ask("sinfo", &["-h", "-N", "-o", "%t"]).is_ok_and(|state| state.trim() == "idle")
            })
            .await?;
        Ok(slurm)
    }

    /// Submits a job of one core with this command.
    pub(super) fn submit(&self, command: &str) -> anyhow::Result<()> {
        self.ask("sbatch", &["--parsable", "-n1", "--output=out-%j", "--wrap", command]).map(drop)
    }

    /// Jobs per second, from the first submission to the end of the last job.
    pub(super) fn rate(&self, jobs: u64) -> anyhow::Result<f64> {
        let start = Instant::now();
        thread::scope(|scope| {
            let submit = || (0..jobs / SUBMITTERS).try_for_each(|_| self.submit("true"));
            let all: Vec<_> = (0..SUBMITTERS).map(|_| scope.spawn(submit)).collect();
            all.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a submitter failed"))?)
        })?;
        while !self.ask("squeue", &["-h", "-o", "%i"])?.trim().is_empty() {
            ensure!(start.elapsed() < PATIENCE, "the jobs of Slurm did not end within {PATIENCE:?}");
            let _ = rustix::thread::nanosleep(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 });
        }
        Ok(jobs as f64 / start.elapsed().as_secs_f64())
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("SLURM_CONF", self.dir.join("slurm.conf"));
        let done =
            command.current_dir(self.dir.join("work")).output().with_context(|| format!("cannot run {program}"))?;
        if !done.status.success() {
            bail!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn spawn(&mut self, program: &str, arguments: &[String]) -> anyhow::Result<()> {
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.dir.join("slurm.conf"));
        self.daemons.push(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        Ok(())
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let start = Instant::now();
        while !holds(self) {
            ensure!(start.elapsed() < PATIENCE, "{what} did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn configuration(dir: &Path) -> anyhow::Result<String> {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_str()?.split('.').next().unwrap_or_default().to_owned();
    let held = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let [control, node] = [held[0].local_addr()?.port(), held[1].local_addr()?.port()];
    let dir = dir.display();
    Ok(format!(
        "ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={dir}/munge.sock
CredType=cred/munge
SlurmctldPort={control}
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool/%n
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd.%n.pid
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1,bf_continue,default_queue_depth=2000,bf_max_job_test=2000
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
DefMemPerCPU=100
SlurmctldDebug=error
SlurmdDebug=error
EpilogMsgTime=0
CompleteWait=0
KillWait=5
MinJobAge=300
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={node} CPUs=64 RealMemory=65000 State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES MaxTime=INFINITE State=UP
"
    ))
}

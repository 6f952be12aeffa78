//! A Slurm cluster for one test: four nodes on this host with their own key, ports and folders.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{caller::until, processes};

const NODES: usize = 4;
/// The GPUs of each node. Slurm wants device files, and only counts them.
const GPUS: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random"];

/// A running cluster. On drop it ends with all its jobs.
pub(crate) struct Cluster {
    daemons: Vec<Child>,
    dir: TempDir,
}

/// The end of a job: its state and its output.
pub(crate) struct Ended {
    /// The state in Slurm's words, such as `COMPLETED`.
    pub(crate) state: String,
    /// The output of the script and its workers.
    pub(crate) output: String,
}

impl Cluster {
    /// Starts the daemons and waits until all nodes accept jobs.
    pub(crate) async fn start() -> Self {
        assert!(rustix::process::geteuid().is_root(), "Slurm's daemons can only be started by root");
        let dir = TempDir::new().unwrap();
        // munged refuses a folder that other users cannot enter.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["state", "spool", "work"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        configure(dir.path());
        let mut cluster = Self { daemons: Vec::new(), dir };
        cluster.start_munge();
        until(async || fs::metadata(cluster.path("munge.sock"))).await;
        let conf = cluster.path("slurm.conf");
        cluster.spawn("/usr/sbin/slurmctld", &["-D", "-c", "-f", &conf]);
        for node in 1..=NODES {
            cluster.spawn("/usr/sbin/slurmd", &["-D", "-N", &format!("n{node}"), "-f", &conf]);
        }
        until(async || cluster.all_idle()).await;
        cluster
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn start_munge(&mut self) {
        let option_for = |option: &str, name: &str| format!("--{option}={}", self.path(name));
        let options = [
            option_for("key-file", "munge.key"),
            option_for("socket", "munge.sock"),
            option_for("pid-file", "munge.pid"),
            option_for("log-file", "munge.log"),
            option_for("seed-file", "munge.seed"),
        ];
        let options: Vec<&str> =
            ["--foreground", "--force"].into_iter().chain(options.iter().map(String::as_str)).collect();
        self.spawn("/usr/sbin/munged", &options);
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.path("slurm.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("{program}: {error}: run scripts/test-deps.sh, which installs it"));
        self.daemons.push(child);
    }

    fn all_idle(&self) -> Result<(), String> {
        let states = String::from_utf8(self.run("sinfo", &["-h", "-N", "-o", "%t"]).stdout).unwrap();
        let idle = states.lines().filter(|state| *state == "idle").count();
        if idle == NODES { Ok(()) } else { Err(format!("{states}\n{}", self.log_tails())) }
    }

    /// Returns the last lines of the daemons' logs, for messages.
    fn log_tails(&self) -> String {
        let logs = ["munge.log", "slurmctld.log", "slurmd.n1.log"];
        let tail = |log: &&str| {
            let text = fs::read_to_string(self.path(log)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(5).collect();
            format!("{log}: {}", lines.join("\n    "))
        };
        logs.iter().map(tail).collect::<Vec<_>>().join("\n")
    }

    /// Runs a Slurm client in the folder of the jobs, for at most 20 s.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "20", program]).args(arguments);
        // Without the variables of a Slurm job that may run this test.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", "/root")
            .env("SLURM_CONF", self.path("slurm.conf"));
        command.env("SUBMITTER_ONLY", "1").current_dir(self.path("work")).output().unwrap()
    }

    fn script_file(&self, script: &str) -> String {
        let folder = self.dir.path().join("work");
        let number = fs::read_dir(&folder).unwrap().count();
        let file = folder.join(format!("script{number}"));
        fs::write(&file, script).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// Asserts that Slurm would run this script.
    #[track_caller]
    pub(crate) fn accepts(&self, script: &str) {
        let done = self.run("sbatch", &["--test-only", &self.script_file(script)]);
        let stderr = String::from_utf8_lossy(&done.stderr);
        let head: String = script.chars().take(2000).collect();
        assert!(done.status.success() && stderr.contains("to start at"), "{stderr}\n{head}");
    }

    /// Submits a script and returns the job's number.
    #[track_caller]
    pub(crate) fn submit(&self, script: &str) -> String {
        let done = self.run("sbatch", &["--parsable", &self.script_file(script)]);
        assert!(done.status.success(), "{}\n{script}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// Waits for the end of a job.
    pub(crate) async fn wait_for_end(&self, job: &str) -> Ended {
        let state = until(async || {
            let shown = self.run("scontrol", &["show", "job", "-o", job]);
            let shown = String::from_utf8(shown.stdout).unwrap();
            let state = shown.split(' ').find_map(|pair| pair.strip_prefix("JobState="));
            let state = state.unwrap_or_default().to_owned();
            let is_live = ["", "PENDING", "CONFIGURING", "RUNNING", "COMPLETING"].contains(&state.as_str());
            if is_live { Err(format!("{shown}\n{}", self.log_tails())) } else { Ok(state) }
        });
        let state = state.await;
        let output = fs::read_to_string(self.in_work(&format!("slurm-{job}.out"))).unwrap_or_default();
        Ended { state, output }
    }

    /// Returns the path of a file in the folder of the jobs.
    pub(crate) fn in_work(&self, name: &str) -> String {
        self.path(&format!("work/{name}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        // Processes of jobs outlive their daemon; all of them have this cluster's configuration in their environment.
        let conf = self.path("slurm.conf");
        for _ in 0..100 {
            let left = processes::with_variable("SLURM_CONF", |file| file == conf);
            if left.is_empty() {
                return;
            }
            left.into_iter().for_each(|pid| {
                processes::signal(pid, Signal::KILL);
            });
        }
    }
}

/// Returns free ports, found by the kernel while all of them are bound.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn configure(dir: &Path) {
    let key: Vec<u8> = fs::read("/proc/sys/kernel/random/uuid").unwrap().repeat(4);
    fs::write(dir.join("munge.key"), key).unwrap();
    fs::set_permissions(dir.join("munge.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let gres = GPUS.map(|device| format!("NodeName=n[1-{NODES}] Name=gpu Type={MODEL} File={device}\n"));
    fs::write(dir.join("gres.conf"), gres.concat()).unwrap();
    fs::write(dir.join("slurm.conf"), slurm_conf(&dir.display().to_string())).unwrap();
}

/// The GPU model of all nodes, spelled as clients of the published page send it.
pub(crate) const MODEL: &str = "NVIDIA-L40S-PCIE-48G";

fn slurm_conf(dir: &str) -> String {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_str().unwrap().split('.').next().unwrap().to_owned();
    let ports = free_ports(NODES + 1);
    let mut conf = format!(
        "ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={dir}/munge.sock
CredType=cred/munge
SlurmctldPort={}
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
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=100
KillWait=2
",
        ports[NODES]
    );
    for (index, port) in ports.iter().take(NODES).enumerate() {
        conf += &format!(
            "NodeName=n{} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=64 RealMemory=65000 \
             Gres=gpu:{MODEL}:{} State=UNKNOWN\n",
            index + 1,
            GPUS.len()
        );
    }
    conf + &format!("PartitionName=main Nodes=n[1-{NODES}] Default=YES MaxTime=INFINITE State=UP\n")
}

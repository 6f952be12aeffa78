//! Time from the request that creates a job to the first instruction of its command, on an idle server.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{BenchServer, Limits, slurm::Slurm};
use crate::{
    table::{line, millis},
    wire::Connection,
};

const TIMES: usize = 60;
const SLURM_TIMES: usize = 10;
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
/// Pause between two jobs, after which the server is idle again.
const REST: Duration = Duration::from_millis(60);

/// A FIFO to which the command writes with its first instruction.
/// The command uses the `echo` of the shell, so that no other program starts.
struct StartSignal {
    path: PathBuf,
    fifo: File,
}

impl StartSignal {
    fn new(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("start-signal");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_bits_truncate(0o666))?;
        // Also opened for writing, so that reading never reaches the end of the file.
        let fifo = File::options().read(true).write(true).open(&path)?;
        Ok(Self { path, fifo })
    }

    fn command(&self) -> String {
        format!("echo >{}", self.path.display())
    }

    fn received(&mut self) -> anyhow::Result<()> {
        let mut fds = [PollFd::new(&self.fifo, PollFlags::IN)];
        ensure!(poll(&mut fds, Some(&PATIENCE))? > 0, "the command never ran");
        self.fifo.read_exact(&mut [0])?;
        Ok(())
    }
}

/// Measures the bare program, Trainyard without and with limits, and Slurm, and prints the results.
pub(super) async fn measure(program: &Path, dir: &Path, slurm: Option<&Slurm>) -> anyhow::Result<()> {
    let mut signal = StartSignal::new(dir)?;
    line(format!(
        "{:<44}{:>10}{:>10}{:>10}",
        "create to first instruction of the command", "p50 ms", "p99 ms", "to bare"
    ));
    let bare = report("`sh -c` started by a bare program", &mut bare(&mut signal)?, None);
    for (limits, goal) in [(Limits::Off, 15), (Limits::On, 40)] {
        let server = BenchServer::open(program, &dir.join(format!("first-{}", limits.word())), limits, 64).await?;
        let mut times = trainyard(&server, &mut signal).await?;
        let goal = format!("   goal p50 under {goal}");
        report(&format!("Trainyard, {}{goal}", limits.word()), &mut times, Some(bare));
    }
    if let Some(slurm) = slurm {
        let mut times = Vec::new();
        for _ in 0..SLURM_TIMES {
            let start = Instant::now();
            slurm.submit(&signal.command())?;
            signal.received()?;
            times.push(start.elapsed());
            tokio::time::sleep(REST * 5).await;
        }
        report("Slurm, tuned", &mut times, Some(bare));
    }
    Ok(())
}

fn bare(signal: &mut StartSignal) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        let mut child = Command::new("/bin/sh").arg("-c").arg(signal.command()).stdin(Stdio::null()).spawn()?;
        signal.received()?;
        times.push(start.elapsed());
        child.wait()?;
    }
    Ok(times)
}

async fn trainyard(server: &BenchServer, signal: &mut StartSignal) -> anyhow::Result<Vec<Duration>> {
    let create = server.create(&signal.command());
    let mut connection = Connection::open(server.running.address).await?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        let answer = connection.call(&create).await?;
        ensure!(answer.status == 200, "answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        signal.received()?;
        times.push(start.elapsed());
        tokio::time::sleep(REST).await;
    }
    Ok(times)
}

fn report(what: &str, times: &mut [Duration], bare: Option<Duration>) -> Duration {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let (p50, p99) = (at(50), at(99));
    let ratio = bare.map(|bare| format!("{:.1}", p50.as_secs_f64() / bare.as_secs_f64())).unwrap_or_default();
    line(format!("{what:<44}{:>10}{:>10}{ratio:>10}", millis(p50), millis(p99)));
    p50
}

//! From the request that makes a job to the first instruction of its command, on an idle server.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Limits, Yard, peer::Slurm};
use crate::{
    table::{line, millis},
    wire::Connection,
};

const TIMES: usize = 60;
const SLURM_TIMES: usize = 10;
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
/// Between two jobs, so that the server is idle again.
const REST: Duration = Duration::from_millis(60);

/// A FIFO into which a command writes with its first instruction: the shell's own `echo`, no further program.
struct Bell {
    path: PathBuf,
    fifo: File,
}

impl Bell {
    fn new(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("bell");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_bits_truncate(0o666))?;
        // For writing too, so that it never ends.
        let fifo = File::options().read(true).write(true).open(&path)?;
        Ok(Self { path, fifo })
    }

    fn command(&self) -> String {
        format!("echo >{}", self.path.display())
    }

    fn heard(&mut self) -> anyhow::Result<()> {
        let mut fds = [PollFd::new(&self.fifo, PollFlags::IN)];
        ensure!(poll(&mut fds, Some(&PATIENCE))? > 0, "the command never ran");
        self.fifo.read_exact(&mut [0])?;
        Ok(())
    }
}

/// Measures and prints.
pub(super) async fn measure(program: &Path, dir: &Path, slurm: Option<&Slurm>) -> anyhow::Result<()> {
    let mut bell = Bell::new(dir)?;
    line(format!(
        "{:<44}{:>10}{:>10}{:>10}",
        "create to the command's first instruction", "p50 ms", "p99 ms", "to bare"
    ));
    let bare = report("`sh -c` from a bare program", &mut bare(&mut bell)?, None);
    for (limits, goal) in [(Limits::Off, 15), (Limits::On, 40)] {
        let yard = Yard::open(program, &dir.join(format!("first-{}", limits.word())), limits, 64).await?;
        let mut times = ours(&yard, &mut bell).await?;
        let goal = format!("   goal p50 under {goal}");
        report(&format!("Trainyard, {}{goal}", limits.word()), &mut times, Some(bare));
    }
    if let Some(slurm) = slurm {
        let mut times = Vec::new();
        for _ in 0..SLURM_TIMES {
            let start = Instant::now();
            slurm.submit(&bell.command())?;
            bell.heard()?;
            times.push(start.elapsed());
            tokio::time::sleep(REST * 5).await;
        }
        report("Slurm, tuned", &mut times, Some(bare));
    }
    Ok(())
}

fn bare(bell: &mut Bell) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        let mut child = Command::new("/bin/sh").arg("-c").arg(bell.command()).stdin(Stdio::null()).spawn()?;
        bell.heard()?;
        times.push(start.elapsed());
        child.wait()?;
    }
    Ok(times)
}

async fn ours(yard: &Yard, bell: &mut Bell) -> anyhow::Result<Vec<Duration>> {
    let create = yard.create(&bell.command());
    let mut connection = Connection::open(yard.running.address).await?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        let answer = connection.call(&create).await?;
        ensure!(answer.status == 200, "answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        bell.heard()?;
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

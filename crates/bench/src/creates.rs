//! Creates of templates, compared with a no-op handler and with the durable writes of the same disk.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use crate::{
    body::Creates,
    driver::{Measured, drive},
    host::{self, Ticks},
    server::{Running, admin_key},
    table::{grouped, line, millis},
};

const CONNECTIONS: usize = 64;
/// The two programs are measured alternately, so that a slow minute of the machine affects both.
const ROUNDS: u32 = 3;
const WARM_UP: Duration = Duration::from_secs(1);

/// One of the two measured programs and its results.
struct Subject {
    running: Running,
    key: String,
    next: Arc<AtomicU64>,
    total: Option<Measured>,
    /// CPU time of the program during the rounds.
    computed: Duration,
}

impl Subject {
    fn new(running: Running, key: String) -> Self {
        Self { running, key, next: Arc::default(), total: None, computed: Duration::ZERO }
    }

    async fn warm_up(&self) -> anyhow::Result<()> {
        drive(self.running.address, self.loads(), Some(WARM_UP)).await.map(drop)
    }

    async fn round(&mut self, long: Duration) -> anyhow::Result<()> {
        let before = host::computed(self.running.pid())?;
        let measured = drive(self.running.address, self.loads(), Some(long)).await?;
        self.computed += host::computed(self.running.pid())?.saturating_sub(before);
        match &mut self.total {
            Some(total) => total.add(&measured),
            None => {
                self.total = Some(measured);
                Ok(())
            }
        }
    }

    fn loads(&self) -> Vec<Creates> {
        Creates::for_connections(CONNECTIONS, &self.key, &self.next)
    }

    /// Prints the results on one line and returns the creates per second.
    fn report(&self, what: &str) -> f64 {
        let Some(total) = &self.total else {
            return 0.0;
        };
        let per_answer = self.computed.as_secs_f64() * 1e6 / total.answers().max(1) as f64;
        let (p50, p99) = (millis(total.at(0.5)), millis(total.at(0.99)));
        line(format!("{what:<28}{:>10}{p50:>10}{p99:>10}{per_answer:>18.0}", grouped(total.rate())));
        total.rate()
    }
}

/// Measures both programs and prints the comparison.
pub(crate) async fn measure(program: &Path, own: &Path, dir: &Path, seconds: u64) -> anyhow::Result<()> {
    let ticks = Ticks::now()?;
    let data = dir.join("creates");
    let server = Running::trainyard(program, &data).await?;
    let (write, slow_write) = host::durable_write(&data)?;
    let mut server = Subject::new(server, admin_key(&data)?);
    let mut noop = Subject::new(Running::noop(own)?, "none".to_owned());
    noop.warm_up().await?;
    server.warm_up().await?;
    for _ in 0..ROUNDS {
        noop.round(Duration::from_secs(seconds)).await?;
        server.round(Duration::from_secs(seconds)).await?;
    }
    let bytes = Creates::body_bytes();
    line(format!(
        "\nCreates: {CONNECTIONS} connections, body of {bytes} bytes, {ROUNDS} alternating rounds of {seconds} s"
    ));
    line(format!("{:<28}{:>10}{:>10}{:>10}{:>18}", "", "rate/s", "p50 ms", "p99 ms", "CPU µs per call"));
    let fast = noop.report("no-op, parses the body");
    let durable = server.report("template create, durable");
    line(format!("{:<28}{:>10.2}   goal 0.50, at least 0.20", "ratio to the no-op", durable / fast));
    let alone = 1.0 / write.as_secs_f64();
    let (p50, p99) = (millis(write), millis(slow_write));
    line(format!("{:<28}{:>10}{p50:>10}{p99:>10}", "4 KiB write + fdatasync", grouped(alone)));
    line(format!("{:<28}{:>10.1}   creates share one sync", "ratio to one sync per create", durable / alone));
    if let Some(text) = ticks.disturbance(&[noop.running.pid(), server.running.pid()])? {
        line(text);
    }
    Ok(())
}

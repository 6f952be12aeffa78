//! Lists of templates at 1,000 and at many templates: the first page and one in the middle, each with one filter or
//! search, as an admin and as a member of one project. Every response contains the total.

use std::{collections::HashMap, fmt::Write as _, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use trainyard_api::paths;

use crate::{
    driver::{Measured, Same, drive},
    host::Ticks,
    server::{Running, admin_key},
    table::{grouped, line, millis},
    templates::{Fill, PROJECTS},
    wire::{Connection, request},
};

const FEW: u64 = 1000;
const PAGE_SIZE: u64 = 10;
/// One for each core of the reference machine.
const CONNECTIONS: usize = 2;
const FILLERS: usize = 64;
const EACH: Duration = Duration::from_millis(700);
/// With fewer responses than this, p99 is only the slowest response, so the line shows their number.
const ENOUGH: u64 = 100;
const GOAL: Duration = Duration::from_millis(20);

/// Label of each case and its query parameter. A case is skipped if the server does not know the parameter.
const CASES: &[(&str, &str)] = &[
    ("no filter", ""),
    ("framework", "trainingFramwork=PyTorch"),
    ("part of name, common", "name=0"),
    ("part of name, rare", "name=llama 微调 00"),
    ("search, English word", "search=train"),
    ("search, rare word", "search=quantum-annealing"),
    ("search, one character", "search=训"),
    ("search, two characters", "search=训练"),
    ("label", "labels=stage=daily"),
    ("sort by name", "sort=name"),
    ("sort by last use", "sort=lastUsed"),
];

/// Key of a measurement: index of the case, index of the key, and whether it reads the page in the middle.
type Which = (usize, usize, bool);

struct Reader<'a> {
    address: SocketAddr,
    keys: [(&'a str, String); 2],
    templates: u64,
}

/// Measures all cases at both numbers of templates and prints the comparison.
pub(crate) async fn measure(program: &Path, dir: &Path, many: u64) -> anyhow::Result<()> {
    let ticks = Ticks::now()?;
    let data = dir.join("lists");
    let server = Running::trainyard(program, &data).await?;
    let admin = admin_key(&data)?;
    let mut writers = Vec::new();
    for project in PROJECTS {
        writers.push(server.key(&admin, "writer", project, "member").await?);
    }
    let writers = Arc::new(writers);
    let member = server.key(&admin, "reader", "vision", "member").await?;
    let mut reader = Reader { address: server.address, keys: [("admin", admin), ("member", member)], templates: FEW };

    drive(server.address, Fill::for_connections(FILLERS, &writers, &(0..FEW)), None).await?;
    let few = reader.all().await?;
    let filled = drive(server.address, Fill::for_connections(FILLERS, &writers, &(FEW..many)), None).await?;
    reader.templates = many;
    let (count, rate) = (grouped(many), grouped(filled.rate()));
    line(format!(
        "\nLists at {count} templates (created through the API at {rate}/s), {CONNECTIONS} connections; goal p99 under 20 ms"
    ));
    line(format!(
        "{:<26}{:<8}{:>6}{:>10}{:>9}{:>9}{:>16}",
        "", "as", "page", "rows", "p50 ms", "p99 ms", "ratio to 1,000"
    ));
    let many = reader.all().await?;
    reader.report(&few, &many);
    if let Some(text) = ticks.disturbance(&[server.pid()])? {
        line(text);
    }
    Ok(())
}

impl Reader<'_> {
    /// Measures every case that this server supports.
    async fn all(&self) -> anyhow::Result<HashMap<Which, (u64, Measured)>> {
        let mut all = HashMap::new();
        for (case, (_, query)) in CASES.iter().enumerate() {
            for (key_index, (_, key)) in self.keys.iter().enumerate() {
                for deep in [false, true] {
                    let request = request("GET", &self.target(query, deep), key, None);
                    let Some(rows) = self.probe(&request).await? else {
                        continue;
                    };
                    let loads = vec![Same(request); CONNECTIONS];
                    all.insert((case, key_index, deep), (rows, drive(self.address, loads, Some(EACH)).await?));
                }
            }
        }
        Ok(all)
    }

    fn page(&self, deep: bool) -> u64 {
        if deep { self.templates / PAGE_SIZE / 2 } else { 1 }
    }

    fn target(&self, query: &str, deep: bool) -> String {
        let mut target = format!("{}?pageSize={PAGE_SIZE}&pageNo={}", paths::TEMPLATE_LIST, self.page(deep));
        if let Some((name, value)) = query.split_once('=') {
            let _ = write!(target, "&{name}=");
            for byte in value.bytes() {
                let _ = write!(target, "%{byte:02X}");
            }
        }
        target
    }

    /// The total number of rows; `None` if the server does not know the query parameter.
    async fn probe(&self, request: &[u8]) -> anyhow::Result<Option<u64>> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.call(request).await?;
        let status = answer.status;
        let body: Value = serde_json::from_slice(answer.body)?;
        if status == 400 && body.pointer("/data/errors/0/code").and_then(Value::as_str) == Some("unknown_field") {
            return Ok(None);
        }
        ensure!(status == 200, "a list was answered with {status}: {body}");
        Ok(Some(body.pointer("/data/totalRows").and_then(Value::as_u64).context("the list has no totalRows")?))
    }

    fn report(&self, few: &HashMap<Which, (u64, Measured)>, many: &HashMap<Which, (u64, Measured)>) {
        let (mut slow, mut known) = (0, 0);
        for (case, (name, _)) in CASES.iter().enumerate() {
            let mut is_known = false;
            for (key_index, (role, _)) in self.keys.iter().enumerate() {
                for deep in [false, true] {
                    let (Some((_, few)), Some((rows, many))) =
                        (few.get(&(case, key_index, deep)), many.get(&(case, key_index, deep)))
                    else {
                        continue;
                    };
                    is_known = true;
                    known += 1;
                    slow += u32::from(many.at(0.99) >= GOAL);
                    let (page, rows) = (grouped(self.page(deep)), grouped(*rows));
                    let (p50, p99) = (millis(many.at(0.5)), millis(many.at(0.99)));
                    let ratio = many.at(0.5).as_secs_f64() / few.at(0.5).as_secs_f64().max(1e-6);
                    let note = if many.answers() < ENOUGH {
                        format!("   {} responses", many.answers())
                    } else {
                        String::new()
                    };
                    line(format!("{name:<26}{role:<8}{page:>6}{rows:>10}{p50:>9}{p99:>9}{ratio:>16.1}{note}"));
                }
            }
            if !is_known {
                line(format!("{name:<26}SKIPPED: not supported by this server"));
            }
        }
        line(format!("{} of {known} under the goal", known - slow));
    }
}

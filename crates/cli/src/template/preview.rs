//! A preview as text for users: whether the job would be created, problems, changes, settings, variables of workers.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use trainyard_api::{
    spec::Notice,
    template::preview::{Preview, WorkerPreview},
};

use super::versions;
use crate::table;

/// A preview. Variables with the same value on all ranks are shown once.
pub(super) fn show(preview: &Preview) -> String {
    let mut parts =
        vec![if preview.runnable { "the job would be created" } else { "the job would be refused" }.to_owned()];
    parts.extend(notices("problem", &preview.problems));
    parts.extend(notices("warning", &preview.warnings));
    if !preview.changes.is_empty() {
        parts.push(format!("changes from the template:\n{}", indented(&versions::changes(&preview.changes))));
    }
    parts.push(format!("settings:\n{}", indented(&settings(preview))));
    if !preview.workers.is_empty() {
        parts.push(workers(&preview.workers, preview.more_workers.unwrap_or_default()));
    }
    parts.join("\n\n")
}

fn notices(kind: &str, notices: &[Notice]) -> Option<String> {
    let line = |notice: &Notice| match notice.path.as_str() {
        "" => format!("{kind}: {}", table::safe(&notice.message)),
        path => format!("{kind}: {}: {}", table::safe(path), table::safe(&notice.message)),
    };
    (!notices.is_empty()).then(|| notices.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The table of all settings with their sources.
fn settings(preview: &Preview) -> String {
    let spec = serde_json::to_value(&preview.spec).unwrap_or_default();
    let document = spec.as_object().cloned().unwrap_or_default();
    let rows = trainyard_domain::document::leaves(&document).into_iter().map(|(path, value)| {
        let source = preview.provenance.get(&path).cloned().unwrap_or_default();
        vec![path, value.to_string(), source]
    });
    table::rows(&["path", "value", "source"], rows)
}

fn workers(workers: &[WorkerPreview], more: u64) -> String {
    let with_process: Vec<_> = workers.iter().filter(|worker| !worker.env.is_empty()).collect();
    let is_common = |name: &str, value: &str| {
        with_process.iter().all(|worker| worker.env.get(name).is_some_and(|other| other == value))
    };
    let lines = |env: &BTreeMap<String, String>, wanted: bool| {
        let wanted = env.iter().filter(|(name, value)| is_common(name, value) == wanted);
        wanted.map(|(name, value)| format!("\n    {}={}", table::safe(name), table::safe(value))).collect::<String>()
    };
    let mut text =
        "environment of the workers (the job id, ports and GPUs are examples; each start assigns them):".to_owned();
    if let Some(first) = with_process.first() {
        text.push_str(&format!("\n  all workers{}", lines(&first.env, true)));
    }
    for worker in workers {
        let own =
            if worker.env.is_empty() { "\n    (no process of its own)".to_owned() } else { lines(&worker.env, false) };
        text.push_str(&format!("\n  rank {}{own}", worker.rank));
    }
    if more > 0 {
        text.push_str(&format!("\n  … and {more} more"));
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

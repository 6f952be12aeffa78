//! Versions of a template and their differences as text for users.

#[cfg(test)]
mod tests;

use serde_json::Value;
use trainyard_api::{
    Page,
    template::version::{Change, Usage, VersionDetail, VersionRecord},
};

use crate::{options, table, times};

/// The table of a page of versions; `*` marks the default version.
pub(super) fn list(page: &Page<VersionRecord>) -> String {
    let rows = page.records.iter().map(|version| {
        vec![
            format!("{}{}", version.version, if version.is_default { " *" } else { "" }),
            version.create_by.clone(),
            times::local(Some(version.created_time_ms)),
            version.usage.jobs.to_string(),
            percent(&version.usage),
            version.comment.clone().unwrap_or_default(),
        ]
    });
    let text = table::rows(&["version", "by", "created", "jobs", "success", "comment"], rows);
    options::with_rest(text, page)
}

/// One version with its content as YAML.
pub(super) fn detail(detail: &VersionDetail) -> String {
    let record = &detail.record;
    let default = if record.is_default { " (the default)" } else { "" };
    let head = table::fields(&[
        ("id", detail.id.clone()),
        ("version", format!("{}{default}", record.version)),
        ("created", format!("{} by {}", times::local(Some(record.created_time_ms)), record.create_by)),
        ("comment", record.comment.clone().unwrap_or_default()),
        ("used", usage(&record.usage)),
    ]);
    let content = serde_yaml_ng::to_string(&detail.body).unwrap_or_default();
    format!("{head}\n\n{}", content.trim_end())
}

/// Differences, one on each line: `+` added, `-` removed, `~` changed.
pub(crate) fn changes(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let text = match (&change.from, &change.to) {
            (Some(from), Some(to)) => format!("~ {}: {} -> {}", change.path, short(from), short(to)),
            (Some(from), None) => format!("- {}: {}", change.path, short(from)),
            (None, Some(to)) => format!("+ {}: {}", change.path, short(to)),
            (None, None) => change.path.clone(),
        };
        table::safe(&text)
    };
    match changes {
        [] => "no differences".to_owned(),
        changes => changes.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// A value on one line, cut after 200 characters.
fn short(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// The statistics of a template's jobs on one line; empty before the first job.
pub(super) fn usage(usage: &Usage) -> String {
    if usage.jobs == 0 {
        return String::new();
    }
    let mut parts = vec![format!("{} jobs", usage.jobs)];
    if usage.jobs == 1 {
        parts = vec!["1 job".to_owned()];
    }
    let rate = percent(usage);
    if !rate.is_empty() {
        parts.push(format!("{rate} succeeded"));
    }
    parts.extend(usage.median_wait_ms.map(|ms| format!("median wait {}", times::took(Some(0), Some(ms)))));
    parts.extend(usage.median_run_ms.map(|ms| format!("median run {}", times::took(Some(0), Some(ms)))));
    parts.push(format!("last {}", times::local(usage.last_used_time_ms)));
    parts.join(", ")
}

fn percent(usage: &Usage) -> String {
    usage.success_rate.map(|rate| format!("{:.0}%", rate * 100.0)).unwrap_or_default()
}

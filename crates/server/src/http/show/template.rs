//! Converts templates, their versions and their statistics to wire values.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use trainyard_api::template::version::{Change as WireChange, Usage as WireUsage, VersionRecord};
use trainyard_domain::{
    document::Change,
    template::{Template, Usage, Version},
    time::{Span, WallTime},
};

use super::time;

/// A record with fields as the client sent them.
pub(in crate::http) type Object = Map<String, Value>;

/// The record of a template: every field as the client sent it, and the fields of the server.
pub(in crate::http) fn template(template: &Template, zone: &TimeZone) -> Object {
    let mut record = Map::new();
    record.insert("id".to_owned(), Value::from(template.id.as_str()));
    record.extend(template.document());
    let comment = template.comment.as_deref().map(|comment| ("comment", Value::from(comment)));
    let own = [
        ("version", Value::from(template.version)),
        ("latestVersion", Value::from(template.latest_version)),
        ("revision", Value::from(template.revision)),
        ("project", Value::from(template.project.as_str())),
        ("archived", Value::from(template.archived)),
        ("createBy", Value::from(template.owner.as_str())),
        ("createdTime", Value::from(time(template.created, zone))),
        ("createdTimeMs", Value::from(template.created.as_ms())),
        ("updatedTime", Value::from(time(template.updated, zone))),
        ("updatedTimeMs", Value::from(template.updated.as_ms())),
        ("jobsMade", Value::from(template.jobs_made)),
    ];
    let used = template
        .last_used
        .map(|at| [("lastUsedTime", Value::from(time(at, zone))), ("lastUsedTimeMs", Value::from(at.as_ms()))]);
    let all = own.into_iter().chain(comment).chain(used.into_iter().flatten());
    record.extend(all.map(|(key, value)| (key.to_owned(), value)));
    record
}

/// The record of a version in lists.
pub(in crate::http) fn version(of: &Version, default: u32, usage: &Usage, zone: &TimeZone) -> VersionRecord {
    VersionRecord {
        version: u64::from(of.number),
        is_default: of.number == default,
        create_by: of.created_by.clone(),
        created_time: time(of.created, zone),
        created_time_ms: of.created.as_ms(),
        comment: of.comment.clone(),
        usage: self::usage(usage, zone),
    }
}

/// The detail of a version: its record and its content.
pub(in crate::http) fn version_detail(of: &Template, version: &Version, usage: &Usage, zone: &TimeZone) -> Object {
    let mut detail = Object::new();
    detail.insert("id".to_owned(), Value::from(of.id.as_str()));
    detail.insert("project".to_owned(), Value::from(of.project.as_str()));
    detail.insert("name".to_owned(), Value::from(of.name.as_str()));
    detail.extend(of.described.clone());
    detail.extend(version.content.clone());
    let record = serde_json::to_value(self::version(version, of.version, usage, zone)).unwrap_or_default();
    detail.extend(record.as_object().cloned().unwrap_or_default());
    detail
}

/// The statistics about the jobs of a template or of a version.
pub(in crate::http) fn usage(of: &Usage, zone: &TimeZone) -> WireUsage {
    WireUsage {
        jobs: of.jobs,
        succeeded: of.succeeded,
        failed: of.failed,
        stopped: of.stopped,
        success_rate: of.success_rate(),
        median_wait_ms: of.median_wait.map(Span::as_ms),
        median_run_ms: of.median_run.map(Span::as_ms),
        last_used_time: of.last_used.map(|at| time(at, zone)),
        last_used_time_ms: of.last_used.map(WallTime::as_ms),
    }
}

/// The differences between two contents.
pub(in crate::http) fn changes(changes: Vec<Change>) -> Vec<WireChange> {
    changes.into_iter().map(|change| WireChange { path: change.path, from: change.from, to: change.to }).collect()
}

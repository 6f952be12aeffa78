//! Resolves a merged document: fills in defaults and the product's sizes, records the source of each, and reports
//! everything that would prevent the job from running.
//!
//! The template's detail and the creation of a job call this one function, so their results agree.

use serde_json::{Value, json};

use super::{
    Centre, DEFAULT_MAX_RETRIES, DEFAULT_PRIORITY, DEFAULT_RETRY_DELAY_SECONDS, DEFAULT_STOP_GRACE_SECONDS, JobSpec,
    RetryPolicy,
    field::{RETRY_BOUNDS, TIMEOUT_HOURS_BOUNDS},
    kind::Bounds,
};
use crate::{
    document::Document,
    fault::{Fault, FaultCode, Faults},
    framework::{Framework, is_read_by_launch, is_set_by_launch},
    merge::{Merged, Provenance, Source},
    path, secret,
};

/// An effective spec with its sources, problems and warnings.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The document with defaults and product sizes.
    pub document: Document,
    /// The source of each leaf.
    pub provenance: Provenance,
    /// The meaning of the document; `None` if there is any problem.
    pub spec: Option<JobSpec>,
    /// Everything that prevents the job from running.
    pub problems: Vec<Fault>,
    /// Values that are allowed but probably mistakes.
    pub warnings: Vec<Fault>,
}

/// Fills in the missing values and judges the document against the compute centre that it names.
pub fn prepare(merged: Merged, centres: &[Centre]) -> Prepared {
    let mut resolver = Resolver { document: merged.document, provenance: merged.provenance, ..Resolver::default() };
    let spec = resolver.resolve(centres);
    let problems = resolver.problems.into_vec();
    Prepared {
        spec: spec.filter(|_| problems.is_empty()),
        document: resolver.document,
        provenance: resolver.provenance,
        problems,
        warnings: resolver.warnings.into_vec(),
    }
}

/// The names of variables, each with a text.
type Variables = Vec<(String, String)>;

/// A document while its values are filled in. Sizes are in `worker_size`, mounts in `mounts`, warnings in `warnings`.
#[derive(Default)]
pub(super) struct Resolver {
    pub(super) document: Document,
    pub(super) provenance: Provenance,
    pub(super) problems: Faults,
    pub(super) warnings: Faults,
}

impl Resolver {
    fn resolve(&mut self, centres: &[Centre]) -> Option<JobSpec> {
        let centre = self.centre(centres);
        let retry = self.retry();
        let timeout_seconds = self.timeout();
        let stop_grace_seconds = self.number_or_default("stopGraceSeconds", DEFAULT_STOP_GRACE_SECONDS);
        let priority = self.number_or_default("priority", DEFAULT_PRIORITY);
        let command = self.text("startCommand").unwrap_or_default();
        if command.trim().is_empty() {
            let message = "must be given: the command of each worker, such as `python train.py`";
            self.problems.add("startCommand", FaultCode::Required, message);
        }
        let framework = self.text("trainingFramwork").and_then(|word| Framework::parse(&word));
        let (env, secrets) = self.env(framework);
        self.warn_of_spelling();
        let mounts = self.mounts(centre);
        let centre = centre?;
        let (size, workers) = self.size(centre)?;
        self.refuse_what_never_fits(centre, &size, workers);
        self.refuse_too_many_ports(centre, framework, workers);
        self.refuse_too_many_bytes(&env, &command, workers);
        let spec = JobSpec {
            centre: centre.id,
            framework,
            image: self.text("image").filter(|image| !image.is_empty()),
            env,
            secrets,
            size,
            workers,
            mounts,
            retry,
            timeout_seconds,
            stop_grace_seconds,
            command,
            work_dir: self.text("workDir"),
            priority,
        };
        self.apply_judgement(centre, &spec);
        self.warn_of_idle_gpus(framework, spec.size.gpus);
        Some(spec)
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.document.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    fn is_on(&mut self, switch: &str) -> bool {
        self.fill("", switch, Value::Bool(false), Source::Default);
        self.document.get(switch) == Some(&Value::Bool(true))
    }

    /// Sets a missing value and records its source; `group` is empty or the object that has the key.
    pub(super) fn fill(&mut self, group: &str, key: &str, value: Value, source: Source) {
        let object = if group.is_empty() {
            &mut self.document
        } else {
            let entry = self.document.entry(group).or_insert_with(|| json!({}));
            // The group has members now, so it is no leaf.
            self.provenance.remove(group);
            match entry.as_object_mut() {
                Some(object) => object,
                None => return,
            }
        };
        if !object.contains_key(key) {
            object.insert(key.to_owned(), value);
            self.provenance.insert(path::member(group, key), source);
        }
    }

    fn number_or_default<T: TryFrom<i64> + Into<i64> + Copy>(&mut self, key: &str, default: T) -> T {
        self.fill("", key, Value::from(default.into()), Source::Default);
        self.document.get(key).and_then(Value::as_i64).and_then(|n| T::try_from(n).ok()).unwrap_or(default)
    }

    fn centre<'c>(&mut self, centres: &'c [Centre]) -> Option<&'c Centre> {
        if let Some(lowest) = centres.iter().map(|centre| centre.id).min() {
            self.fill("", "aidcId", Value::from(lowest.0), Source::Default);
        }
        let wanted = self.document.get("aidcId").and_then(Value::as_i64);
        let centre = centres.iter().find(|centre| Some(centre.id.0) == wanted);
        if centre.is_none() {
            let mut known: Vec<_> = centres.iter().map(|centre| centre.id).collect();
            known.sort();
            let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let has = if known.is_empty() { "none" } else { &known };
            let number = wanted.map(|number| format!(" {number}")).unwrap_or_default();
            let message = format!("this server has no compute centre{number}; it has {has}");
            self.problems.add("aidcId", FaultCode::Unknown, message);
        }
        centre
    }

    /// A number with bounds that depend on a switch. Template and request are merged now, so the switch is known.
    fn bounded_number(&mut self, key: &str, bounds: Bounds) -> Option<u32> {
        let number = self.document.get(key).and_then(Value::as_i64)?;
        if bounds.contains(number) {
            return u32::try_from(number).ok();
        }
        self.problems.add(key, FaultCode::OutOfRange, format!("must be a whole number {bounds}"));
        None
    }

    fn retry(&mut self) -> Option<RetryPolicy> {
        if !self.is_on("enableAutoRetry") {
            return None;
        }
        let most = Value::from(DEFAULT_MAX_RETRIES);
        self.fill("", "maxRetryCount", most, Source::Default);
        let delay_seconds = self.number_or_default("retryDelaySeconds", DEFAULT_RETRY_DELAY_SECONDS);
        let max_retries = self.bounded_number("maxRetryCount", RETRY_BOUNDS)?;
        Some(RetryPolicy { max_retries, delay_seconds })
    }

    fn timeout(&mut self) -> Option<u64> {
        if !self.is_on("enableTimeoutCancel") {
            if self.document.contains_key("timeoutSeconds") {
                let message = "has no effect while `enableTimeoutCancel` is not true";
                self.warnings.add("timeoutSeconds", FaultCode::Suspicious, message);
            }
            return None;
        }
        if let Some(seconds) = self.document.get("timeoutSeconds").and_then(Value::as_u64) {
            return Some(seconds);
        }
        if !self.document.contains_key("timeoutHours") {
            let message = "must be given, or `timeoutSeconds`, since `enableTimeoutCancel` is true";
            self.problems.add("timeoutHours", FaultCode::Required, message);
            return None;
        }
        self.bounded_number("timeoutHours", TIMEOUT_HOURS_BOUNDS).map(|hours| u64::from(hours) * 3600)
    }

    /// The variables with a value, and those that get theirs from a secret, with its name.
    fn env(&mut self, framework: Option<Framework>) -> (Variables, Variables) {
        self.fill("", "env", json!({}), Source::Default);
        let members = self.document.get("env").and_then(Value::as_object).cloned().unwrap_or_default();
        for name in members.keys().filter(|name| is_set_by_launch(framework, name)) {
            let message = "Trainyard sets this variable for every worker; remove it";
            self.problems.add(path::member("env", name), FaultCode::Reserved, message);
        }
        self.warn_of_plain_secrets(&members);
        let (mut env, mut secrets) = (Vec::new(), Vec::new());
        for (name, value) in members {
            match (secret::reference(&value).map(str::to_owned), value) {
                (Some(secret), _) => {
                    if is_read_by_launch(&name) {
                        let message = "other variables of the worker depend on this value, so it cannot be a secret";
                        self.problems.add(path::member("env", &name), FaultCode::Reserved, message);
                    }
                    secrets.push((name, secret));
                }
                (None, Value::String(text)) => env.push((name, text)),
                (None, other) => env.push((name, other.to_string())),
            }
        }
        (env, secrets)
    }
}

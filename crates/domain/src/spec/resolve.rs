//! From a merged document to what will run: defaults and the product's sizes are filled in, each with its source,
//! and everything that would keep it from running is found, all at once.
//!
//! The template's detail and the creation of a job ask this same function, so they never disagree.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    DEFAULT_MAX_RETRIES, DEFAULT_RETRY_DELAY_SECONDS, DEFAULT_STOP_GRACE_SECONDS, Document,
    Framework, JobSpec, Mount, RetryPolicy,
    check::{KNOWN_KEYS, suspicious_keys},
    size::{decimal_text, parse_count, parse_milli},
};
use crate::{
    capacity::{Capacity, GB, WorkerSize, plain_model},
    fault::{Fault, FaultCode, Faults},
    id::CentreId,
    launch,
    merge::{Merged, Provenance, Source},
    path,
};

/// A bundle of sizes that a centre offers under one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The code that a spec names.
    pub code: String,
    /// The name people see.
    pub name: String,
    /// What one worker of it takes.
    pub size: WorkerSize,
    /// The price as the configuration writes it.
    pub price: Option<String>,
}

/// Something that a centre's engine does not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limitation {
    /// The field that asks for it.
    pub path: String,
    /// What is not done, as a sentence.
    pub message: String,
    /// Whether a job that asks for it is refused; else it is only told.
    pub refuses: bool,
}

/// What a spec must know of a compute centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Centre {
    /// Its number.
    pub id: CentreId,
    /// All that it has.
    pub capacity: Capacity,
    /// Its bundles.
    pub products: Vec<Product>,
    /// Further names of accelerator models: (the centre's own, another).
    pub aliases: Vec<(String, String)>,
    /// What its engine does not do.
    pub limitations: Vec<Limitation>,
}

impl Centre {
    /// The centre's own spelling of an accelerator model, where it has that model.
    pub fn own_model(&self, wanted: &str) -> Option<&str> {
        let wanted = plain_model(wanted);
        let has = |name: &str| {
            self.capacity
                .gpus
                .iter()
                .find(|gpu| plain_model(&gpu.model) == plain_model(name))
        };
        let own = has(&wanted).or_else(|| {
            let names = self
                .aliases
                .iter()
                .filter(|(_, alias)| plain_model(alias) == wanted);
            names
                .map(|(own, _)| own)
                .chain(
                    self.aliases
                        .iter()
                        .filter(|(own, _)| plain_model(own) == wanted)
                        .map(|(_, alias)| alias),
                )
                .find_map(|name| has(name))
        });
        own.map(|gpu| gpu.model.as_str())
    }
}

/// The effective spec with all that is to be said about it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The document with defaults filled in.
    pub document: Document,
    /// The source of each leaf.
    pub provenance: Provenance,
    /// Its meaning; `None` where a problem keeps it from having one.
    pub spec: Option<JobSpec>,
    /// Everything that keeps it from running.
    pub problems: Vec<Fault>,
    /// What is allowed but should be known.
    pub warnings: Vec<Fault>,
}

/// Fills in what is missing and judges the whole against the centre that it names.
pub fn prepare(merged: Merged, centres: &[Centre]) -> Prepared {
    let mut work = Work {
        document: merged.document,
        provenance: merged.provenance,
        ..Work::default()
    };
    let spec = work.resolve(centres);
    let problems = work.problems.into_vec();
    Prepared {
        spec: spec.filter(|_| problems.is_empty()),
        document: work.document,
        provenance: work.provenance,
        problems,
        warnings: work.warnings.into_vec(),
    }
}

#[derive(Default)]
struct Work {
    document: Document,
    provenance: Provenance,
    problems: Faults,
    warnings: Faults,
}

impl Work {
    fn resolve(&mut self, centres: &[Centre]) -> Option<JobSpec> {
        let centre = self.centre(centres);
        let retry = self.retry();
        let timeout_seconds = self.timeout();
        let stop_grace_seconds = self.number_or("stopGraceSeconds", DEFAULT_STOP_GRACE_SECONDS);
        let priority = self.number_or("priority", 2);
        let command = self.text("startCommand").unwrap_or_default();
        if command.trim().is_empty() {
            let message = "says what each worker runs, such as `python train.py`";
            self.problems
                .add("startCommand", FaultCode::Required, message);
        }
        let framework = self
            .text("trainingFramwork")
            .and_then(|word| Framework::parse(&word));
        let env = self.env(framework);
        self.spelling();
        let mounts = self.mounts();
        let centre = centre?;
        let (size, workers) = self.size(centre)?;
        self.fits(centre, &size, workers);
        self.limits(centre);
        Some(JobSpec {
            centre: centre.id,
            framework,
            image: self.text("image").filter(|image| !image.is_empty()),
            env,
            size,
            workers,
            mounts,
            retry,
            timeout_seconds,
            stop_grace_seconds,
            command,
            work_dir: self.text("workDir"),
            priority,
        })
    }

    fn text(&self, key: &str) -> Option<String> {
        self.document
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    fn is_on(&mut self, switch: &str) -> bool {
        self.fill("", switch, Value::Bool(false), Source::Default);
        self.document.get(switch) == Some(&Value::Bool(true))
    }

    /// Puts a value where there is none and notes its source.
    fn fill(&mut self, group: &str, key: &str, value: Value, source: Source) {
        let object = if group.is_empty() {
            &mut self.document
        } else {
            let entry = self.document.entry(group).or_insert_with(|| json!({}));
            // The group has members now, so it is no leaf of its own any more.
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

    fn number_or<T: TryFrom<i64> + Into<i64> + Copy>(&mut self, key: &str, default: T) -> T {
        self.fill("", key, Value::from(default.into()), Source::Default);
        self.document
            .get(key)
            .and_then(Value::as_i64)
            .and_then(|n| T::try_from(n).ok())
            .unwrap_or(default)
    }

    fn centre<'c>(&mut self, centres: &'c [Centre]) -> Option<&'c Centre> {
        if let Some(lowest) = centres.iter().map(|centre| centre.id).min() {
            self.fill("", "aidcId", Value::from(lowest.0), Source::Default);
        }
        let wanted = self.document.get("aidcId").and_then(Value::as_i64);
        let centre = centres.iter().find(|centre| Some(centre.id.0) == wanted);
        if centre.is_none() {
            let known = centres
                .iter()
                .map(|c| c.id.to_string())
                .collect::<Vec<_>>()
                .join(", ");
            let message =
                format!("this server has no compute centre of this number; it has {known}");
            self.problems.add("aidcId", FaultCode::Unknown, message);
        }
        centre
    }

    /// A count that is bounded only where its switch is on, so only here with both layers merged.
    fn switched(&mut self, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<u32> {
        let number = self.document.get(key).and_then(Value::as_i64)?;
        if bounds.contains(&number) {
            return u32::try_from(number).ok();
        }
        let message = format!(
            "must be a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        );
        self.problems.add(key, FaultCode::OutOfRange, message);
        None
    }

    fn retry(&mut self) -> Option<RetryPolicy> {
        if !self.is_on("enableAutoRetry") {
            return None;
        }
        self.fill(
            "",
            "maxRetryCount",
            Value::from(DEFAULT_MAX_RETRIES),
            Source::Default,
        );
        let max_retries = self.switched("maxRetryCount", 0..=100)?;
        let delay_seconds = self.number_or("retryDelaySeconds", DEFAULT_RETRY_DELAY_SECONDS);
        Some(RetryPolicy {
            max_retries,
            delay_seconds,
        })
    }

    fn timeout(&mut self) -> Option<u64> {
        if !self.is_on("enableTimeoutCancel") {
            if self.document.contains_key("timeoutSeconds") {
                let message = "has no effect while `enableTimeoutCancel` is not true";
                self.warnings
                    .add("timeoutSeconds", FaultCode::Suspicious, message);
            }
            return None;
        }
        if let Some(seconds) = self.document.get("timeoutSeconds").and_then(Value::as_u64) {
            return Some(seconds);
        }
        if !self.document.contains_key("timeoutHours") {
            let message =
                "`enableTimeoutCancel` is true: say after how many hours, or set `timeoutSeconds`";
            self.problems
                .add("timeoutHours", FaultCode::Required, message);
            return None;
        }
        self.switched("timeoutHours", 1..=8760)
            .map(|hours| u64::from(hours) * 3600)
    }

    fn env(&mut self, framework: Option<Framework>) -> Vec<(String, String)> {
        self.fill_empty("env", json!({}));
        let members = self
            .document
            .get("env")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for name in members
            .keys()
            .filter(|name| launch::is_set_by_launch(framework, name))
        {
            let message =
                "the launch sets this variable itself, differently for each worker: remove it";
            self.problems
                .add(path::member("env", name), FaultCode::Reserved, message);
        }
        let as_text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        members
            .into_iter()
            .map(|(name, value)| (name, as_text(value)))
            .collect()
    }

    fn fill_empty(&mut self, key: &str, value: Value) {
        self.fill("", key, value, Source::Default);
    }

    /// Free-form objects keep unknown keys, so a slip in a known one would pass unseen.
    fn spelling(&mut self) {
        let (resource_keys, mount_keys) = KNOWN_KEYS;
        let mut found = Vec::new();
        if let Some(resource) = self.document.get("resource").and_then(Value::as_object) {
            found.extend(
                suspicious_keys(resource, resource_keys)
                    .into_iter()
                    .map(|(k, m)| (path::member("resource", k), m)),
            );
        }
        for mount in self
            .document
            .get("storageConfigs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let Some(object) = mount.as_object() else {
                continue;
            };
            let key = mount
                .get("mountPath")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let base = path::keyed("storageConfigs", key);
            found.extend(
                suspicious_keys(object, mount_keys)
                    .into_iter()
                    .map(|(k, m)| (path::member(&base, k), m)),
            );
        }
        for (path, meant) in found {
            let message = format!("means nothing here and is only kept; did you mean `{meant}`?");
            self.warnings.add(path, FaultCode::Suspicious, message);
        }
    }

    fn mounts(&mut self) -> Vec<Mount> {
        self.fill_empty("storageConfigs", json!([]));
        let text =
            |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let items = self
            .document
            .get("storageConfigs")
            .and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(|item| {
                Some(Mount {
                    storage_id: text(item, "storageId"),
                    directory: text(item, "fileDirectory"),
                    mount_path: text(item, "mountPath")?,
                    read_only: item.get("onlyRead") == Some(&Value::Bool(true)),
                })
            })
            .collect()
    }

    fn resource(&self, key: &str) -> Option<&Value> {
        self.document
            .get("resource")
            .and_then(|resource| resource.get(key))
    }

    fn product(&mut self, centre: &Centre) {
        let code = self
            .resource("productCode")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if code.is_empty() || code == "-" {
            return;
        }
        if let Some(product) = centre.products.iter().find(|product| product.code == code) {
            let size = &product.size;
            self.fill(
                "resource",
                "cpuCores",
                json!(decimal_text(size.cpu_milli)),
                Source::Product,
            );
            self.fill(
                "resource",
                "memoryGB",
                json!(gb_text(size.memory_bytes)),
                Source::Product,
            );
            self.fill("resource", "gpuCount", json!(size.gpus), Source::Product);
            if let Some(model) = &size.gpu_model {
                self.fill("resource", "gpuName", json!(model), Source::Product);
            }
            return;
        }
        let given = ["cpuCores", "memoryGB", "gpuCount"]
            .iter()
            .any(|key| self.resource(key).is_some());
        let place = "resource.productCode";
        if given {
            let message = format!(
                "centre {} has no such product; the sizes given are used",
                centre.id
            );
            self.warnings.add(place, FaultCode::Unknown, message);
        } else {
            let message = format!(
                "centre {} has no such product: give `cpuCores` and `memoryGB`",
                centre.id
            );
            self.problems.add(place, FaultCode::Unknown, message);
        }
    }

    fn size(&mut self, centre: &Centre) -> Option<(WorkerSize, u32)> {
        self.product(centre);
        self.fill("resource", "workerCount", json!(1), Source::Default);
        self.fill("resource", "cpuCores", json!(1), Source::Default);
        self.fill("resource", "gpuCount", json!(0), Source::Default);
        let cpu_milli = self.resource("cpuCores").and_then(parse_milli)?;
        let share = memory_share(&centre.capacity, cpu_milli);
        self.fill("resource", "memoryGB", json!(share), Source::Default);
        let memory_milli = self.resource("memoryGB").and_then(parse_milli)?;
        let gpus = self
            .resource("gpuCount")
            .and_then(parse_count)
            .and_then(|n| u32::try_from(n).ok())?;
        let workers = self
            .resource("workerCount")
            .and_then(parse_count)
            .and_then(|n| u32::try_from(n).ok())?;
        let named = self
            .resource("gpuName")
            .and_then(Value::as_str)
            .filter(|name| !matches!(*name, "" | "-"));
        // Without accelerators the name of a model asks for nothing.
        let gpu_model = named
            .filter(|_| gpus > 0)
            .map(|name| centre.own_model(name).unwrap_or(name).to_owned());
        Some((
            WorkerSize {
                cpu_milli,
                memory_bytes: memory_milli.saturating_mul(GB) / 1000,
                gpus,
                gpu_model,
            },
            workers,
        ))
    }

    fn fits(&mut self, centre: &Centre, size: &WorkerSize, workers: u32) {
        let all = &centre.capacity;
        let count = u64::from(workers);
        let mut never =
            |path: &str, message: String| self.problems.add(path, FaultCode::NeverFits, message);
        let cores = size.cpu_milli.saturating_mul(count);
        if cores > all.cpu_milli {
            let (wants, has) = (decimal_text(cores), decimal_text(all.cpu_milli));
            let each = decimal_text(size.cpu_milli);
            never(
                "resource.cpuCores",
                format!("{workers} worker(s) of {each} need {wants} cores; the centre has {has}"),
            );
        }
        let memory = size.memory_bytes.saturating_mul(count);
        if memory > all.memory_bytes {
            let (wants, has, each) = (
                gb_text(memory),
                gb_text(all.memory_bytes),
                gb_text(size.memory_bytes),
            );
            never(
                "resource.memoryGB",
                format!(
                    "{workers} worker(s) of {each} GB need {wants} GB; the centre has {has} GB"
                ),
            );
        }
        let of_model = |gpu: &&crate::capacity::Gpu| {
            size.gpu_model
                .as_ref()
                .is_none_or(|m| plain_model(m) == plain_model(&gpu.model))
        };
        let has = all.gpus.iter().filter(of_model).count() as u64;
        let wants = u64::from(size.gpus).saturating_mul(count);
        if wants > has {
            let of = size
                .gpu_model
                .as_deref()
                .map(|model| format!(" of model {model}"))
                .unwrap_or_default();
            let path = if size.gpu_model.is_some() && has == 0 {
                "resource.gpuName"
            } else {
                "resource.gpuCount"
            };
            let mut models: Vec<_> = all.gpus.iter().map(|gpu| gpu.model.as_str()).collect();
            models.dedup();
            let known = if models.is_empty() {
                "no GPUs at all".to_owned()
            } else {
                models.join(", ")
            };
            never(
                path,
                format!(
                    "{workers} worker(s) need {wants} GPU(s){of}; the centre has {has} (it has {known})"
                ),
            );
        }
    }

    fn limits(&mut self, centre: &Centre) {
        for limit in &centre.limitations {
            let asked = match self.document.get(path::root(&limit.path)) {
                None | Some(Value::Null) => false,
                Some(Value::Array(items)) => !items.is_empty(),
                Some(Value::String(text)) => !text.is_empty(),
                Some(_) => true,
            };
            if asked && limit.refuses {
                self.problems
                    .add(&limit.path, FaultCode::NotSupported, &limit.message);
            } else if asked {
                self.warnings
                    .add(&limit.path, FaultCode::NotSupported, &limit.message);
            }
        }
    }
}

/// The host's memory in proportion to the cores taken, in GB, rounded down so that all shares fit together.
fn memory_share(capacity: &Capacity, cpu_milli: u64) -> Value {
    let share = u128::from(capacity.memory_bytes) * u128::from(cpu_milli)
        / u128::from(capacity.cpu_milli.max(1));
    let bytes = u64::try_from(share)
        .unwrap_or(u64::MAX)
        .min(capacity.memory_bytes)
        .max(GB / 1000 + 1);
    Value::from(gb_text(bytes))
}

/// Bytes as GB in decimal, rounded down to three places.
fn gb_text(bytes: u64) -> String {
    decimal_text(u64::try_from(u128::from(bytes) * 1000 / u128::from(GB)).unwrap_or(u64::MAX))
}

//! The resources of each worker, from the document, the product or the defaults, and whether the compute centre has enough
//! capacity for all workers.

use serde_json::{Value, json};

use super::{
    Centre,
    resolve::Resolver,
    size::{decimal_text, gb_bytes, gb_text, parse_count, parse_milli},
};
use crate::{
    capacity::{Capacity, GB, Gpu, WorkerSize, plain_model, same_model},
    fault::FaultCode,
    framework::Framework,
    merge::Source,
    workers::ports_needed,
};

/// The most bytes that the environments and commands of all workers of a job may have together: 512 MiB.
const MAX_TEXT_BYTES: u64 = 512 << 20;
/// A range with fewer ports is for few jobs, so one job may hold all of them.
const SMALL_PORT_RANGE: usize = 16;

impl Resolver {
    fn resource(&self, key: &str) -> Option<&Value> {
        self.document.get("resource").and_then(|resource| resource.get(key))
    }

    fn count(&self, key: &str) -> Option<u32> {
        let count = self.resource(key).and_then(parse_count)?;
        u32::try_from(count).ok()
    }

    /// The resources of one worker, and the number of workers.
    pub(super) fn size(&mut self, centre: &Centre) -> Option<(WorkerSize, u32)> {
        self.fill_from_product(centre);
        self.fill("resource", "workerCount", json!(1), Source::Default);
        self.fill("resource", "cpuCores", json!(1), Source::Default);
        self.fill("resource", "gpuCount", json!(0), Source::Default);
        let cpu_milli = self.resource("cpuCores").and_then(parse_milli)?;
        let share = memory_share(&centre.capacity, cpu_milli);
        self.fill("resource", "memoryGB", json!(share), Source::Default);
        let memory_milli = self.resource("memoryGB").and_then(parse_milli)?;
        let gpus = self.count("gpuCount")?;
        let workers = self.count("workerCount")?;
        let named = self.resource("gpuName").and_then(Value::as_str).filter(|name| !plain_model(name).is_empty());
        // Without GPUs the name of a model has no effect.
        let gpu_model = named.filter(|_| gpus > 0).map(|name| centre.own_model(name).unwrap_or(name).to_owned());
        let size = WorkerSize { cpu_milli, memory_bytes: gb_bytes(memory_milli), gpus, gpu_model };
        Some((size, workers))
    }

    fn fill_from_product(&mut self, centre: &Centre) {
        let code = self.resource("productCode").and_then(Value::as_str).unwrap_or_default().to_owned();
        if code.is_empty() || code == "-" {
            return;
        }
        let mut put = |key, value| self.fill("resource", key, value, Source::Product);
        if let Some(product) = centre.products.iter().find(|product| product.code == code) {
            let size = &product.size;
            put("cpuCores", json!(decimal_text(size.cpu_milli)));
            put("memoryGB", json!(gb_text(size.memory_bytes)));
            put("gpuCount", json!(size.gpus));
            if let Some(model) = &size.gpu_model {
                put("gpuName", json!(model));
            }
            return;
        }
        let given = ["cpuCores", "memoryGB", "gpuCount"].iter().any(|key| self.resource(key).is_some());
        let (list, way_out) = if given {
            (&mut self.warnings, "the given sizes are used")
        } else {
            (&mut self.problems, "give `cpuCores` and `memoryGB`")
        };
        let message = format!("compute centre {} has no product {code:?}; {way_out}", centre.id);
        list.add("resource.productCode", FaultCode::Unknown, message);
    }

    /// Adds a problem for each resource of which the job needs more than the centre has in total.
    pub(super) fn refuse_what_never_fits(&mut self, centre: &Centre, size: &WorkerSize, workers: u32) {
        if !centre.is_allocated_here {
            return;
        }
        let all = &centre.capacity;
        let count = u64::from(workers);
        let mut never = |path: &str, message: String| self.problems.add(path, FaultCode::NeverFits, message);
        let cores = size.cpu_milli.saturating_mul(count);
        if cores > all.cpu_milli {
            let (each, wants) = (decimal_text(size.cpu_milli), decimal_text(cores));
            let has = decimal_text(all.cpu_milli);
            never("resource.cpuCores", format!("needs {workers} × {each} = {wants} cores; the centre has {has}"));
        }
        let memory = size.memory_bytes.saturating_mul(count);
        if memory > all.memory_bytes {
            let (each, wants) = (gb_text(size.memory_bytes), gb_text(memory));
            let has = gb_text(all.memory_bytes);
            never("resource.memoryGB", format!("needs {workers} × {each} = {wants} GB; the centre has {has} GB"));
        }
        let wanted = |gpu: &&Gpu| {
            let model = size.gpu_model.as_ref();
            model.is_none_or(|model| same_model(model, &gpu.model))
        };
        let has = all.gpus.iter().filter(wanted).count() as u64;
        let wants = u64::from(size.gpus).saturating_mul(count);
        if wants > has {
            let model = size.gpu_model.as_deref();
            let of = model.map(|model| format!(" of model {model}")).unwrap_or_default();
            let path = if model.is_some() && has == 0 { "resource.gpuName" } else { "resource.gpuCount" };
            let known = known_models(all);
            let each = size.gpus;
            never(path, format!("needs {workers} × {each} = {wants} GPUs{of}; the centre has {has} (models: {known})"));
        }
    }
}

impl Resolver {
    /// Adds a problem if the framework needs more ports than the centre has, or more than one job may hold of them.
    pub(super) fn refuse_too_many_ports(&mut self, centre: &Centre, framework: Option<Framework>, workers: u32) {
        let needed = ports_needed(framework, workers);
        let Some(has) = centre.ports else { return };
        let most = if has < SMALL_PORT_RANGE { has } else { has / 2 };
        let rest = match needed {
            _ if needed > has => format!("`port_range` of the centre has {has}"),
            _ if needed > most => {
                format!(
                    "one job may hold {most} of the {has} in `port_range` of the centre, so that other jobs find some"
                )
            }
            _ => return,
        };
        let message = format!("needs {needed} ports, one for each worker; {rest}");
        self.problems.add("resource.workerCount", FaultCode::NeverFits, message);
    }

    /// Adds a problem if the environment and the command of all workers together are too large. The kernel copies both for
    /// each process.
    pub(super) fn refuse_too_many_bytes(&mut self, env: &[(String, String)], command: &str, workers: u32) {
        let env: usize = env.iter().map(|(name, text)| name.len() + text.len() + "=\0".len()).sum();
        let each = (env + command.len()) as u64;
        let all = each.saturating_mul(workers.into());
        if all > MAX_TEXT_BYTES {
            let (all, most) = (all >> 20, MAX_TEXT_BYTES >> 20);
            let message = format!(
                "`env` and `startCommand` have {each} bytes for each of {workers} workers, {all} MiB together, and at most \
                 {most} MiB are possible; put long texts into a file, or use fewer workers"
            );
            let path = if env < command.len() { "startCommand" } else { "env" };
            self.problems.add(path, FaultCode::OutOfRange, message);
        }
    }
}

fn known_models(capacity: &Capacity) -> String {
    let models: std::collections::BTreeSet<_> = capacity.gpus.iter().map(|gpu| gpu.model.as_str()).collect();
    if models.is_empty() {
        return "none".to_owned();
    }
    models.into_iter().collect::<Vec<_>>().join(", ")
}

/// The part of the host's memory, in GB, that belongs to these cores; rounded down, so that all parts fit together.
fn memory_share(capacity: &Capacity, cpu_milli: u64) -> String {
    if capacity.cpu_milli == 0 {
        // The capacity is unknown: 1 GB for each core.
        return decimal_text(cpu_milli);
    }
    let share = u128::from(capacity.memory_bytes) * u128::from(cpu_milli) / u128::from(capacity.cpu_milli.max(1));
    let bytes = share.min(u128::from(capacity.memory_bytes));
    let milli = (bytes * 1000 / u128::from(GB)).max(1);
    decimal_text(u64::try_from(milli).unwrap_or(u64::MAX))
}

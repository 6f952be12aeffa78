//! Warnings about values that are probably mistakes, and the limitations of the compute centre's engine.

use serde_json::{Map, Value};

use super::{
    Centre, JobSpec,
    field::FIELDS,
    kind::{FieldKind, Member},
    resolve::Resolver,
};
use crate::{
    fault::{FaultCode, nearest},
    framework::Framework,
    path,
    secret::is_secret_name,
};

impl Resolver {
    /// Warns of keys that are probably misspelt. Free-form objects keep unknown keys, so no check refuses them.
    pub(super) fn warn_of_spelling(&mut self) {
        let mut found = Vec::new();
        for field in FIELDS {
            match (field.kind, self.document.get(field.name)) {
                (FieldKind::Object(known), Some(Value::Object(object))) => {
                    found.extend(misspelt_keys(field.name, object, known));
                }
                (FieldKind::Mounts { members: known, .. }, Some(Value::Array(items))) => {
                    let mounts = items.iter().filter_map(Value::as_object);
                    found.extend(mounts.flat_map(|mount| misspelt_keys(&path::mount(mount), mount, known)));
                }
                _ => {}
            }
        }
        for (path, meant) in found {
            let message = format!("unknown key, ignored and kept as sent; did you mean `{meant}`?");
            self.warnings.add(path, FaultCode::Suspicious, message);
        }
    }

    /// Warns of a command that leaves GPUs idle: plain `python` starts one process, which uses one GPU by default.
    pub(super) fn warn_of_idle_gpus(&mut self, framework: Option<Framework>, gpus: u32) {
        let is_torch = matches!(framework, Some(Framework::PyTorch | Framework::DeepSpeed));
        let command = self.text("startCommand").unwrap_or_default();
        if is_torch && gpus > 1 && is_plain_python(&command) {
            let message = format!(
                "plain `python` starts one process for all {gpus} GPUs of a worker; `torchrun` starts one process per GPU"
            );
            self.warnings.add("startCommand", FaultCode::Suspicious, message);
        }
    }

    /// Warns of variables with plain text whose names say that the text is a secret.
    pub(super) fn warn_of_plain_secrets(&mut self, env: &Map<String, Value>) {
        let is_plain = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        for (name, _) in env.iter().filter(|(name, value)| is_secret_name(name) && is_plain(value)) {
            let message = "its name says that it is a secret, and its value is stored and shown as plain text; create a \
                           secret with `trainyard secret create NAME` and write {\"secret\": \"NAME\"} here";
            self.warnings.add(path::member("env", name), FaultCode::Suspicious, message);
        }
    }

    /// Adds what the centre's engine refuses or cannot honour.
    pub(super) fn apply_judgement(&mut self, centre: &Centre, spec: &JobSpec) {
        for problem in centre.judge.problems(spec) {
            let list = if problem.refuses { &mut self.problems } else { &mut self.warnings };
            list.add(problem.path, FaultCode::NotSupported, problem.message);
        }
    }
}

/// The unknown keys that are near a known one: their paths, each with the known name.
fn misspelt_keys(base: &str, object: &Map<String, Value>, known: &[Member]) -> Vec<(String, &'static str)> {
    object
        .keys()
        .filter(|key| !known.iter().any(|member| member.name == *key))
        .filter_map(|key| {
            let meant = nearest(key, known.iter().map(|member| member.name))?;
            Some((path::member(base, key), meant))
        })
        .collect()
}

fn is_plain_python(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let program = words.next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
    let launchers = ["torch.distributed", "torchrun", "deepspeed", "accelerate"];
    program.starts_with("python") && !launchers.iter().any(|launcher| command.contains(launcher))
}

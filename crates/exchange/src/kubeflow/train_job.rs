//! A TrainJob: a trainer on top of a runtime that only the cluster knows.

use serde_json::Value;
use trainyard_domain::framework::Framework;

use super::{Reading, container};
use crate::ledger::Node;

/// Reads the `spec` of a TrainJob.
pub(super) fn read(spec: &Node<'_>, out: &mut Reading) {
    let framework = runtime(spec, out);
    if let Some(limit) = spec.get("activeDeadlineSeconds") {
        out.set_timeout_from(&limit);
    }
    let Some(trainer) = spec.get("trainer") else {
        return;
    };
    if let Some(nodes) = trainer.get("numNodes")
        && nodes.value.is_u64()
    {
        out.set_size_from("workerCount", nodes.value.clone(), &nodes);
    }
    container::read(&trainer, framework, out);
    trainer.get("resourcesPerNode").iter().for_each(|node| container::sizes(node, out));
    trainer.get("numProcPerNode").iter().for_each(|node| container::processes(node, out));
}

/// The framework that the name of the runtime contains. Only the cluster knows what else the runtime sets.
fn runtime(spec: &Node<'_>, out: &mut Reading) -> Option<Framework> {
    const WORDS: &[(&str, Framework)] = &[
        ("deepspeed", Framework::DeepSpeed),
        ("torch", Framework::PyTorch),
        ("tensorflow", Framework::TensorFlow),
        ("mpi", Framework::Mpi),
    ];
    let name = spec.at(&["runtimeRef", "name"])?;
    let text = name.text()?.to_lowercase();
    let framework = WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, framework)| *framework);
    let why = match framework {
        Some(framework) => {
            out.body.insert("trainingFramwork".to_owned(), Value::from(framework.as_str()));
            "gives the framework; only the cluster knows what else the runtime sets (image, command, sizes)"
        }
        None => "only the cluster knows what the runtime sets (image, command, sizes); write it into the template",
    };
    spec.get("runtimeRef").iter().for_each(|node| out.ledger.explain(node, why));
    framework
}

//! Templates as a server of some years may have them: Chinese and English, several projects, frameworks, labels and
//! visibilities. All content of template number `n` depends on `n` alone, so every run creates the same templates.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::json;
use trainyard_api::paths;

use crate::{driver::Load, wire::request};

/// The projects; four of five templates belong to the first.
pub(crate) const PROJECTS: &[&str] = &["vision", "speech", "language", "robotics"];

const MODELS: &[&str] =
    &["resnet50", "bert-base", "llama", "whisper", "qwen", "stable-diffusion", "图像识别", "语音合成"];
const TASKS: &[&str] = &["finetune", "pretrain", "微调", "预训练", "评测", "ablation", "蒸馏"];
const WORDS: &[&str] = &[
    "训练",
    "模型",
    "checkpoint",
    "数据集",
    "multi-node",
    "混合精度",
    "learning rate",
    "大语言模型",
    "baseline",
    "实验",
];

/// Requests that create the templates of a range, shared by all connections.
pub(crate) struct Fill {
    request: Vec<u8>,
    keys: Arc<Vec<String>>,
    next: Arc<AtomicU64>,
    end: u64,
}

impl Fill {
    /// One value for each connection; `keys` are in the order of [`PROJECTS`].
    pub(crate) fn for_connections(connections: usize, keys: &Arc<Vec<String>>, numbers: &Range<u64>) -> Vec<Self> {
        let next = Arc::new(AtomicU64::new(numbers.start));
        let one = || Self { request: Vec::new(), keys: Arc::clone(keys), next: Arc::clone(&next), end: numbers.end };
        (0..connections).map(|_| one()).collect()
    }
}

impl Load for Fill {
    fn next(&mut self) -> Option<&[u8]> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        if n >= self.end {
            return None;
        }
        // Four of five templates belong to the first project.
        let project =
            usize::try_from(if shuffled(n, 1).is_multiple_of(5) { 1 + shuffled(n, 2) % 3 } else { 0 }).ok()?;
        self.request = request("POST", paths::TEMPLATE_CREATE, self.keys.get(project)?, Some(&body(n)));
        Some(&self.request)
    }
}

fn body(n: u64) -> String {
    let some = |what: u64, of: &[&'static str]| pick(of, shuffled(n, what));
    let most = |what: u64, first: &'static str, others: &[&'static str]| match shuffled(n, what) % 5 {
        0 => pick(others, shuffled(n, what + 100)),
        _ => first,
    };
    let visibility = match shuffled(n, 10) % 20 {
        0 => "private",
        1 | 2 => "public",
        _ => "project",
    };
    // One of a thousand templates has a word that no other template has.
    let rare = if n % 1000 == 500 { " 量子退火 quantum-annealing" } else { "" };
    json!({
        "name": format!("{} {} {n:06}", some(3, MODELS), some(4, TASKS)),
        "desc": format!("{} 的 {}, {} and {}{rare}", some(5, MODELS), some(6, WORDS), some(7, WORDS), most(8, "训练", WORDS)),
        "aidcId": 1 + shuffled(n, 9) % 3,
        "trainingType": if n.is_multiple_of(4) { "HPC" } else { "PRE_TRAINING" },
        "trainingFramwork": most(11, "PyTorch", &["DeepSpeed", "MPI", "TensorFlow"]),
        "image": "registry.example.org/training/pytorch:2.9.1-cuda12.8-cudnn9-devel",
        "env": {"ENV_MODE": "production", "SEED": n},
        "resource": {"cpuCores": "4", "gpuCount": shuffled(n, 12) % 8, "memoryGB": "32", "workerCount": 1 + n % 4},
        "startCommand": format!("python train.py --seed {n} --data /mnt/data"),
        "priority": 1 + n % 3,
        "labels": {"stage": most(13, "daily", &["weekly", "paper", "demo"]), "owner": format!("team-{}", n % 12)},
        "visibility": visibility,
    })
    .to_string()
}

fn pick(of: &[&'static str], chance: u64) -> &'static str {
    let count = of.len().max(1) as u64;
    usize::try_from(chance % count).ok().and_then(|at| of.get(at)).copied().unwrap_or_default()
}

/// A pseudo-random number that depends on both arguments: the finaliser of splitmix64.
fn shuffled(n: u64, what: u64) -> u64 {
    let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(what.wrapping_mul(0xD1B5_4A32_D192_ED03));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

//! The cost of a body without network and disk: parsing and checking a template, and computing the spec of a job.

use divan::black_box;
use serde_json::{Value, json};
use trainyard_domain::{
    capacity::{Capacity, GB},
    document::Document,
    id::{CentreId, TemplateId},
    job_spec::{Centre, Judge},
    merge::Source,
    template::{Base, Request, TemplateInput, effective_spec},
};

fn main() {
    divan::main();
}

fn body() -> Value {
    json!({
        "name": "resnet50-000000000000",
        "desc": "ResNet-50 on the shared ImageNet copy, mixed precision",
        "aidcId": 1,
        "trainingType": "PRE_TRAINING",
        "trainingFramwork": "PyTorch",
        "imageType": "general",
        "image": "registry.example.org/training/pytorch:2.9.1-cuda12.8-cudnn9-devel",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200", "NCCL_DEBUG": "WARN", "OMP_NUM_THREADS": 8, "AMP": true},
        "resource": {"cpuCores": "16", "gpuCount": "0", "memoryGB": "128", "workerCount": 2},
        "enableAutoRetry": true,
        "maxRetryCount": 3,
        "enableTimeoutCancel": true,
        "timeoutHours": 72,
        "startCommand": "torchrun train.py --arch resnet50 --data /mnt/imagenet --out /mnt/checkpoints --batch 256",
        "priority": 2,
        "labels": {"team": "vision", "dataset": "imagenet", "stage": "baseline"},
    })
}

fn centres() -> Vec<Centre> {
    let capacity = Capacity { cpu_milli: 64_000, memory_bytes: 512 * GB, gpus: Vec::new() };
    vec![Centre {
        id: CentreId(1),
        capacity,
        products: Vec::new(),
        aliases: Vec::new(),
        is_allocated_here: true,
        judge: Judge::default(),
        can_mount: true,
        storages: Vec::new(),
        data_dir: None,
        ports: None,
    }]
}

/// The work of `template/create` before the store.
#[divan::bench]
fn parse_and_check(bencher: divan::Bencher<'_, '_>) {
    let body = body();
    bencher.bench(|| TemplateInput::parse(black_box(&body)));
}

/// The work of `instance/create` from a template before the store: merge, template rules, defaults, provenance, checks.
#[divan::bench]
fn merge_and_judge(bencher: divan::Bencher<'_, '_>) {
    let content = TemplateInput::parse(&body()).map(|input| input.content).unwrap_or_default();
    let source = Source::Template(TemplateId::from_random([7; 10]), 1);
    let overrides = json!({"env": {"SEED": "7"}, "priority": 3}).as_object().cloned().unwrap_or_default();
    let (centres, values) = (centres(), Document::new());
    bencher.bench(|| {
        let base = Base { content: black_box(&content), source: &source, author: "alice" };
        effective_spec(base, Request { overrides: black_box(&overrides), values: &values }, &centres)
    });
}

//! The body of the measured creates: 1.2 KB, every published field, and a different name in each request.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::json;
use trainyard_api::paths;

use crate::{driver::Load, wire::request};

/// Digits of the number in a name, padded with zeros so that all requests have the same length.
const DIGITS: usize = 12;

/// Requests of one connection; each has the next number in its name.
pub(crate) struct Creates {
    request: Vec<u8>,
    /// Offset of the number in the request, in bytes.
    number_at: usize,
    next: Arc<AtomicU64>,
}

impl Creates {
    /// One value for each connection. They share the counter, so that no name is sent twice.
    pub(crate) fn for_connections(connections: usize, key: &str, next: &Arc<AtomicU64>) -> Vec<Self> {
        let zeros = "0".repeat(DIGITS);
        let request = request("POST", paths::TEMPLATE_CREATE, key, Some(&body(&zeros)));
        let number_at = request.windows(DIGITS).position(|window| window == zeros.as_bytes()).unwrap_or_default();
        let one = || Self { request: request.clone(), number_at, next: Arc::clone(next) };
        (0..connections).map(|_| one()).collect()
    }

    /// Size of the body in bytes.
    pub(crate) fn body_bytes() -> usize {
        body(&"0".repeat(DIGITS)).len()
    }
}

impl Load for Creates {
    fn next(&mut self) -> Option<&[u8]> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let digits = format!("{number:0DIGITS$}");
        self.request.get_mut(self.number_at..)?.get_mut(..DIGITS)?.copy_from_slice(digits.as_bytes());
        Some(&self.request)
    }
}

fn body(number: &str) -> String {
    json!({
        "name": format!("resnet50-{number}"),
        "desc": "常用 2 卡训练模板: ResNet-50 on the shared ImageNet copy, mixed precision, checkpoints every epoch",
        "aidcId": 1,
        "trainingType": "PRE_TRAINING",
        "trainingFramwork": "PyTorch",
        "imageType": "general",
        "image": "registry.example.org/training/pytorch:2.9.1-cuda12.8-cudnn9-devel",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200", "NCCL_DEBUG": "WARN", "OMP_NUM_THREADS": 8, "AMP": true},
        "resource": {
            "type": "worker", "gpuName": "NVIDIA-L40S-PCIE-48G", "cpuCores": "16", "gpuCount": "2", "memoryGB": "128",
            "productCode": "gpu-l40s-2", "workerCount": 2,
        },
        "enableAutoRetry": true,
        "storageConfigs": [
            {"storageId": "0000-0000-0000-0001", "storageType": "nas-performance", "fileDirectory": "imagenet",
             "mountPath": "/mnt/imagenet", "onlyRead": true},
            {"storageId": "0000-0000-0000-0002", "storageType": "nas-capacity", "fileDirectory": "checkpoints",
             "mountPath": "/mnt/checkpoints", "onlyRead": false},
        ],
        "maxRetryCount": 3,
        "enableTimeoutCancel": true,
        "timeoutHours": 72,
        "startCommand": "torchrun train.py --arch resnet50 --data /mnt/imagenet --out /mnt/checkpoints --batch 256",
        "priority": 2,
        "labels": {"team": "vision", "dataset": "imagenet", "stage": "baseline"},
    })
    .to_string()
}

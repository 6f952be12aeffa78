//! Worker sizes: sent, from a product, by default; and sizes that never fit.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    capacity::{GB, WorkerSize},
    job_spec::{Centre, Prepared, Product, prepare},
    merge::{Source, merge},
    samples::{any_document, any_request, centre, lines, object, template_source},
};

fn gpu_centre() -> Centre {
    let size = |gpus, model: Option<&str>| WorkerSize {
        cpu_milli: 2500,
        memory_bytes: 1_395_864_371,
        gpus,
        gpu_model: model.map(str::to_owned),
    };
    let product = |code: &str, size| Product { code: code.to_owned(), name: code.to_owned(), size, price: None };
    Centre {
        products: vec![product("PRD-GPU", size(1, Some("nvidia l40s"))), product("PRD-CPU", size(0, None))],
        aliases: vec![
            ("NVIDIA L40S".to_owned(), "NVIDIA-L40S-PCIE-48G".to_owned()),
            ("NVIDIA L40S".to_owned(), "L40S".to_owned()),
            ("H200".to_owned(), "NVIDIA H200 NVL".to_owned()),
        ],
        ..centre(8, 16, &["NVIDIA L40S", "NVIDIA L40S", "NVIDIA H200 NVL"])
    }
}

fn resolved(resource: Value) -> Prepared {
    let document = object(json!({"startCommand": "x", "resource": resource}));
    prepare(merge(&document, &template_source(), &object(json!({}))), &[gpu_centre()])
}

#[test]
fn a_product_fills_what_is_left_out_and_given_sizes_win() {
    let check = |resource: Value, filled: Value, from_product: &[&str]| {
        let prepared = resolved(resource);
        assert_eq!(prepared.document["resource"], filled);
        let product = prepared.provenance.iter().filter(|(_, source)| **source == Source::Product);
        let paths: Vec<_> = product.map(|(path, _)| path.trim_start_matches("resource.")).collect();
        assert_eq!(paths, from_product);
    };
    check(
        json!({"productCode": "PRD-GPU"}),
        json!({"productCode": "PRD-GPU", "cpuCores": "2.5", "memoryGB": "1.3", "gpuCount": 1, "gpuName": "nvidia l40s",
               "workerCount": 1}),
        &["cpuCores", "gpuCount", "gpuName", "memoryGB"],
    );
    check(
        json!({"productCode": "PRD-GPU", "cpuCores": 1, "gpuName": "-"}),
        json!({"productCode": "PRD-GPU", "cpuCores": 1, "memoryGB": "1.3", "gpuCount": 1, "gpuName": "-", "workerCount": 1}),
        &["gpuCount", "memoryGB"],
    );
    check(
        json!({"productCode": "PRD-CPU", "workerCount": "2"}),
        json!({"productCode": "PRD-CPU", "cpuCores": "2.5", "memoryGB": "1.3", "gpuCount": 0, "workerCount": "2"}),
        &["cpuCores", "gpuCount", "memoryGB"],
    );
    check(
        json!({"productCode": ""}),
        json!({"productCode": "", "cpuCores": 1, "memoryGB": "2", "gpuCount": 0, "workerCount": 1}),
        &[],
    );
}

#[test]
fn an_unknown_product_is_a_warning_with_sizes_and_a_fault_without() {
    for given in ["cpuCores", "memoryGB", "gpuCount"] {
        let prepared = resolved(json!({"productCode": "PRD-QTT", given: "1"}));
        assert_eq!(lines(&prepared.warnings), ["resource.productCode unknown"]);
        assert!(prepared.spec.is_some());
    }
    for resource in [json!({"productCode": "PRD-QTT"}), json!({"productCode": "PRD-QTT", "workerCount": 1})] {
        let prepared = resolved(resource);
        assert_eq!(lines(&prepared.problems), ["resource.productCode unknown"]);
        assert!(prepared.spec.is_none());
    }
}

#[test]
fn a_model_is_known_by_any_of_its_names_and_no_name_is_any_model() {
    let check = |gpus: u32, name: &str, model: Option<&str>| {
        let prepared = resolved(json!({"gpuCount": gpus, "gpuName": name}));
        let spec = prepared.spec.unwrap_or_else(|| panic!("{name}: {:?}", prepared.problems));
        assert_eq!(spec.size.gpu_model.as_deref(), model, "{name}");
    };
    for name in ["NVIDIA L40S", "nvidia-l40s", "NVIDIAL40S", "NVIDIA-L40S-PCIE-48G", "nvidia l40s pcie 48g", "l40s"] {
        check(1, name, Some("NVIDIA L40S"));
    }
    // The first name of the aliases need not be the name that the driver reports.
    check(1, "h200", Some("NVIDIA H200 NVL"));
    check(3, "", None);
    check(3, "-", None);
    check(3, " - ", None);
    check(0, "NVIDIA B200", None);
}

#[test]
fn memory_left_out_is_the_cores_share_of_the_host() {
    let check = |cores: u64, memory_gb: u64, wanted: &str, share: &str| {
        let document = object(json!({"startCommand": "x", "resource": {"cpuCores": wanted}}));
        let prepared =
            prepare(merge(&document, &Source::Request, &object(json!({}))), &[centre(cores, memory_gb, &[])]);
        assert_eq!(prepared.document["resource"]["memoryGB"], json!(share), "{wanted} of {cores}");
    };
    check(8, 16, "1", "2");
    check(8, 16, "8", "16");
    check(8, 16, "0.5", "1");
    check(3, 16, "1", "5.333");
    check(3, 16, "2", "10.666");
    check(64, 1, "0.001", "0.001");
    check(2, 16, "100", "16");
}

#[test]
fn a_job_that_never_fits_is_refused_with_each_resource_and_its_amounts() {
    let check = |resource: Value, problems: &[(&str, &str)]| {
        let prepared = resolved(resource);
        let found: Vec<_> = prepared.problems.iter().map(|f| (f.path.as_str(), f.message.as_str())).collect();
        assert_eq!(found, problems);
    };
    check(json!({"cpuCores": 8, "memoryGB": 16, "gpuCount": 3}), &[]);
    check(
        json!({"cpuCores": "4.001", "memoryGB": 1, "workerCount": 2}),
        &[("resource.cpuCores", "needs 2 × 4.001 = 8.002 cores; the centre has 8")],
    );
    check(
        json!({"memoryGB": "5.5", "workerCount": 3}),
        &[("resource.memoryGB", "needs 3 × 5.5 = 16.5 GB; the centre has 16 GB")],
    );
    let models = "NVIDIA H200 NVL, NVIDIA L40S";
    check(
        json!({"gpuCount": 2, "workerCount": 2}),
        &[("resource.gpuCount", &format!("needs 2 × 2 = 4 GPUs; the centre has 3 (models: {models})"))],
    );
    check(
        json!({"gpuCount": 3, "gpuName": "L40S"}),
        &[(
            "resource.gpuCount",
            &format!("needs 1 × 3 = 3 GPUs of model NVIDIA L40S; the centre has 2 (models: {models})"),
        )],
    );
    check(
        json!({"gpuCount": 1, "gpuName": "B200"}),
        &[("resource.gpuName", &format!("needs 1 × 1 = 1 GPUs of model B200; the centre has 0 (models: {models})"))],
    );
    let all = resolved(json!({"cpuCores": 100_000, "memoryGB": 1_000_000, "gpuCount": 1024, "workerCount": 10_000}));
    assert_eq!(all.problems.len(), 3);
}

proptest! {
    #[test]
    fn the_shares_of_all_cores_fit_together(cores in 1_u64..200, memory_gb in 1_u64..4000, each in 1_u64..8) {
        let workers = (cores / each).max(1);
        prop_assume!(workers * each <= cores);
        let document = object(json!({"startCommand": "x", "resource": {"cpuCores": each, "workerCount": workers}}));
        let prepared = prepare(merge(&document, &Source::Request, &object(json!({}))), &[centre(cores, memory_gb, &[])]);
        prop_assert_eq!(lines(&prepared.problems), Vec::<String>::new());
        let size = prepared.spec.unwrap().size;
        prop_assert!(size.memory_bytes * workers <= memory_gb * GB);
    }

    #[test]
    fn every_leaf_of_the_effective_spec_has_exactly_one_source(base in any_document(), patch in any_request()) {
        let prepared = prepare(merge(&base, &template_source(), &patch), &[gpu_centre()]);
        let mut leaves: Vec<_> = crate::document::leaves(&prepared.document).into_iter().map(|(path, _)| path).collect();
        leaves.sort();
        prop_assert_eq!(leaves, prepared.provenance.keys().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn preparing_a_prepared_spec_changes_nothing(base in any_document()) {
        let once = prepare(merge(&base, &template_source(), &object(json!({}))), &[gpu_centre()]);
        let twice = prepare(merge(&once.document, &Source::Request, &object(json!({}))), &[gpu_centre()]);
        prop_assert_eq!(&once.document, &twice.document);
        prop_assert_eq!(once.spec, twice.spec);
    }
}

#[test]
fn more_ports_than_the_centre_has_never_fit() {
    let check = |framework: &str, workers: u32, problems: &[&str]| {
        let few = [Centre { ports: Some(2), ..centre(8, 16, &[]) }];
        let document =
            object(json!({"startCommand": "x", "trainingFramwork": framework, "resource": {"workerCount": workers}}));
        let prepared = prepare(merge(&document, &template_source(), &object(json!({}))), &few);
        let found: Vec<_> =
            prepared.problems.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
        assert_eq!(found, problems);
    };
    check("TensorFlow", 2, &[]);
    let why = "resource.workerCount: needs 3 ports, one for each worker; `port_range` of the centre has 2";
    check("TensorFlow", 3, &[why]);
    check("PyTorch", 3, &[]);
}

#[test]
fn one_job_may_hold_half_of_the_ports_and_all_of_a_few() {
    let check = |ports: usize, workers: usize, is_refused: bool| {
        let all = [Centre { ports: Some(ports), ..centre(100_000, 1_000_000, &[]) }];
        let document = object(json!({"startCommand": "x", "trainingFramwork": "TensorFlow",
                                     "resource": {"workerCount": workers, "memoryGB": 1}}));
        let prepared = prepare(merge(&document, &template_source(), &object(json!({}))), &all);
        assert_eq!(!prepared.problems.is_empty(), is_refused, "{ports} {workers}: {:?}", lines(&prepared.problems));
        if is_refused && workers <= ports {
            let most = ports / 2;
            let why = format!("one job may hold {most} of the {ports} in `port_range` of the centre");
            assert!(prepared.problems[0].message.contains(&why), "{:?}", lines(&prepared.problems));
        }
    };
    check(15, 15, false);
    check(16, 8, false);
    check(16, 9, true);
    check(10_000, 5000, false);
    check(10_000, 5001, true);
}

#[test]
fn the_texts_of_all_workers_together_are_bounded() {
    let check = |env: usize, command: usize, workers: u32| {
        let document = object(json!({"startCommand": "x".repeat(command), "env": {"A": "y".repeat(env)},
                                     "resource": {"workerCount": workers, "memoryGB": 1}}));
        let centre = [centre(100_000, 1_000_000, &[])];
        let prepared = prepare(merge(&document, &template_source(), &object(json!({}))), &centre);
        prepared.problems.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect::<Vec<_>>()
    };
    assert_eq!(check(120_000, 120_000, 1000), Vec::<String>::new());
    let most = (512 << 20) / 10_000;
    assert_eq!(check(100, most - 103, 10_000), Vec::<String>::new());
    let why = "`env` and `startCommand` have 53688 bytes for each of 10000 workers, 512 MiB together, and at most 512 MiB are \
               possible; put long texts into a file, or use fewer workers";
    let [fault] = check(100, most - 102, 10_000).try_into().unwrap();
    assert!(fault.starts_with("startCommand") && fault.contains(why), "{fault}");
    let [fault] = check(120_000, 1, 10_000).try_into().unwrap();
    assert!(fault.starts_with("env") && fault.contains("1144 MiB together"), "{fault}");
}

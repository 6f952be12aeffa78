//! Compute centres: capacity, products, free resources, and the configuration that declares them.

mod configuration;
mod removed;

use serde_json::{Value, json};

use crate::harness::Host;

const LIST: &str = "/v1/aidc/list";
const PRODUCTS: &str = "/v1/product/list-for-training-task";
const ENABLED: &str = "/v1/training/instance/checkIsEnabled";

/// Two centres: one with GPUs, storages and products, and one with few resources.
const TWO_CENTRES: &str = r#"
aliases = { "NVIDIA L40S" = ["NVIDIA-L40S-PCIE-48G"] }

[[centre]]
id = 7
name = "small"
capacity = { cpu_cores = 2.5, memory_gb = 4, gpus = [] }
[[centre.product]]
code = "CPU"
name = "one core"
cpu_cores = 1
memory_gb = 0.5
disk_gb = 10.5

[[centre]]
id = 2
name = "大"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [
    { name = "NVIDIA L40S", count = 4 }, { name = "NVIDIA-A100", count = 1 }, { name = "NVIDIA L40S", count = 4 } ] }
[[centre.storage]]
id = "11111111-2222-3333-4444-555555555555"
type = "nas-capacity"
path = "/data/nas"
[[centre.storage]]
id = "fast"
type = "nas-performance"
path = "/data/fast"
read_only = true
[[centre.product]]
code = "PRD-QTT"
name = "量子训练"
cpu_cores = 1
memory_gb = 2
gpu_name = "NVIDIA-L40S-PCIE-48G"
gpu_count = 2
price = "0.0002B"
price_unit = "hour"
[[centre.product]]
code = "ANY"
name = "any GPU"
cpu_cores = 20
memory_gb = 1
gpu_count = 1
[[centre.product]]
code = "HUGE"
name = "more than there is"
cpu_cores = 65
memory_gb = 1
"#;

#[tokio::test]
async fn the_list_shows_the_centres_in_the_order_of_their_ids() {
    let host = Host::start_without_loops(TWO_CENTRES).await;
    let centres = host.get(LIST).await.ok();
    let [large, small] = centres.as_array().unwrap().as_slice() else { panic!("{centres:#}") };
    assert_eq!((&large["id"], &large["name"]), (&json!(2), &json!("大")));
    assert_eq!((&small["id"], &small["name"]), (&json!(7), &json!("small")));
    let gpus = json!([{"name": "NVIDIA L40S", "count": 8}, {"name": "NVIDIA-A100", "count": 1}]);
    assert_eq!(large["capacity"], json!({"cpuCores": 64, "memoryGB": 64, "gpus": gpus}));
    assert_eq!(small["capacity"], json!({"cpuCores": 2.5, "memoryGB": 4, "gpus": []}));
    for centre in [large, small] {
        assert_eq!(centre["free"], centre["capacity"], "no job runs");
        assert_eq!((&centre["engine"], &centre["runtime"]), (&json!("local"), &json!("process")));
        assert_eq!(centre["enabled"], true);
        let isolation = centre["isolation"].as_str().unwrap();
        let known = ["own user", "data directory hidden", "NOT ISOLATED: every job can read the admin key"];
        assert!(known.contains(&isolation), "{isolation}");
        let means = centre["isolationMeans"].as_array().unwrap();
        assert!(means.iter().any(|one| one["means"] == "pid namespace"), "{centre:#}");
        assert!(means.iter().all(|one| one["used"].is_boolean() && one["note"] != ""), "{centre:#}");
        let methods = ["cgroup.kill", "freezer", "pid namespace", "subreaper"];
        assert!(methods.contains(&centre["killing"]["means"].as_str().unwrap()), "{centre:#}");
        assert!(centre["killing"]["note"].as_str().unwrap().contains("outlive"));
        let limits = ["cpu", "memory", "pids"].map(|what| centre["limits"][what].as_str().unwrap());
        assert!(limits.iter().all(|by| ["cgroup v2", "cgroup v1", "none"].contains(by)), "{limits:?}");
        assert_eq!(limits.contains(&"none"), centre["limits"]["note"] != "", "{centre:#}");
        assert!(!centre["notes"].as_array().unwrap().is_empty());
    }
    assert_eq!(
        large["storages"],
        json!([
            {"storageId": "11111111-2222-3333-4444-555555555555", "storageType": "nas-capacity", "path": "/data/nas",
                "readOnly": false, "configured": true},
            {"storageId": "fast", "storageType": "nas-performance", "path": "/data/fast", "readOnly": true,
                "configured": true},
        ])
    );
    assert_eq!(small["storages"], json!([]));
}

#[tokio::test]
async fn without_a_configuration_this_machine_is_centre_1() {
    let host = Host::start_without_loops("").await;
    let centres = host.get(LIST).await.ok();
    assert_eq!((&centres[0]["id"], &centres[0]["name"]), (&json!(1), &json!("this machine")));
    assert_eq!(centres.as_array().unwrap().len(), 1);
    assert!(centres[0]["capacity"]["cpuCores"].as_f64().unwrap() > 0.0);
    assert!(centres[0]["capacity"]["memoryGB"].as_f64().unwrap() > 0.0);
    assert_eq!(host.get(PRODUCTS).await.ok(), json!([]));
}

#[tokio::test]
async fn products_are_listed_with_the_number_of_workers_that_fit() {
    let host = Host::start_without_loops(TWO_CENTRES).await;
    let qtt = json!({
        "name": "量子训练", "aidcId": 2, "productCode": "PRD-QTT", "cpuCores": 1, "memoryGB": 2,
        "gpuName": "NVIDIA-L40S-PCIE-48G", "gpuCount": 2, "diskGB": 0, "price": "0.0002B", "priceUnit": "hour",
        "remainingCount": 4, "ext": {}
    });
    let cpu = json!({
        "name": "one core", "aidcId": 7, "productCode": "CPU", "cpuCores": 1, "memoryGB": 0.5, "gpuName": "-",
        "gpuCount": 0, "diskGB": 10.5, "price": "", "priceUnit": "", "remainingCount": 2, "ext": {}
    });
    let products = host.get(PRODUCTS).await.ok();
    assert_eq!((&products[0], &products[3]), (&qtt, &cpu));
    // A product without a model fits on any GPU; here the cores limit it. A product larger than the centre never fits.
    assert_eq!(remaining(&products), [("PRD-QTT", 4), ("ANY", 3), ("HUGE", 0), ("CPU", 2)]);
    for (query, codes) in [
        ("?aidcId=2", &["PRD-QTT", "ANY", "HUGE"][..]),
        ("?aidcId=7", &["CPU"]),
        ("?aidcId=1", &[]),
        ("?aidcId=-1", &[]),
        ("?aidcId=", &["PRD-QTT", "ANY", "HUGE", "CPU"]),
    ] {
        let products = host.get(&format!("{PRODUCTS}{query}")).await.ok();
        let found: Vec<_> = remaining(&products).into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, codes, "{query}");
    }
}

fn remaining(products: &Value) -> Vec<(&str, u64)> {
    let products = products.as_array().unwrap().iter();
    products.map(|p| (p["productCode"].as_str().unwrap(), p["remainingCount"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resources_of_a_job_are_free_only_after_its_end() {
    let host = Host::start(TWO_CENTRES).await;
    let wants = json!({"aidcId": 2, "resource": {"productCode": "PRD-QTT", "workerCount": 3}, "stopGraceSeconds": 1});
    let job = host.job("sleep 600", wants).await;
    host.wait_for_status(&job, "Running").await;
    let products = host.get(&format!("{PRODUCTS}?aidcId=2")).await.ok();
    assert_eq!(remaining(&products), [("PRD-QTT", 1), ("ANY", 3), ("HUGE", 0)]);
    let centres = host.get(LIST).await.ok();
    let gpus = json!([{"name": "NVIDIA L40S", "count": 2}, {"name": "NVIDIA-A100", "count": 1}]);
    assert_eq!(centres[0]["free"], json!({"cpuCores": 61, "memoryGB": 58, "gpus": gpus}));
    assert_eq!(centres[1]["free"], centres[1]["capacity"], "the other centre does not change");

    host.stop(&job).await.ok();
    host.wait_for_end(&job).await;
    let products = host.get(&format!("{PRODUCTS}?aidcId=2")).await.ok();
    assert_eq!(remaining(&products), [("PRD-QTT", 4), ("ANY", 3), ("HUGE", 0)]);
}

#[tokio::test]
async fn jobs_can_be_created_for_configured_centres() {
    let host = Host::start_without_loops(TWO_CENTRES).await;
    for (query, expected) in [
        ("", true),
        ("?aidcId=2", true),
        ("?aidcId=7", true),
        ("?aidcId=1", false),
        ("?aidcId=0", false),
        ("?aidcId=-9223372036854775808", false),
    ] {
        assert_eq!(host.get(&format!("{ENABLED}{query}")).await.ok(), expected, "{query}");
    }
    // Without `aidcId` the centre with the lowest id is used.
    let job = host.job("true", json!({})).await;
    assert_eq!(host.detail(&job).await["aidcId"], 2);
}

#[tokio::test]
async fn a_query_about_centres_is_checked() {
    let host = Host::start_without_loops(TWO_CENTRES).await;
    for path in [PRODUCTS, ENABLED] {
        for (query, code) in [
            ("aidcId=x", "out_of_range"),
            ("aidcId=9223372036854775808", "out_of_range"),
            ("aidcId=1&aidcId=2", "duplicate"),
            ("aidcid=1", "unknown_field"),
        ] {
            let reply = host.get(&format!("{path}?{query}")).await;
            let field = query.split('=').next().unwrap().to_owned();
            assert_eq!(reply.faults(), [(field, code.to_owned())], "{path}?{query}");
        }
    }
    assert_eq!(host.get(&format!("{LIST}?aidcId=1")).await.code(), "bad_query");
}

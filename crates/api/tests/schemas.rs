//! The schemas of bodies and responses: published names, required fields, one schema for all failures.
#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

use serde::Serialize;
use serde_json::{Value, json};
use trainyard_api::{
    Code, Envelope, FailureData,
    failures::{Fails, ReadFailures},
    job::{JobCreate, JobRecord},
    template::{TemplateBody, TemplateRecord},
};
use utoipa::{IntoResponses, PartialSchema};

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap()
}

/// The published sample, with unusual values that clients send.
fn sample() -> Value {
    json!({
        "name": "my training task", "desc": "my training task", "aidcId": 2, "trainingType": "PRE_TRAINING",
        "trainingFramwork": "TensorFlow", "imageType": "general", "image": "harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200", "N": 1, "F": 1.5, "B": true},
        "resource": {"type": "worker", "gpuName": "NVIDIA-L40S-PCIE-48G", "cpuCores": "1", "gpuCount": "1", "memoryGB": 2,
            "productCode": "PRD-QTT", "productName": "量子训练", "workerCount": 1, "productPrice": "0.0002B"},
        "enableAutoRetry": true,
        "storageConfigs": [{"storageId": "0000-0000-0000-0000", "storageType": "nas-capacity", "fileDirectory": "nas123",
            "mountPath": "/root/nas/123", "onlyRead": true}],
        "maxRetryCount": 3, "enableTimeoutCancel": true, "timeoutHours": 1,
        "startCommand": "python train.py --data /root/nas/123/data", "priority": 3
    })
}

#[test]
fn the_published_sample_is_parsed_and_written_back_equal() {
    let body: TemplateBody = serde_json::from_value(sample()).unwrap();
    assert_eq!(serde_json::to_value(&body).unwrap(), sample());
}

#[test]
fn every_published_field_is_documented_by_its_name() {
    let spec = schema::<trainyard_api::spec::SpecFields>();
    let published = sample();
    for name in published.as_object().unwrap().keys().filter(|name| *name != "name") {
        assert!(spec["properties"].get(name).is_some(), "{name}");
    }
    assert_eq!(schema::<TemplateBody>()["allOf"][1]["required"], json!(["name"]));
}

#[test]
fn fields_without_a_value_are_left_out_of_answers() {
    let record = schema::<JobRecord>();
    for (name, field) in record["properties"].as_object().unwrap() {
        assert!(!field.to_string().contains("null"), "{name} is documented as null");
    }
    let required = record["required"].to_string();
    assert!(required.contains("createdTimeMs") && !required.contains("endTime"), "{required}");
}

#[test]
fn only_the_free_form_objects_of_the_contract_accept_any_member() {
    let spec = schema::<trainyard_api::spec::SpecFields>();
    let free =
        |field: &Value| field["type"].to_string().contains("object") && field.get("additionalProperties").is_none();
    let names: Vec<&String> =
        spec["properties"].as_object().unwrap().iter().filter(|(_, field)| free(field)).map(|(name, _)| name).collect();
    assert_eq!(names, ["env", "resource"]);
}

#[test]
fn a_failure_without_details_has_empty_data() {
    for (data, text) in [(FailureData::default(), "{}"), (FailureData::of(Code::NameTaken), r#"{"code":"name_taken"}"#)]
    {
        assert_eq!(serde_json::to_string(&data).unwrap(), text);
    }
}

#[test]
fn every_code_has_its_status_and_its_word() {
    for code in Code::ALL {
        assert!((400..600).contains(&code.status()), "{code:?}");
        let word = serde_json::to_value(code).unwrap();
        assert_eq!(serde_json::from_value::<Code>(word).unwrap(), code);
    }
}

#[test]
fn an_operation_documents_a_set_and_single_failures() {
    assert_eq!(
        ReadFailures::responses().into_keys().collect::<Vec<_>>(),
        ["400", "401", "404", "500", "503", "default"]
    );
    let single = serde_json::to_value(Fails::<409>::responses()).unwrap();
    assert_eq!(single["409"]["content"]["application/json"]["schema"], json!({"$ref": "#/components/schemas/Failure"}));
}

#[test]
fn a_success_is_as_published() {
    let text = serde_json::to_string(&Envelope::ok(trainyard_api::Empty {})).unwrap();
    assert_eq!(text, r#"{"status":200,"message":"OK","data":{}}"#);
}

#[test]
fn a_record_can_be_sent_back_as_a_body() {
    fn reread<T: Serialize>(value: &T) -> TemplateBody {
        serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
    }
    let body: TemplateBody = serde_json::from_value(sample()).unwrap();
    let record = TemplateRecord {
        id: "tpl_6f1a62c0a5bf4e0c9b2f".to_owned(),
        body: body.clone(),
        version: 1,
        latest_version: 2,
        revision: 1,
        project: "default".to_owned(),
        archived: false,
        comment: Some("the first".to_owned()),
        create_by: "admin".to_owned(),
        created_time: "2026-11-02 08:15:30".to_owned(),
        created_time_ms: 1,
        updated_time: "2026-11-02 08:15:30".to_owned(),
        updated_time_ms: 1,
        jobs_made: 1,
        last_used_time: Some("2026-11-02 08:15:30".to_owned()),
        last_used_time_ms: Some(1),
    };
    assert_eq!(reread(&record), body);
    let job: JobCreate = serde_json::from_value(json!({"createType": "TEMPLATE", "templateId": "tpl_1",
        "parameterValues": {"EPOCHS": 3, "NAME": "3", "FAST": true}, "priority": 1}))
    .unwrap();
    assert_eq!(job.spec.priority, Some(1));
    assert_eq!(serde_json::to_value(&job).unwrap()["parameterValues"], json!({"EPOCHS": 3, "NAME": "3", "FAST": true}));
}

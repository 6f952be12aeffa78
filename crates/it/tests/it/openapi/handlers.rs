//! Each handler reads the parameters and the fields that the document names for its operation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    contract::{Operation, inlined, operations},
    harness::{Host, ROOMY},
};

/// A request for an object that does not exist; the server checks the query and the body first.
fn request(host: &Host, operation: &Operation, query: &str) -> reqwest::RequestBuilder {
    let path = operation.path.replace("{id}", "1").replace("{podName}", "job-0-master-0").replace("{n}", "1");
    let path = path.replace("{storageId}", "none") + query;
    host.request(operation.method.parse().unwrap(), &path, &host.admin).header("if-match", "\"1\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_the_parameters_that_are_documented_and_no_others() {
    let host = Host::start_without_loops(ROOMY).await;
    for operation in operations().filter(|operation| operation.path.starts_with("/v1/")) {
        let parameters = operation.definition["parameters"].as_array().into_iter().flatten();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query");
        let documented: BTreeSet<&str> = in_query.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let reply = host.send(request(&host, &operation, "?no_such=1")).await;
        let message = reply.body["data"]["errors"][0]["message"].as_str().unwrap_or_default();
        let known = message.split_once("(known: ").map_or(message, |(_, known)| known.trim_end_matches(')'));
        let taken: BTreeSet<&str> = known.split(", ").filter(|_| message.contains("(known: ")).collect();
        let taken = if taken.contains("this call takes no parameters") { BTreeSet::new() } else { taken };
        assert!(message.contains("no such parameter"), "{}: {}", operation.id, reply.body);
        assert_eq!(taken, documented, "{}: {message}", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_every_field_of_its_documented_body() {
    let host = Host::start_without_loops(ROOMY).await;
    let mut count = 0;
    for operation in operations() {
        let schema = &operation.definition["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let nulls: Value = fields(&inlined(schema)).into_iter().map(|name| (name, Value::Null)).collect();
        assert!(nulls.as_object().is_some_and(|nulls| !nulls.is_empty()), "{}", operation.id);
        let reply = host.send(request(&host, &operation, "").json(&nulls)).await;
        let faults = reply.body["data"]["errors"].as_array().into_iter().flatten();
        let unknown: Vec<&Value> = faults.filter(|fault| fault["code"] == json!("unknown_field")).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", operation.id);
        count += 1;
    }
    assert!(count > 5);
}

/// The fields of a body, also those of the parts that it consists of.
fn fields(schema: &Value) -> BTreeSet<String> {
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let parts = ["allOf", "oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
    own.chain(parts.flat_map(fields)).collect()
}

use serde_json::json;
use trainyard_api::{Client, ClientError, template::find::TemplateListQuery};

use crate::script::{json, serve};

#[tokio::test]
async fn a_call_carries_key_body_and_revision_and_answers_data_as_sent() {
    let updated = r#"{"status":200,"message":"OK","data":{"version":2,"revision":3,"newer":"field"}}"#;
    let (client, asked) = serve(vec![json(200, "", updated)]).await;
    let answer = client.template_update("tpl_1", 2, &json!({"name": "a", "env": {"A": null}})).await.unwrap();
    assert_eq!((answer.data.version, answer.data.revision), (2, 3));
    assert_eq!(answer.raw, json!({"version": 2, "revision": 3, "newer": "field"}));
    let request = asked.lock().unwrap()[0].clone();
    assert!(request.starts_with("PUT /v1/training/template/tpl_1/update HTTP/1.1\r\n"), "{request}");
    for part in ["authorization: Bearer tyk_test\r\n", "if-match: \"2\"\r\n", "{\"name\":\"a\",\"env\":{\"A\":null}}"] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

#[tokio::test]
async fn location_gives_the_id_of_the_created_object() {
    let location = "location: /v1/training/template/tpl_6f1a62c0a5bf4e0c9b2f/detail\r\n";
    let (client, _) = serve(vec![json(200, location, r#"{"status":200,"message":"OK","data":{}}"#)]).await;
    let answer = client.template_create(&json!({"name": "a"})).await.unwrap();
    assert_eq!(answer.located_id(), Some("tpl_6f1a62c0a5bf4e0c9b2f"));
}

#[tokio::test]
async fn a_query_contains_only_the_fields_that_are_set() {
    let page = r#"{"status":200,"message":"OK","data":{"records":[],"pageNo":2,"pageSize":5,"totalRows":7}}"#;
    let (client, asked) = serve(vec![json(200, "", page)]).await;
    let query = TemplateListQuery { page_no: Some(2), name: Some("50%&ü".to_owned()), ..TemplateListQuery::default() };
    assert_eq!(client.template_list(&query).await.unwrap().data.total_rows, 7);
    let request = asked.lock().unwrap()[0].clone();
    assert!(request.starts_with("GET /v1/training/template/list?pageNo=2&name=50%25%26%C3%BC HTTP"), "{request}");
}

#[tokio::test]
async fn a_failure_keeps_its_sentence_its_code_and_every_fault() {
    let body = r#"{"status":400,"message":"Bad Request: 2 faults","data":{"code":"a_newer_code","errors":[
        {"field":"name","code":"required","message":"is required"},
        {"field":"priority","code":"out_of_range","message":"must be 1 to 3"}]}}"#;
    let (client, _) = serve(vec![json(400, "", body)]).await;
    let error = client.template_create(&json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "Bad Request: 2 faults");
    let ClientError::Server { status: 400, code: Some(code), errors, .. } = error else { panic!("{error:?}") };
    assert_eq!(code, "a_newer_code");
    assert_eq!(errors.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["name", "priority"]);
}

#[tokio::test]
async fn published_failures_without_data_are_understood() {
    let (client, _) = serve(vec![json(403, "", r#"{"status":403,"message":"Forbidden","data":{}}"#)]).await;
    let error = client.centre_list().await.unwrap_err();
    assert_eq!((error.status(), error.to_string().as_str()), (Some(403), "Forbidden"));
}

#[tokio::test]
async fn responses_of_other_programs_are_reported_as_such() {
    for (answer, part) in [
        (json(502, "", "<html>bad gateway</html>"), "status 502 with \"<html>bad gateway</html>\""),
        (json(302, "location: /login\r\n", ""), "a redirect"),
        (json(200, "", ""), "an empty body"),
        (json(200, "", r#"{"status":200,"message":"OK","data":{"version":"x"}}"#), "has an unexpected form"),
    ] {
        let (client, _) = serve(vec![answer]).await;
        let error = client.template_update("tpl_1", 1, &json!({})).await.unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn a_refused_connection_says_what_to_do() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&address, "k").unwrap().ready().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("no response from {address}: nothing listens there; start the server, or check the address")
    );
}

#[test]
fn a_key_is_never_printed_and_must_fit_in_a_header() {
    let client = Client::new("http://127.0.0.1:1", "tyk_secret").unwrap();
    assert!(!format!("{client:?}").contains("secret"));
    assert!(matches!(Client::new("http://127.0.0.1:1", "a\nb"), Err(ClientError::BadKey)));
}

#[test]
fn every_path_has_a_method() {
    let paths = include_str!("../../src/paths.rs");
    let calls = [include_str!("../../src/client/calls.rs"), include_str!("../../src/client/follow.rs")].concat();
    let names = paths.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(':')).map(|(name, _)| name);
    // For programs that watch the server, and for people.
    let without = ["HEALTHZ", "OPENAPI", "DOCS"];
    let has_method = |name: &&str| calls.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *name);
    let missing: Vec<&str> = names.filter(|name| !without.contains(name) && !has_method(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

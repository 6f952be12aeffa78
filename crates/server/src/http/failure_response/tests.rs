//! Each failure has its status, its code and the published form.

use axum::body::to_bytes;
use trainyard_domain::fault::FaultCode;

use super::*;

async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

fn fault(path: &str) -> Fault {
    Fault { path: path.to_owned(), code: FaultCode::Required, message: "must be given".to_owned() }
}

#[tokio::test]
async fn each_failure_has_its_status_its_code_and_a_message() {
    let text = || "because".to_owned();
    for (failure, status, code, said) in [
        (Failure::BadBody(vec![fault("name")]), 400, "bad_body", "name: must be given"),
        (
            Failure::BadQuery(vec![fault("a"), fault("b")]),
            400,
            "bad_query",
            "2 faults, all listed in data.errors; the first: a",
        ),
        (Failure::CannotRun(vec![fault("")]), 400, "cannot_run", "must be given"),
        (Failure::BadHeader(text()), 400, "bad_header", "because"),
        (Failure::BadJson(text()), 400, "bad_json", "because"),
        (Failure::not_found("job", "job_1"), 404, "not_found", "job job_1"),
        (Failure::NameTaken { name: text(), id: None }, 409, "name_taken", "\"because\""),
        (Failure::NotEnded, 409, "not_ended", "stop it first"),
        (Failure::IdempotencyConflict, 409, "idempotency_conflict", "new key"),
        (Failure::LastAdminKey, 409, "last_admin_key", "create another admin key first"),
        (Failure::StorageExists(text()), 409, "storage_exists", "id because"),
        (Failure::StorageConfigured, 409, "storage_configured", "configuration file"),
        (Failure::StorageInUse("job_0123456789abcdef0123".parse().unwrap()), 409, "storage_in_use", "stop it first"),
        (Failure::SecretExists(text()), 409, "secret_exists", "\"replace\": true"),
        (Failure::TooManySecrets { most: 9 }, 409, "too_many_secrets", "9 secrets"),
        (Failure::Stale { revision: 7 }, 412, "stale_revision", "revision is 7"),
        (Failure::TooLarge, 413, "body_too_large", "256 KiB"),
        (Failure::NotJson, 415, "unsupported_media_type", "application/json"),
        (Failure::RevisionRequired, 428, "revision_required", "If-Match"),
        (Failure::TooMany(text()), 429, "rate_limited", "because"),
        (Failure::Unavailable(text()), 503, "unavailable", "because"),
        (Failure::DiskFull, 507, "disk_full", "free some space"),
    ] {
        let (found, body) = read(failure.into_response()).await;
        assert_eq!((found, &body["status"], &body["data"]["code"]), (status, &json!(status), &json!(code)));
        let message = body["message"].as_str().unwrap();
        let sentence = message.strip_prefix(phrase(status)).and_then(|rest| rest.strip_prefix(": "));
        assert!(sentence.is_some_and(|sentence| sentence.contains(said)), "{message}");
    }
}

#[tokio::test]
async fn failures_that_are_published_without_data_reveal_nothing_more() {
    let secret = "a path of this host";
    for (answer, body) in [
        (Failure::Forbidden.into_response(), json!({"status": 403, "message": "Forbidden", "data": {}})),
        (
            Failure::Internal(secret.to_owned()).into_response(),
            json!({"status": 500, "message": "Internal Server Error", "data": {}}),
        ),
        (panic_response(Box::new(secret)), json!({"status": 500, "message": "Internal Server Error", "data": {}})),
        (
            Failure::Unauthorized("send a key".into()).into_response(),
            json!({"status": 401, "message": "Unauthorized: send a key", "data": {}}),
        ),
    ] {
        assert_eq!(read(answer).await.1, body);
    }
}

#[tokio::test]
async fn long_texts_of_the_caller_are_shortened() {
    let long = "ü".repeat(10_000);
    for failure in [Failure::not_found("job", &long), Failure::BadBody(vec![fault(&long)])] {
        let (_, body) = read(failure.into_response()).await;
        assert!(body["message"].as_str().unwrap().chars().count() < 300);
    }
}

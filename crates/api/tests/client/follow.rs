use trainyard_api::{ClientError, client::LogFollow};

use crate::script::{events, json, serve};

async fn all(mut log: LogFollow) -> Result<String, ClientError> {
    let mut text = String::new();
    while let Some(chunk) = log.next().await? {
        text.push_str(&chunk.text);
    }
    Ok(text)
}

fn chunk(text: &str, offset: u64) -> String {
    let next = offset + text.len() as u64;
    let data = serde_json::json!({"text": text, "offset": offset, "nextOffset": next, "end": false});
    format!("id: {next}\ndata: {data}\n\n")
}

#[tokio::test]
async fn an_interrupted_log_continues_where_it_ended() {
    let cut_in_an_event = format!("{}: alive\n\n{}", chunk("one\n", 0), chunk("lost", 4).trim_end());
    let unavailable = json(503, "", r#"{"status":503,"message":"Service Unavailable","data":{"code":"unavailable"}}"#);
    let rest = format!("{}event: end\nid: 8\ndata: {{}}\n\n", chunk("two\n", 4));
    let (client, asked) = serve(vec![events(&cut_in_an_event), unavailable, events(&rest)]).await;
    let text = all(client.log_follow("job_1", "job-1-master-0", Some(1), -100)).await.unwrap();
    assert_eq!(text, "one\ntwo\n");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].starts_with("GET /v1/training/instance/job_1/job-1-master-0/log?attempt=1&offset=-100 HTTP"));
    assert!(!asked[0].contains("last-event-id"));
    for again in &asked[1..] {
        assert!(again.contains("attempt=1&offset=4 HTTP") && again.contains("last-event-id: 4\r\n"), "{again}");
        assert!(again.contains("accept: text/event-stream\r\n"), "{again}");
    }
}

#[tokio::test]
async fn text_in_the_last_event_is_not_lost() {
    let last = format!("event: end\n{}", chunk("tail", 0));
    let (client, _) = serve(vec![events(&last)]).await;
    assert_eq!(all(client.log_follow("job_1", "p", None, 0)).await.unwrap(), "tail");
}

#[tokio::test]
async fn a_refusal_ends_the_following_at_once() {
    let gone = json(404, "", r#"{"status":404,"message":"Not Found: no such job","data":{"code":"not_found"}}"#);
    let (client, _) = serve(vec![gone]).await;
    let error = all(client.log_follow("job_1", "p", None, 0)).await.unwrap_err();
    assert_eq!((error.status(), error.to_string().as_str()), (Some(404), "Not Found: no such job"));
}

#[tokio::test]
async fn a_closed_stream_says_why_and_is_not_opened_again() {
    let why = r#"{"status":401,"message":"Unauthorized: the API key was revoked","data":{}}"#;
    let (client, asked) = serve(vec![events(&format!("{}event: closed\ndata: {why}\n\n", chunk("one\n", 0)))]).await;
    let mut log = client.log_follow("job_1", "p", None, 0);
    assert_eq!(log.next().await.unwrap().unwrap().text, "one\n");
    let error = log.next().await.unwrap_err();
    assert_eq!((error.status(), error.to_string().as_str()), (Some(401), "Unauthorized: the API key was revoked"));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_raw_log_that_is_cut_says_whether_the_key_has_ended() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 50\r\n\r\na".to_owned();
    let refused = json(401, "", r#"{"status":401,"message":"Unauthorized: the API key is unknown","data":{}}"#);
    let (client, _) = serve(vec![cut.clone(), refused]).await;
    let mut log = client.log_raw("job_1", "p", None).await.unwrap();
    let error = loop {
        if let Err(error) = log.next().await {
            break error;
        }
    };
    assert_eq!(error.status(), Some(401));
    let (client, _) = serve(vec![cut]).await;
    let mut log = client.log_raw("job_1", "p", None).await.unwrap();
    let lost = loop {
        if let Err(error) = log.next().await {
            break error;
        }
    };
    assert!(matches!(lost, ClientError::Unreachable { .. }), "{lost:?}");
}

#[tokio::test]
async fn a_response_that_is_no_stream_is_reported_as_such() {
    let (client, _) = serve(vec![json(200, "", r#"{"status":200,"message":"OK","data":{}}"#)]).await;
    let error = all(client.log_follow("job_1", "p", None, 0)).await.unwrap_err();
    assert!(error.to_string().contains("without the requested stream"), "{error}");
}

#[tokio::test]
async fn an_event_stream_resumes_after_the_last_sequence_number() {
    let event = |sequence: u64| {
        let data = serde_json::json!({"sequence": sequence, "time": "2026-11-02 08:15:30", "timeMs": 1, "type": "Started",
            "status": "Running", "reason": "Started", "message": "m", "actor": "system"});
        format!("id: {sequence}\ndata: {data}\n\n")
    };
    let second = format!("{}event: end\ndata:\n\n", event(6));
    let (client, asked) = serve(vec![events(&event(5)), events(&second)]).await;
    let mut follow = client.event_follow("job_1", 4);
    let mut seen = Vec::new();
    while let Some(event) = follow.next().await.unwrap() {
        seen.push(event.sequence);
    }
    assert_eq!(seen, [5, 6]);
    let asked = asked.lock().unwrap().clone();
    assert!(asked[0].contains("event/list?after=4 HTTP") && asked[1].contains("event/list?after=5 HTTP"), "{asked:?}");
}

#[tokio::test]
async fn a_raw_log_has_its_bytes_unchanged() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\na\r\nb\r".to_owned();
    let (client, asked) = serve(vec![answer]).await;
    let mut log = client.log_raw("job_1", "p", None).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = log.next().await.unwrap() {
        bytes.extend(piece);
    }
    assert_eq!(bytes, b"a\r\nb\r");
    assert!(asked.lock().unwrap()[0].contains("accept: text/plain\r\n"));
}

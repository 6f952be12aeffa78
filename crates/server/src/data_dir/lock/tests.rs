use super::*;

#[tokio::test]
async fn a_living_holder_is_named_at_once_and_a_dead_one_is_waited_for() {
    let dir = tempfile::TempDir::new().unwrap();
    let held = acquire(dir.path()).await.unwrap();
    let refused = acquire(dir.path()).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    // The file now names a dead holder, as if a killed server had left the lock.
    std::fs::write(dir.path().join(LOCK_FILE), format!("process {}\n", u32::MAX)).unwrap();
    let release = async {
        sleep(RETRY_INTERVAL * 5).await;
        drop(held);
    };
    let (taken, ()) = tokio::join!(acquire(dir.path()), release);
    drop(taken.unwrap());
}

#[test]
fn a_holder_is_alive_while_its_process_exists() {
    for (holder, expected) in
        [(format!("process {}", std::process::id()), true), (String::new(), true), ("process 4294967295".into(), false)]
    {
        assert_eq!(is_alive(&holder), expected, "{holder}");
    }
}

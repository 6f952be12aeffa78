use super::*;

#[test]
fn variables_of_all_workers_are_shown_once() {
    let env = |rank: &str| [("A".to_owned(), "1".to_owned()), ("RANK".to_owned(), rank.to_owned())].into();
    let worker = |rank: u32, env| WorkerPreview { pod_name: String::new(), rank, env };
    let text = workers(&[worker(0, env("0")), worker(1, env("1")), worker(2, BTreeMap::new())], 5);
    assert_eq!(
        text,
        "environment of the workers (the job id, ports and GPUs are examples; each start assigns them):\n  all workers\n    A=1\n  rank 0\n    RANK=0\n  rank 1\n    RANK=1\n  \
         rank 2\n    (no process of its own)\n  … and 5 more"
    );
}

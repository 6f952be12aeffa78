use super::*;

#[test]
fn jobs_inherit_only_listed_variables_of_the_server() {
    let own = [
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("https_proxy", "http://proxy"),
        ("NO_PROXY", "localhost"),
        ("SECRET", "x"),
        ("CUDA_HOME", "/cuda"),
        ("TRAINYARD_ADMIN_KEY", "x"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let pass = ["CUDA_HOME", "NOT_SET", "TRAINYARD_ADMIN_KEY", "PATH"].map(str::to_owned);
    let mut names: Vec<String> = base_env::passed(&own, &pass).into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["CUDA_HOME", "HOME", "NO_PROXY", "PATH", "https_proxy"]);
}

#[test]
fn a_handle_contains_the_directory_and_the_boot() {
    let dir = AttemptDir("/data/jobs/job_0123456789abcdef0123/attempt-3".into());
    let handle = handle(&dir, "boot".to_owned()).unwrap();
    assert_eq!(local_handle(&handle).unwrap(), LocalHandle { dir: dir.0.clone(), boot_id: "boot".to_owned() });
    let (job, attempt) = dir.parse().unwrap();
    assert_eq!((job.as_str(), attempt), ("job_0123456789abcdef0123", 3));
    assert_eq!(dir.data().unwrap(), path::Path::new("/data"));
    for strange in ["/data/jobs/x/attempt-1", "/data/jobs/job_0123456789abcdef0123/attempt-x", "/work", "/"] {
        assert_eq!(AttemptDir(strange.into()).parse(), None, "{strange}");
    }
}

#[test]
fn the_environment_of_a_launch_is_not_printed() {
    let env = vec![("HF_TOKEN".to_owned(), "hf_secret".to_owned())];
    let worker = crate::WorkerLaunch { rank: 0, pod_name: "p".to_owned(), process: true, env };
    let shown = format!("{worker:?}");
    assert!(shown.contains("HF_TOKEN") && !shown.contains("hf_secret"), "{shown}");
}

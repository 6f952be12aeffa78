//! The environment of each worker, rendered as values.

use proptest::prelude::*;

use super::*;
use crate::{
    framework::{FRAMEWORK_CHOICES, is_set_by_launch},
    job::WorkerPlace,
    samples::{job_id, spec},
    workers::ports_needed,
};

fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn host() -> Host {
    Host {
        base_env: vec![
            pair("HOME", "/home/alice"),
            pair("PATH", "/usr/bin:/bin"),
            pair("TRAINYARD_ADMIN_KEY", "secret"),
        ],
        hostfile: "/data/hostfile".to_owned(),
        checkpoint_dir: "/data/checkpoints".to_owned(),
        as_root: false,
    }
}

/// A job of two workers with two GPUs and 2.5 cores each.
fn two_workers(framework: Option<Framework>) -> JobSpec {
    let mut spec = JobSpec { framework, ..spec(2) };
    spec.size.cpu_milli = 2500;
    spec.size.gpus = 2;
    spec
}

fn placement() -> Placement {
    let place = |gpus: &[u32]| WorkerPlace { gpus: gpus.to_vec() };
    Placement { workers: vec![place(&[0, 3]), place(&[1, 2])], ports: vec![20_000, 20_001] }
}

fn plans(spec: &JobSpec, host: &Host) -> Vec<WorkerPlan> {
    LaunchFacts::on_this_host(&job_id(1), "digits", 4, spec, &placement(), host).workers().collect()
}

/// All variables of both ranks: `NAME=value` if they are equal, else `NAME=value of rank 0 | value of rank 1`.
fn variables(plans: &[WorkerPlan]) -> Vec<String> {
    let [first, second] = plans else { panic!("two workers") };
    assert!(first.env.keys().eq(second.env.keys()));
    let both = first.env.iter().zip(second.env.values());
    both.map(
        |((name, first), second)| {
            if first == second { format!("{name}={first}") } else { format!("{name}={first} | {second}") }
        },
    )
    .collect()
}

/// Checks which variables a framework adds to those of every job.
#[track_caller]
fn check_framework(framework: Option<Framework>, host: &Host, own: &[&str]) {
    let without = variables(&plans(&two_workers(None), host));
    let with = variables(&plans(&two_workers(framework), host));
    let added: Vec<_> = with.iter().filter(|line| !without.contains(line)).collect();
    assert_eq!(added, own);
    let names =
        |lines: &[String]| lines.iter().map(|line| line.split('=').next().unwrap().to_owned()).collect::<Vec<_>>();
    let all = names(&with);
    assert!(names(&without).iter().all(|name| all.contains(name)));
}

#[test]
fn every_job_gets_these_variables() {
    assert_eq!(
        variables(&plans(&two_workers(None), &host())),
        [
            "CUDA_DEVICE_ORDER=PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES=0,3 | 1,2",
            "GLOO_SOCKET_IFNAME=lo",
            "HOME=/home/alice",
            "NCCL_SOCKET_IFNAME=lo",
            "OMP_NUM_THREADS=2",
            "PATH=/usr/bin:/bin",
            "PYTHONUNBUFFERED=1",
            "TRAINYARD_ATTEMPT=4",
            "TRAINYARD_CHECKPOINT_DIR=/data/checkpoints",
            "TRAINYARD_HOSTFILE=/data/hostfile",
            "TRAINYARD_JOB_ID=job_01010101010101010101",
            "TRAINYARD_JOB_NAME=digits",
            "TRAINYARD_RANK=0 | 1",
            "TRAINYARD_WORLD_SIZE=2",
        ]
    );
}

#[test]
fn torch_forms_one_group_with_and_without_its_launcher() {
    let torch = [
        "LOCAL_RANK=0",
        "LOCAL_WORLD_SIZE=1",
        "MASTER_ADDR=127.0.0.1",
        "MASTER_PORT=20000",
        "NODE_RANK=0 | 1",
        "PET_MASTER_ADDR=127.0.0.1",
        "PET_MASTER_PORT=20000",
        "PET_NNODES=2",
        "PET_NODE_RANK=0 | 1",
        "PET_NPROC_PER_NODE=2",
        "RANK=0 | 1",
        "WORLD_SIZE=2",
    ];
    check_framework(Some(Framework::PyTorch), &host(), &torch);
    check_framework(Some(Framework::DeepSpeed), &host(), &torch);
    let without_gpus = JobSpec { framework: Some(Framework::PyTorch), ..spec(2) };
    assert_eq!(plans(&without_gpus, &host())[0].env["PET_NPROC_PER_NODE"], "1");
}

#[test]
fn tensorflow_gets_the_whole_cluster_and_its_own_task() {
    let task = |index| {
        format!(
            r#"{{"cluster":{{"worker":["127.0.0.1:20000","127.0.0.1:20001"]}},"task":{{"type":"worker","index":{index}}}}}"#
        )
    };
    let config = format!("TF_CONFIG={} | {}", task(0), task(1));
    check_framework(Some(Framework::TensorFlow), &host(), &[&config]);
    let one = JobSpec { framework: Some(Framework::TensorFlow), ..spec(1) };
    let config: serde_json::Value = serde_json::from_str(&plans(&one, &host())[0].env["TF_CONFIG"]).unwrap();
    assert_eq!(config, json!({"cluster": {"worker": ["127.0.0.1:20000"]}, "task": {"type": "worker", "index": 0}}));
}

#[test]
fn mpi_gets_its_slots_and_shares_the_host() {
    let mpi = [
        // Rank 0 starts every rank, so it sees the GPUs of all ranks.
        "CUDA_VISIBLE_DEVICES=0,3,1,2 | 1,2",
        "OMPI_MCA_btl=^tcp,ofi",
        "OMPI_MCA_hwloc_base_binding_policy=none",
        "OMPI_MCA_mpi_yield_when_idle=1",
        "OMPI_MCA_orte_default_hostfile=/data/hostfile",
        "OMPI_MCA_plm_rsh_agent=/bin/false",
        "PRTE_MCA_hwloc_default_binding_policy=none",
        "PRTE_MCA_plm_ssh_agent=/bin/false",
        "PRTE_MCA_prte_default_hostfile=/data/hostfile",
    ];
    check_framework(Some(Framework::Mpi), &host(), &mpi);
    let mut root = Host { as_root: true, ..host() };
    let as_root = ["OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"];
    let mut all = [&mpi[..], &as_root].concat();
    all.sort_unstable();
    check_framework(Some(Framework::Mpi), &root, &all);
    root.base_env.extend([pair("TMPDIR", "/tmp"), pair("TMPDIR", "/data/tmp")]);
    all.extend(["OMPI_MCA_btl_sm_backing_directory=/data/tmp", "OMPI_MCA_btl_vader_backing_directory=/data/tmp"]);
    all.sort_unstable();
    check_framework(Some(Framework::Mpi), &root, &all);
    let mut elsewhere = two_workers(Some(Framework::Mpi));
    elsewhere.env.push(pair("TMPDIR", "/scratch"));
    assert_eq!(plans(&elsewhere, &root)[0].env["OMPI_MCA_btl_sm_backing_directory"], "/scratch");
}

#[test]
fn user_variables_replace_defaults_and_those_of_the_host_but_no_fixed_variable() {
    let check = |framework: Option<Framework>, name: &str, wins: bool| {
        let mut spec = two_workers(framework);
        spec.env = vec![pair(name, "mine")];
        for plan in plans(&spec, &Host { as_root: true, ..host() }) {
            assert_eq!(plan.env[name] == "mine", wins, "{name}");
        }
    };
    for name in
        ["PATH", "HOME", "TZ", "PYTHONUNBUFFERED", "OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"]
    {
        check(None, name, true);
    }
    for name in ["OMPI_MCA_btl", "OMPI_ALLOW_RUN_AS_ROOT", "PRTE_MCA_hwloc_default_binding_policy"] {
        check(Some(Framework::Mpi), name, true);
    }
    check(None, "MASTER_PORT", true);
    check(Some(Framework::PyTorch), "MASTER_PORT", false);
    check(None, "CUDA_VISIBLE_DEVICES", false);
    check(None, "CUDA_DEVICE_ORDER", false);
}

#[test]
fn variables_of_the_server_never_reach_a_worker() {
    for framework in FRAMEWORK_CHOICES {
        for plan in plans(&two_workers(framework), &host()) {
            assert_eq!(plan.env.get("TRAINYARD_ADMIN_KEY"), None);
        }
    }
}

#[test]
fn the_addresses_of_workers_bypass_a_proxy() {
    let mut spec = two_workers(Some(Framework::TensorFlow));
    spec.env = vec![pair("https_proxy", "http://proxy:3128"), pair("NO_PROXY", "corp")];
    for plan in plans(&spec, &host()) {
        for name in ["no_proxy", "NO_PROXY"] {
            assert_eq!(plan.env[name], "corp,localhost,127.0.0.1");
        }
    }
    let job = job_id(1);
    for plan in LaunchFacts::placed_later(&job, "digits", 1, &spec).workers() {
        assert_eq!(plan.env["no_proxy"], format!("corp,localhost,127.0.0.1,{NOT_KNOWN_YET}"));
    }
}

#[test]
fn threads_are_the_whole_cores_and_at_least_one() {
    let check = |cpu_milli: u64, threads: &str| {
        let mut spec = spec(2);
        spec.size.cpu_milli = cpu_milli;
        assert_eq!(plans(&spec, &host())[0].env["OMP_NUM_THREADS"], threads);
    };
    check(1, "1");
    check(999, "1");
    check(1000, "1");
    check(3999, "3");
    check(64_000, "64");
}

#[test]
fn a_worker_without_gpus_sees_none() {
    let placement = Placement { workers: vec![WorkerPlace::default(); 2], ports: vec![20_000] };
    for framework in FRAMEWORK_CHOICES {
        let spec = JobSpec { framework, ..spec(2) };
        let host = host();
        for plan in LaunchFacts::on_this_host(&job_id(1), "digits", 1, &spec, &placement, &host).workers() {
            assert_eq!(plan.env["CUDA_VISIBLE_DEVICES"], "");
        }
    }
}

#[test]
fn an_attempt_reserves_the_ports_that_its_framework_listens_on() {
    let check = |framework: Option<Framework>, workers: u32, ports: usize| {
        assert_eq!(ports_needed(framework, workers), ports);
    };
    check(Some(Framework::PyTorch), 4, 1);
    check(Some(Framework::DeepSpeed), 4, 1);
    check(Some(Framework::TensorFlow), 4, 4);
    check(Some(Framework::Mpi), 4, 0);
    check(None, 4, 0);
}

#[test]
fn under_mpi_only_the_launcher_has_a_process_wherever_the_workers_run() {
    let job = job_id(1);
    for framework in FRAMEWORK_CHOICES {
        let spec = two_workers(framework);
        let elsewhere = LaunchFacts::placed_later(&job, "digits", 1, &spec).workers().collect::<Vec<_>>();
        for plans in [plans(&spec, &host()), elsewhere] {
            let own: Vec<_> = plans.iter().map(|plan| plan.own_process).collect();
            assert_eq!(own, [true, framework != Some(Framework::Mpi)]);
        }
    }
}

#[test]
fn workers_are_named_by_job_and_rank() {
    assert_eq!(
        worker_names(&job_id(0xab), 3),
        ["job-abababababababababab-master-0", "job-abababababababababab-worker-0", "job-abababababababababab-worker-1"]
    );
    let plans = plans(&two_workers(None), &host());
    assert_eq!((plans[1].rank, plans[1].pod_name.as_str()), (1, "job-01010101010101010101-worker-0"));
}

#[test]
fn the_hostfile_is_one_line_with_a_slot_for_each_process() {
    let check = |workers: u32, gpus: u32, text: &str| {
        let mut spec = spec(workers);
        spec.size.gpus = gpus;
        assert_eq!(hostfile(&spec), text);
    };
    check(1, 0, "localhost slots=1\n");
    check(4, 0, "localhost slots=4\n");
    check(2, 4, "localhost slots=8\n");
    check(10_000, 1024, "localhost slots=10240000\n");
}

/// The facts of a launch of two workers at this place.
fn facts<'a>(job: &'a JobId, spec: &'a JobSpec, rendezvous: Rendezvous) -> LaunchFacts<'a> {
    LaunchFacts { job, job_name: "digits", attempt: 4, spec, base_env: &[], rendezvous }
}

#[test]
fn a_value_that_the_place_decides_later_keeps_its_name_and_order() {
    let job = job_id(1);
    for framework in FRAMEWORK_CHOICES {
        let spec = two_workers(framework);
        let known = Rendezvous::on_this_host(&spec, &placement(), &host());
        let unknown = Rendezvous { hosts: None, ports: None, gpus: None, ..known.clone() };
        let (known, unknown) = (facts(&job, &spec, known), facts(&job, &spec, unknown));
        for rank in 0..2 {
            let (known, unknown) = (known.assignments(rank), unknown.assignments(rank));
            assert!(known.iter().map(|(name, _)| name).eq(unknown.iter().map(|(name, _)| name)), "{framework:?}");
            let later = known.iter().zip(&unknown).filter(|(known, unknown)| known != unknown);
            for ((name, _), (_, text)) in later {
                let config = format!(
                    r#"{{"cluster":{{"worker":["{NOT_KNOWN_YET}","{NOT_KNOWN_YET}"]}},"task":{{"type":"worker","index":{rank}}}}}"#
                );
                assert_eq!(text, if name == "TF_CONFIG" { &config } else { NOT_KNOWN_YET });
            }
            let not_yet: Vec<_> = unknown.iter().filter(|(_, text)| text.contains(NOT_KNOWN_YET)).collect();
            let names: Vec<_> = not_yet.iter().map(|(name, _)| name.as_str()).collect();
            let expected: &[&str] = match framework {
                Some(Framework::PyTorch | Framework::DeepSpeed) => {
                    &["CUDA_VISIBLE_DEVICES", "MASTER_ADDR", "MASTER_PORT", "PET_MASTER_ADDR", "PET_MASTER_PORT"]
                }
                Some(Framework::TensorFlow) => &["CUDA_VISIBLE_DEVICES", "TF_CONFIG"],
                Some(Framework::Mpi) | None => &["CUDA_VISIBLE_DEVICES"],
            };
            assert_eq!(names, expected);
        }
    }
}

#[test]
fn without_a_placement_gpus_are_not_known_and_without_gpus_none_is_seen() {
    let (job, nowhere, host) = (job_id(1), Placement::default(), host());
    let seen = |spec: &JobSpec| -> Vec<String> {
        let plans = LaunchFacts::on_this_host(&job, "digits", 1, spec, &nowhere, &host).workers();
        plans.map(|plan| plan.env["CUDA_VISIBLE_DEVICES"].clone()).collect()
    };
    assert_eq!(seen(&two_workers(None)), [NOT_KNOWN_YET; 2]);
    assert_eq!(seen(&spec(2)), ["", ""]);
}

#[test]
fn under_mpi_on_several_nodes_each_rank_sees_its_own_gpus() {
    let job = job_id(1);
    let spec = two_workers(Some(Framework::Mpi));
    let place = Rendezvous { spread: Spread::Hosts, ..Rendezvous::on_this_host(&spec, &placement(), &host()) };
    let env = facts(&job, &spec, place).env(0);
    assert_eq!(env["CUDA_VISIBLE_DEVICES"], "0,3");
    assert_eq!(env.get("OMPI_MCA_orte_default_hostfile"), None, "the cluster's allocation names the slots");
}

#[test]
fn what_a_thousand_workers_share_is_there_once() {
    let (job, placement, host) = (job_id(1), Placement::default(), host());
    let size = |workers: u32| {
        let mut spec = JobSpec { framework: Some(Framework::TensorFlow), ..spec(workers) };
        spec.env = vec![pair("BIG", &"x".repeat(100_000))];
        let facts = LaunchFacts::on_this_host(&job, "digits", 1, &spec, &placement, &host);
        let own: Vec<_> = (0..workers).map(|rank| facts.own(rank)).collect();
        serde_json::to_string(&(facts.shared(), own)).unwrap().len()
    };
    let (one, thousand) = (size(1), size(1000));
    assert!((100_000..110_000).contains(&one), "{one}");
    assert!(thousand < one + 100 * 1000, "{thousand}");
    let one = spec(1);
    let shared = LaunchFacts::on_this_host(&job, "digits", 1, &one, &placement, &host).shared();
    assert!(format!("{shared:?}").contains("HOME") && !format!("{shared:?}").contains("/home/alice"));
}

/// The names of all launch variables, and some names that only look alike.
fn any_name() -> impl Strategy<Value = String> {
    let host = Host { as_root: true, ..host() };
    let known = FRAMEWORK_CHOICES
        .iter()
        .flat_map(|framework| plans(&two_workers(*framework), &host)[0].env.clone().into_keys());
    let mut names: std::collections::BTreeSet<String> = known.collect();
    names.extend(["TRAINYARD_X", "PET_RDZV_BACKEND", "master_port", "A"].map(str::to_owned));
    proptest::sample::select(names.into_iter().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn the_variables_that_a_launch_fixes_are_those_that_a_user_cannot_set(name in any_name(), at in 0..FRAMEWORK_CHOICES.len()) {
        let mut spec = two_workers(FRAMEWORK_CHOICES[at]);
        spec.env = vec![(name.clone(), "the user's".to_owned())];
        let reserved = is_set_by_launch(spec.framework, &name);
        for plan in plans(&spec, &Host { as_root: true, ..host() }) {
            let kept = plan.env.get(&name).is_some_and(|text| text == "the user's");
            // The reserved prefix covers more names than a launch sets; creation refuses such a job.
            prop_assert!(kept != reserved || name == "TRAINYARD_X", "{}", name);
        }
    }

    #[test]
    fn a_variable_that_differs_between_ranks_or_has_a_port_is_fixed(
        at in 0..FRAMEWORK_CHOICES.len(), workers in 2_u32..5, gpus in 0_u32..3, port in 20_000_u16..29_000,
    ) {
        let mut spec = JobSpec { framework: FRAMEWORK_CHOICES[at], ..spec(workers) };
        spec.size.gpus = gpus;
        let place = |rank: u32| WorkerPlace { gpus: (rank * gpus..(rank + 1) * gpus).collect() };
        let count = u16::try_from(ports_needed(spec.framework, workers)).unwrap();
        let placement = Placement { workers: (0..workers).map(place).collect(), ports: (port..port + count).collect() };
        let host = host();
        let job = job_id(1);
        let plans: Vec<_> =
            LaunchFacts::on_this_host(&job, "digits", 1, &spec, &placement, &host).workers().collect();
        prop_assert_eq!(plans.len(), workers as usize);
        let facts = LaunchFacts::on_this_host(&job, "digits", 1, &spec, &placement, &host);
        let shared = facts.shared();
        for plan in &plans {
            let own = facts.own(plan.rank);
            let whole = shared.of_rank(plan.rank, &own);
            prop_assert!(plan.env.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(
                whole.iter().map(|(name, text)| (*name, text.as_ref()))
            ));
        }
        let first = &plans[0].env;
        for plan in &plans {
            prop_assert!(plan.env.keys().eq(first.keys()));
            for (name, text) in &plan.env {
                let holds_port = placement.ports.iter().any(|port| text.contains(&port.to_string()));
                let differs = first.get(name) != Some(text);
                if differs || holds_port {
                    prop_assert!(is_set_by_launch(spec.framework, name), "{}={}", name, text);
                }
            }
        }
    }
}

#[test]
fn a_mark_stands_in_place_of_a_secret_and_counts_as_a_value() {
    let secrets = vec![pair("PYTHONUNBUFFERED", "loud"), pair("https_proxy", "proxy")];
    let spec = JobSpec { env: vec![pair("A", "1")], secrets, ..two_workers(None) };
    for plan in plans(&spec, &host()) {
        for (name, value) in [
            ("A", "1"),
            ("PYTHONUNBUFFERED", "<secret loud>"),
            ("https_proxy", "<secret proxy>"),
            ("no_proxy", "localhost,127.0.0.1"),
        ] {
            assert_eq!(plan.env[name], value, "{name}");
        }
    }
}

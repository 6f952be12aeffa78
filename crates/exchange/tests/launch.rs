//! The renderings of the launch table agree: values, the shell prelude as a real `/bin/sh` runs it, the preview, and a whole
//! exported script under a simulated Slurm.
#![expect(clippy::unwrap_used, reason = "a failed expectation ends the test")]

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_domain::{
    capacity::{GB, WorkerSize},
    framework::{FRAMEWORK_CHOICES, Framework, Spread, launch_table},
    id::{CentreId, ID_BYTES, JobId},
    job_spec::JobSpec,
    launch::{LaunchFacts, NOT_KNOWN_YET, Rendezvous, shell::prelude},
};
use trainyard_exchange::{Format, export};

const WORKERS: u32 = 2;
/// Text that a shell must pass on unchanged.
const ODD: &str = " it's \"$HOME\" `id` $(id) \\n #1 训练\n*";

fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn spec(framework: Option<Framework>, gpus: u32) -> JobSpec {
    JobSpec {
        centre: CentreId(1),
        framework,
        image: None,
        env: vec![pair("ODD", ODD), pair("odd.name", "x"), pair("-x", "y"), pair("PYTHONUNBUFFERED", "0")],
        secrets: Vec::new(),
        size: WorkerSize { cpu_milli: 2500, memory_bytes: GB, gpus, gpu_model: None },
        workers: WORKERS,
        mounts: Vec::new(),
        retry: None,
        timeout_seconds: None,
        stop_grace_seconds: 30,
        command: "true".to_owned(),
        work_dir: None,
        priority: 2,
    }
}

fn rendezvous(spread: Spread, gpus: u32) -> Rendezvous {
    let is_several = spread == Spread::Hosts;
    Rendezvous {
        spread,
        hosts: Some((1..=WORKERS).map(|n| if is_several { format!("n{n}") } else { "127.0.0.1".to_owned() }).collect()),
        ports: Some(vec![20_001, 20_007]),
        interface: Some(if is_several { "eth 1" } else { "lo" }.to_owned()),
        gpus: Some((0..WORKERS).map(|rank| (rank * gpus..(rank + 1) * gpus).collect()).collect()),
        hostfile: "/data/a b/hostfile".to_owned(),
        checkpoint_dir: "/data/a b/checkpoints".to_owned(),
        as_root: true,
    }
}

/// The pairs `NAME=value` that a text separates by NUL.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(text).unwrap();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn output(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done
}

/// The variables that the prelude sets, in its order, when `/bin/sh` runs it with these facts.
fn from_shell(facts: &LaunchFacts<'_>, rank: u32) -> Vec<(String, String)> {
    let place = &facts.rendezvous;
    let joined = |list: &[String]| list.join(" ");
    let ports: Vec<String> = place.ports.iter().flatten().map(u16::to_string).collect();
    let gpus = facts.spec.size.gpus;
    // A launcher that starts every rank on one host sees the GPUs of all ranks.
    let sees_all = facts.spec.framework == Some(Framework::Mpi) && place.spread == Spread::OneHost && rank == 0;
    let seen = if sees_all { 0..WORKERS * gpus } else { rank * gpus..(rank + 1) * gpus };
    let inputs = [
        ("ty_job_id", facts.job.to_string()),
        ("ty_job_name", facts.job_name.to_owned()),
        ("ty_attempt", facts.attempt.to_string()),
        ("ty_rank", rank.to_string()),
        ("ty_world_size", WORKERS.to_string()),
        ("ty_hosts", joined(place.hosts.as_deref().unwrap())),
        ("ty_ports", joined(&ports)),
        ("ty_gpus", seen.map(|gpu| gpu.to_string()).collect::<Vec<_>>().join(",")),
        ("ty_processes", gpus.max(1).to_string()),
        ("ty_threads", "2".to_owned()),
        ("ty_hostfile", place.hostfile.clone()),
        ("ty_checkpoint_dir", place.checkpoint_dir.clone()),
        ("ty_interface", place.interface.clone().unwrap_or_default()),
        ("ty_root", if place.as_root { "1" } else { "" }.to_owned()),
    ];
    let script = format!(
        "{}for pair; do printf '%s\\0' \"$pair\"; done\nset | grep ^ty_ >&2 || :\n",
        prelude(facts.spec.framework, place.spread)
    );
    let mut command = Command::new("/bin/sh");
    command.args(["-euc", &script, "sh"]).args(facts.spec.env.iter().map(|(name, text)| format!("{name}={text}")));
    command.env_clear().env("PATH", "/usr/bin:/bin").envs(facts.base_env.iter().cloned()).envs(inputs);
    let done = output(&mut command);
    assert_eq!(String::from_utf8_lossy(&done.stderr), "", "the prelude leaves variables of its own");
    pairs(&done.stdout)
}

#[test]
fn values_shell_and_preview_name_the_same_variables_in_the_same_order() {
    let job = JobId::from_random([7; ID_BYTES]);
    let hosts =
        [vec![], vec![pair("TMPDIR", "/scratch/a b"), pair("http_proxy", "http://p:1"), pair("NO_PROXY", "corp, n2")]];
    for (framework, base_env) in FRAMEWORK_CHOICES.into_iter().flat_map(|it| hosts.iter().map(move |host| (it, host))) {
        for (spread, gpus) in [(Spread::OneHost, 0), (Spread::OneHost, 2), (Spread::Hosts, 0), (Spread::Hosts, 2)] {
            let spec = spec(framework, gpus);
            let bare = Rendezvous { interface: None, as_root: false, ..rendezvous(spread, gpus) };
            for place in [rendezvous(spread, gpus), bare] {
                let later = Rendezvous { hosts: None, ports: None, gpus: None, ..place.clone() };
                let told = |rendezvous| LaunchFacts {
                    job: &job,
                    job_name: ODD,
                    attempt: 3,
                    spec: &spec,
                    base_env,
                    rendezvous,
                };
                let (known, preview) = (told(place), told(later));
                for rank in 0..WORKERS {
                    let values = known.assignments(rank);
                    assert_eq!(from_shell(&known, rank), values, "{framework:?} {spread:?}");
                    let shown = preview.assignments(rank);
                    assert_eq!(shown.len(), values.len());
                    for ((name, value), (shown_name, shown)) in values.iter().zip(&shown) {
                        assert_eq!(name, shown_name);
                        assert!(value == shown || shown.contains(NOT_KNOWN_YET), "{name}={shown}");
                    }
                }
            }
        }
    }
}

#[test]
fn values_and_shell_add_the_workers_to_what_is_reached_without_a_proxy() {
    let check = |base_env: &[(&str, &str)], env: &[(&str, &str)], expected: Option<[&str; 2]>| {
        let owned = |pairs: &[(&str, &str)]| -> Vec<_> { pairs.iter().map(|(name, text)| pair(name, text)).collect() };
        let job = JobId::from_random([7; ID_BYTES]);
        let spec = JobSpec { env: owned(env), ..spec(None, 0) };
        let (base_env, rendezvous) = (&owned(base_env), rendezvous(Spread::Hosts, 0));
        let facts = LaunchFacts { job: &job, job_name: "job", attempt: 1, spec: &spec, base_env, rendezvous };
        let values = facts.assignments(0);
        assert_eq!(from_shell(&facts, 0), values);
        let found = ["no_proxy", "NO_PROXY"].map(|name| facts.env(0).remove(name));
        let before = ["no_proxy", "NO_PROXY"].map(|name| {
            let passed = base_env.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            env.iter().copied().chain(passed).find(|(of, _)| *of == name).map(|(_, text)| text.to_owned())
        });
        assert_eq!(found, expected.map_or(before, |lists| lists.map(|list| Some(list.to_owned()))), "{env:?}");
    };
    let all = "localhost,127.0.0.1,n1,n2";
    check(&[], &[], None);
    check(&[("no_proxy", "corp")], &[], None);
    check(&[("http_proxy", "p")], &[], Some([all; 2]));
    check(&[("http_proxy", "p")], &[("http_proxy", "")], None);
    check(&[("http_proxy", "")], &[("ALL_PROXY", "p q")], Some([all; 2]));
    check(&[("https_proxy", "p"), ("no_proxy", "corp")], &[], Some(["corp,localhost,127.0.0.1,n1,n2"; 2]));
    check(&[("https_proxy", "p"), ("no_proxy", "corp")], &[("no_proxy", " ")], Some([all; 2]));
    let both = Some(["n2, *.corp,localhost,127.0.0.1,n1", "n11 localhost,127.0.0.1,n1,n2"]);
    check(&[("NO_PROXY", "n11 localhost")], &[("HTTPS_PROXY", "p"), ("no_proxy", "n2, *.corp")], both);
}

#[test]
fn a_prelude_without_an_input_that_it_needs_fails_and_names_the_input() {
    let run = |framework| {
        let done =
            Command::new("/bin/sh").args(["-c", &prelude(framework, Spread::Hosts)]).env_clear().output().unwrap();
        assert!(!done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    for framework in FRAMEWORK_CHOICES {
        assert!(run(framework).contains("ty_"), "{framework:?}");
        assert!(!prelude(framework, Spread::OneHost).contains('\''), "a script carries it inside single quotes");
    }
}

/// The variables that Slurm gives to the batch script of a job with two nodes.
const SLURM: &[(&str, &str)] = &[
    ("SLURM_JOB_ID", "9007"),
    ("SLURM_JOB_NAME", "it's a name"),
    ("SLURM_JOB_NODELIST", "n[1-2]"),
    ("SLURM_NNODES", "2"),
    ("SLURM_NTASKS", "2"),
    ("SLURM_PROCID", "0"),
    ("SLURM_CPUS_PER_TASK", "2"),
    ("SLURM_RESTART_COUNT", "2"),
    ("SLURM_CONF", "/etc/slurm.conf"),
    ("SLURMD_NODENAME", "n1"),
    ("SRUN_DEBUG", "3"),
];

/// Expands the list of nodes of this job, and no other list.
const SCONTROL: &str = "#!/bin/sh\n[ \"$*\" = 'show hostnames n[1-2]' ] && printf 'n1\\nn2\\n'\n";

/// Skips the options of srun and runs the command once for each rank, with the GPUs that Slurm would give to the rank.
const SRUN: &str = r#"#!/bin/sh
while [ "$1" != /bin/sh ]; do shift; done
for rank in 0 1; do
  if [ -n "$SLURM_GPUS_ON_NODE" ]; then export CUDA_VISIBLE_DEVICES=$((rank * 2)),$((rank * 2 + 1)); fi
  SLURM_PROCID=$rank "$@" || exit
done
"#;

/// Runs an exported script under a simulated Slurm, and returns the environment of each rank that has a process.
fn run_script(dir: &Path, script: &str, gpus: u32) -> Vec<BTreeMap<String, String>> {
    let stubs = dir.join("stubs");
    fs::create_dir(&stubs).unwrap();
    for (name, text) in [("scontrol", SCONTROL), ("srun", SRUN)] {
        fs::write(stubs.join(name), text).unwrap();
        fs::set_permissions(stubs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("/bin/bash");
    command.args(["-c", script]).current_dir(dir).env_clear().envs(SLURM.iter().copied());
    command.env("PATH", format!("{}:/usr/bin:/bin", stubs.display())).env("SLURM_EXPORT_ENV", "NONE");
    if gpus > 0 {
        command.env("SLURM_GPUS_ON_NODE", gpus.to_string()).env("CUDA_VISIBLE_DEVICES", "0,1");
    }
    output(&mut command);
    let files = (0..WORKERS).map(|rank| dir.join(format!("trainyard-9007/checkpoints/env.{rank}")));
    files.filter(|file| file.exists()).map(|file| pairs(&fs::read(file).unwrap()).into_iter().collect()).collect()
}

fn template(framework: Option<Framework>, gpus: u32) -> Value {
    json!({
        "name": "it's a name", "trainingFramwork": framework.map(Framework::as_str),
        "startCommand": "env -0 >\"$TRAINYARD_CHECKPOINT_DIR/env.$TRAINYARD_RANK\"",
        "resource": {"workerCount": WORKERS, "cpuCores": 2, "gpuCount": gpus},
        "env": {"ODD": ODD, "odd.name": "x", "-x": "y", "PYTHONUNBUFFERED": "0"},
    })
}

#[test]
fn an_exported_script_tells_the_workers_what_the_values_say() {
    let job = JobId::from_random([7; ID_BYTES]);
    for (framework, gpus) in FRAMEWORK_CHOICES.into_iter().flat_map(|framework| [(framework, 0), (framework, 2)]) {
        let dir = TempDir::new().unwrap();
        let script = export(template(framework, gpus).as_object().unwrap(), Format::Sbatch).unwrap().text;
        let workers = run_script(dir.path(), &script, gpus);
        let is_mpi = framework == Some(Framework::Mpi);
        assert_eq!(workers.len(), if is_mpi { 1 } else { 2 }, "{framework:?}");
        let spec = spec(framework, gpus);
        let folder = dir.path().join("trainyard-9007").display().to_string();
        let place = Rendezvous {
            ports: port(&workers[0]).map(|port| vec![port; 2]),
            interface: None,
            hostfile: format!("{folder}/hostfile"),
            checkpoint_dir: format!("{folder}/checkpoints"),
            as_root: dir.path().metadata().is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0),
            ..rendezvous(Spread::Hosts, gpus)
        };
        let facts = LaunchFacts {
            job: &job,
            job_name: "it's a name",
            attempt: 3,
            spec: &spec,
            base_env: &[],
            rendezvous: place,
        };
        for (rank, told) in (0..).zip(&workers) {
            let mut expected = facts.env(rank);
            // The script takes Slurm's number of the job as the id.
            expected.insert("TRAINYARD_JOB_ID".to_owned(), "9007".to_owned());
            for name in launch_table(framework, Spread::OneHost).map(|variable| variable.name) {
                assert_eq!(told.get(name), expected.get(name), "{name} of {framework:?}");
            }
            let others = told.keys().map(String::as_str).filter(|name| !expected.contains_key(*name));
            let (from_slurm, others): (Vec<_>, Vec<_>) =
                others.partition(|name| name.starts_with('S') && *name != "SHLVL");
            let from_bash = ["PATH", "PWD", "OLDPWD", "SHLVL", "_"];
            assert!(others.iter().all(|name| from_bash.contains(name)), "{others:?}");
            if is_mpi {
                assert_eq!(
                    told["SLURM_JOB_NODELIST"], "n[1-2]",
                    "its launcher finds the nodes by the variables of Slurm"
                );
            } else {
                assert_eq!(from_slurm, ["SLURM_CONF"], "{framework:?}");
            }
            assert_eq!(told["ODD"], ODD);
        }
        let hosts = fs::read_to_string(format!("{folder}/hostfile")).unwrap();
        let slots = gpus.max(1);
        assert_eq!(hosts, format!("n1 slots={slots}\nn2 slots={slots}\n"));
    }
}

/// The port of the first worker; `None` where the framework has none.
fn port(told: &BTreeMap<String, String>) -> Option<u16> {
    let from_cluster = || {
        let config: Value = serde_json::from_str(told.get("TF_CONFIG")?).unwrap();
        config.pointer("/cluster/worker/0")?.as_str()?.strip_prefix("n1:").map(str::to_owned)
    };
    let port: u16 = told.get("MASTER_PORT").cloned().or_else(from_cluster)?.parse().unwrap();
    assert!((20_000..30_000).contains(&port), "{port}");
    Some(port)
}

#[test]
fn an_exported_script_takes_a_port_that_is_free_on_its_first_node() {
    // Held by this test, or by another process: in both cases not free.
    let held: Vec<_> = [29_007, 29_278].map(|port| TcpListener::bind(("0.0.0.0", port))).into();
    let dir = TempDir::new().unwrap();
    let script = export(template(Some(Framework::PyTorch), 0).as_object().unwrap(), Format::Sbatch).unwrap().text;
    let workers = run_script(dir.path(), &script, 0);
    let found = port(&workers[0]).unwrap();
    assert!(found != 29_007 && found != 29_278 && found % 271 == 29_007 % 271, "{found}");
    assert_eq!(port(&workers[1]), Some(found));
    drop(held);
}

#[test]
fn a_command_that_names_a_variable_of_slurm_gets_them() {
    let dir = TempDir::new().unwrap();
    let mut template = template(None, 0);
    let command = format!("{}; echo $SLURM_JOB_ID", template["startCommand"].as_str().unwrap());
    template["startCommand"] = json!(command);
    let script = export(template.as_object().unwrap(), Format::Sbatch).unwrap().text;
    for worker in run_script(dir.path(), &script, 0) {
        assert_eq!((worker["SLURM_JOB_ID"].as_str(), worker["SLURMD_NODENAME"].as_str()), ("9007", "n1"));
    }
}

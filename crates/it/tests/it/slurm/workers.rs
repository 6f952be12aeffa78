//! The environment of workers under Slurm: the same as on a local centre, as far as a script can provide it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{cluster::Cluster, script};

/// Text that shells, Slurm and `env` must pass on unchanged.
const ODD: &str = " it's \"$HOME\" `id` \\n #1\r\n\t训练\u{85} -x";

/// A template of two workers with unusual variables.
fn template(framework: Option<&str>, command: &str) -> Value {
    json!({
        "name": "my environment", "trainingFramwork": framework, "startCommand": command,
        "resource": {"workerCount": 2, "cpuCores": 1.5, "memoryGB": "0.1", "gpuCount": 2},
        "env": {"ODD": ODD, "odd.name": "x", "-x": "y", "N": 5, "LR": "hidden", "PATH": "/usr/bin:/bin"},
        "parameters": [{"name": "LR", "type": "number", "default": 0.1}],
    })
}

const WRITE: &str = "env -0 >\"$TRAINYARD_CHECKPOINT_DIR/env.$TRAINYARD_RANK\"; echo \"it's $TRAINYARD_RANK\"";
const MPI: &str = "env -0 >\"$TRAINYARD_CHECKPOINT_DIR/env.0\"; exec mpirun --mca btl_tcp_if_include lo \
     --mca oob_tcp_if_include lo sh -c 'echo \"rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE on $SLURMD_NODENAME\"'";

/// Returns the variables that a worker wrote.
fn variables(cluster: &Cluster, job: &str, rank: usize) -> BTreeMap<String, String> {
    let file = cluster.in_work(&format!("trainyard-{job}/checkpoints/env.{rank}"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn check(variables: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(variables.get(*name).map(String::as_str), Some(*value), "{name} of {variables:#?}");
    }
}

/// Runs one job of each framework, all at once, and checks the variables of their workers.
pub(crate) async fn workers_of_every_framework_get_their_variables(cluster: &Cluster) {
    let hello = include_str!("../../../../../examples/templates/hello.json");
    let hello = cluster.submit(&script(&serde_json::from_str(hello).unwrap()));
    let frameworks = [None, Some("PyTorch"), Some("DeepSpeed"), Some("TensorFlow")];
    let jobs = frameworks.map(|framework| (framework, cluster.submit(&script(&template(framework, WRITE)))));
    let mpi = cluster.submit(&script(&template(Some("MPI"), MPI)));
    let output = cluster.wait_for_end(&hello).await.output;
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["0: hello world from rank 0 of 2", "1: hello world from rank 1 of 2"]);
    let mut ports = Vec::new();
    for (framework, job) in jobs {
        let ended = cluster.wait_for_end(&job).await;
        assert_eq!(ended.state, "COMPLETED", "{}", ended.output);
        for rank in 0..2 {
            let variables = variables(cluster, &job, rank);
            check_common_variables(cluster, &job, rank, &variables);
            match framework {
                Some("PyTorch" | "DeepSpeed") => ports.push(torch(rank, &variables)),
                Some(_) => ports.push(tensorflow(rank, &variables)),
                None => assert_eq!((variables.get("RANK"), variables.get("TF_CONFIG")), (None, None)),
            }
        }
    }
    // Two ranks of each of three jobs that started together.
    assert_eq!(ports.len(), 6);
    assert!(ports.chunks(2).all(|ranks| ranks[0] == ranks[1]), "{ports:?}");
    ports.dedup();
    assert!(ports.len() == 3 && ports[0] != ports[2], "{ports:?}");
    let ended = cluster.wait_for_end(&mpi).await;
    assert_eq!(ended.state, "COMPLETED", "{}", ended.output);
    check_common_variables(cluster, &mpi, 0, &variables(cluster, &mpi, 0));
    let mut ranks: Vec<&str> = ended.output.lines().filter(|line| line.starts_with("rank ")).collect();
    ranks.sort_unstable();
    // One slot for each GPU on both nodes.
    assert_eq!(ranks.len(), 4, "{}", ended.output);
    assert!(ranks[0].starts_with("rank 0 of 4 on ") && ranks[0] != ranks[3].replace("rank 3", "rank 0"), "{ranks:?}");
}

fn check_common_variables(cluster: &Cluster, job: &str, rank: usize, variables: &BTreeMap<String, String>) {
    let folder = cluster.in_work(&format!("trainyard-{job}"));
    let (hostfile, checkpoints, rank) =
        (format!("{folder}/hostfile"), format!("{folder}/checkpoints"), rank.to_string());
    let expected = [
        ("TRAINYARD_JOB_ID", job),
        ("TRAINYARD_JOB_NAME", "my environment"),
        ("TRAINYARD_ATTEMPT", "1"),
        ("TRAINYARD_RANK", &rank),
        ("TRAINYARD_WORLD_SIZE", "2"),
        ("TRAINYARD_HOSTFILE", &hostfile),
        ("TRAINYARD_CHECKPOINT_DIR", &checkpoints),
        ("PYTHONUNBUFFERED", "1"),
        ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
        ("ODD", ODD),
        ("N", "5"),
        // The default of a parameter takes precedence over a variable of the same name.
        ("LR", "0.1"),
        ("PATH", "/usr/bin:/bin"),
    ];
    check(variables, &expected);
    assert_eq!(variables["CUDA_VISIBLE_DEVICES"].split(',').count(), 2, "{}", variables["CUDA_VISIBLE_DEVICES"]);
    assert_eq!(variables.get("SUBMITTER_ONLY"), None, "a worker must not get the variables of the submitting shell");
    let hosts = std::fs::read_to_string(hostfile).unwrap();
    assert_eq!(hosts.lines().count(), 2);
    assert!(hosts.lines().all(|line| line.ends_with(" slots=2")), "{hosts}");
}

/// Checks the variables of a rank, and returns the master's port.
fn torch(rank: usize, variables: &BTreeMap<String, String>) -> u16 {
    let (port, rank) = (&variables["MASTER_PORT"], rank.to_string());
    let expected = [
        ("RANK", rank.as_str()),
        ("NODE_RANK", &rank),
        ("PET_NODE_RANK", &rank),
        ("WORLD_SIZE", "2"),
        ("LOCAL_RANK", "0"),
        ("LOCAL_WORLD_SIZE", "1"),
        ("PET_MASTER_PORT", port),
        ("PET_NNODES", "2"),
        ("PET_NPROC_PER_NODE", "2"),
        ("OMP_NUM_THREADS", "2"),
    ];
    check(variables, &expected);
    assert_eq!(variables["MASTER_ADDR"], variables["PET_MASTER_ADDR"]);
    assert!(variables["MASTER_ADDR"].starts_with('n'));
    hides_slurm(variables);
    in_range(port)
}

/// Checks the variables of a rank, and returns the port of all workers.
fn tensorflow(rank: usize, variables: &BTreeMap<String, String>) -> u16 {
    let config: Value = serde_json::from_str(&variables["TF_CONFIG"]).unwrap();
    assert_eq!(config["task"], json!({"type": "worker", "index": rank}));
    let workers = config["cluster"]["worker"].as_array().unwrap();
    let ports: Vec<&str> = workers.iter().map(|worker| worker.as_str().unwrap().split_once(':').unwrap().1).collect();
    assert_eq!(ports, [ports[0]; 2]);
    assert_eq!(variables.get("cluster"), None);
    hides_slurm(variables);
    in_range(ports[0])
}

fn in_range(port: &str) -> u16 {
    let port = port.parse().unwrap();
    assert!((20_000..30_000).contains(&port), "{port}");
    port
}

fn hides_slurm(variables: &BTreeMap<String, String>) {
    let of_slurm = variables.keys().filter(|name| ["SLURM", "SRUN", "PMI"].iter().any(|start| name.starts_with(start)));
    assert_eq!(of_slurm.collect::<Vec<_>>(), ["SLURM_CONF"]);
}

/// Rank 1 fails; rank 0 alone would run for a minute.
pub(crate) async fn a_failed_worker_fails_the_job(cluster: &Cluster) {
    let command = "if [ $TRAINYARD_RANK = 1 ]; then exit 3; fi; exec sleep 60";
    let started = std::time::Instant::now();
    let ended = cluster.wait_for_end(&cluster.submit(&script(&template(None, command)))).await;
    assert_eq!(ended.state, "FAILED", "{}", ended.output);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

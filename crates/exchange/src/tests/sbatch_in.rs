//! Other batch scripts: which lines count, what the command becomes, and that every option is translated or listed.

use super::*;

/// Checks the body that a script gives, and the paths of the unmapped values.
#[track_caller]
fn check(script: &str, body: Value, left: &[&str]) {
    let back = imported(script);
    assert_eq!(Value::Object(back.body.clone()), body, "{script}");
    let paths: Vec<&str> = back.unmapped.iter().map(|left| left.path.as_str()).collect();
    assert_eq!(paths, left, "{:?}", back.unmapped);
    assert!(back.unmapped.iter().all(|left| !left.why.is_empty()));
}

#[test]
fn directives_are_read_as_sbatch_reads_them() {
    check("#!/bin/sh\n#SBATCH --job-name=a\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n#SBATCH --job-name a\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n#SBATCH -Ja\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n#SBATCH -J a # not this\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n#SBATCH\t--job=a\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n#SBATCH--job-name=a\n", json!({"name": "a"}), &[]);
    check(
        "#!/bin/sh\n#SBATCH --job-name=\"a b\" --comment='it\\'s \\#1'\n",
        json!({"name": "a b", "desc": "it's #1"}),
        &[],
    );
    check("#!/bin/sh\n#SBATCH -J a\\ b\n", json!({"name": "a b"}), &[]);
    check("#!/bin/sh\n#SBATCH -J a\n#SBATCH -J b\n", json!({"name": "b"}), &["--job-name"]);
    check("#SBATCH -J a\n", json!({"name": "a"}), &[]);
    check("#!/bin/sh\n\n  \n# words\n#SBATCH -J a\n", json!({"name": "a"}), &[]);
}

#[test]
fn lines_that_sbatch_ignores_or_refuses_are_listed() {
    check("#!/bin/sh\n##SBATCH -J a\n# SBATCH -J b\n", json!({}), &[]);
    let late = "#!/bin/sh\ntrue\n#SBATCH -J a\n";
    check(late, json!({"startCommand": "true\n#SBATCH -J a\n"}), &["line 3"]);
    check("#!/bin/sh\n #SBATCH -J a\n", json!({"startCommand": " #SBATCH -J a\n"}), &[]);
    check("#!/bin/sh\n#SBATCH -J 'a\n", json!({}), &["line 2"]);
    check("#!/bin/sh\n#SBATCH here -J a\n", json!({"name": "a"}), &["line 2"]);
    check("#!/bin/sh\n#SBATCH --bogus 1 -Z --bogus=2 -J a\n", json!({"name": "a"}), &["--bogus", "-Z", "--bogus"]);
    check("#!/bin/sh\n#SBATCH --no=1\n", json!({}), &["--no"]);
    check("#!/bin/sh\n#PBS -l nodes=2\n", json!({}), &["line 2"]);
    check("#!/bin/sh\r\n#SBATCH -J a\r\ntrue\r\n", json!({"name": "a", "startCommand": "true\n"}), &["script"]);
}

#[test]
fn every_option_of_sbatch_is_translated_or_listed() {
    for option in super::super::sbatch::option_names() {
        let text = format!("#!/bin/sh\n#SBATCH --{option}=odd\n");
        let back = imported(&text);
        let carried = !back.body.is_empty() || ["no-requeue"].contains(&option);
        assert!(carried || back.unmapped.len() == 1, "{option}: {back:?}");
        let why = back.unmapped.first().map(|left| left.why.as_str()).unwrap_or_default();
        assert!(!why.contains("not an option of sbatch"), "{option}");
    }
}

#[test]
fn switches_and_the_directory_are_translated_or_listed() {
    check("#SBATCH --requeue\n", json!({"enableAutoRetry": true}), &["--requeue"]);
    check("#SBATCH --no-requeue\n", json!({"enableAutoRetry": false}), &[]);
    check("#SBATCH --requeue --no-requeue\n", json!({"enableAutoRetry": false}), &["--requeue"]);
    check("#SBATCH --no-requeue --requeue\n", json!({"enableAutoRetry": true}), &["--requeue"]);
    check("#SBATCH -D /work\n", json!({"workDir": "/work"}), &[]);
    check("#SBATCH -D work\n", json!({}), &["--chdir"]);
    check("#SBATCH --export=NONE\n", json!({}), &[]);
    check("#SBATCH --export=ALL\n", json!({}), &["--export"]);
    check("#SBATCH --export=ALL,A=1,B=2=3,HOME\n", json!({"env": {"A": "1", "B": "2=3"}}), &["--export"]);
    check("#SBATCH --export=A=\n", json!({"env": {"A": ""}}), &[]);
    check("#SBATCH --gres=gpu:2,tmpdisk:9\n", json!({"resource": {"gpuCount": "2"}}), &["--gres"]);
    check("#SBATCH --gres=gpu:a:1,gpu:b:1\n", json!({}), &["--gres"]);
    check("#SBATCH --gres=craynetwork:0\n", json!({}), &["--gres"]);
    check("#SBATCH --gres=gpu:2 --gpus-per-node=2\n", json!({"resource": {"gpuCount": "2"}}), &[]);
    check("#SBATCH --gres=gpu:2 --gpus-per-node=3\n", json!({"resource": {"gpuCount": "2"}}), &["--gpus-per-node"]);
}

#[test]
fn the_command_is_the_text_for_its_own_shell() {
    let command =
        |script: &str| imported(script).body.get("startCommand").map(|text| text.as_str().unwrap().to_owned());
    let check = |script: &str, expected: &str| assert_eq!(command(script).as_deref(), Some(expected));
    check("#!/bin/sh\n#SBATCH -J a\necho $0\n", "echo $0\n");
    check("#SBATCH -J a\necho", "echo");
    check("#!/bin/sh\n# about\n#SBATCH -J a\n\ntrue\n", "# about\n\ntrue\n");
    check(
        "#!/bin/bash\n#SBATCH -J a\ntrue\n",
        "exec /bin/bash -c \"$(cat <<'END_OF_SCRIPT'\ntrue\nEND_OF_SCRIPT\n)\"\n",
    );
    check(
        "#!/usr/bin/env bash\ntrue",
        "exec /usr/bin/env bash -c \"$(cat <<'END_OF_SCRIPT'\ntrue\nEND_OF_SCRIPT\n)\"\n",
    );
    check("#!/bin/sh -e\ntrue\n", "exec /bin/sh -e -c \"$(cat <<'END_OF_SCRIPT'\ntrue\nEND_OF_SCRIPT\n)\"\n");
    check(
        "#!/bin/bash -l\nEND_OF_SCRIPT\nEND_OF_SCRIPT_\n",
        "exec /bin/bash -l -c \"$(cat <<'END_OF_SCRIPT__'\nEND_OF_SCRIPT\nEND_OF_SCRIPT_\nEND_OF_SCRIPT__\n)\"\n",
    );
    check(
        "#!/usr/bin/python3\nprint()\n",
        "script=$(mktemp) || exit\ncat >\"$script\" <<'END_OF_SCRIPT'\nprint()\nEND_OF_SCRIPT\nexec /usr/bin/python3 \"$script\"\n",
    );
    assert_eq!(command("#!/bin/bash\n#SBATCH -J a\n# nothing\n"), None);
}

#[test]
fn the_launcher_decides_the_framework() {
    let check = |commands: &str, framework: Option<&str>| {
        let body = imported(&format!("#!/bin/sh\n{commands}\n")).body;
        assert_eq!(body.get("trainingFramwork").and_then(Value::as_str), framework, "{commands}");
    };
    check("torchrun --nproc_per_node=4 train.py", Some("PyTorch"));
    check("python -m torch.distributed.launch train.py", Some("PyTorch"));
    check("srun ~/env/bin/torchrun train.py", Some("PyTorch"));
    check("deepspeed train.py", Some("DeepSpeed"));
    check("/opt/mpi/bin/mpirun -np 4 ./a.out", Some("MPI"));
    check("python train.py", None);
    check("# mpirun -np 4", None);
    check("echo mpirunner", None);
}

#[test]
fn programs_and_variables_of_slurm_are_listed_once_with_their_line() {
    let script = "#!/bin/bash\n#SBATCH -N 2\n# srun is here\nmodule load cuda\nexport MASTER_ADDR=$(scontrol show hostnames \
                  $SLURM_JOB_NODELIST | head -n 1)\nsrun python a.py --rank $SLURM_PROCID\nsrun python b.py # sbatch\n";
    let left = unmapped(&imported(script));
    let starts = [
        "script = 2 nodes: ",
        "line 4 = module load cuda: module: ",
        "line 5 = export",
        "line 5 = export",
        "line 6 = srun python a.py",
        "line 6 = srun",
    ];
    assert_eq!(left.len(), starts.len(), "{left:#?}");
    for (line, start) in left.iter().zip(starts) {
        assert!(line.starts_with(start), "{line} does not begin with {start}");
    }
    assert!(left[3].contains("SLURM_JOB_NODELIST") && left[5].contains("use `$TRAINYARD_RANK`"), "{left:#?}");
}

proptest! {
    #[test]
    fn no_option_is_lost(options in proptest::collection::vec(
        (proptest::sample::select(super::super::sbatch::option_names().collect::<Vec<_>>()), "[a-z0-9:,]{1,6}"), 0..6,
    )) {
        // Each option gets a unique value, so that the test finds it again.
        let given: Vec<String> = options.iter().enumerate().map(|(at, (name, value))| format!("--{name}={value}x{at}")).collect();
        let back = imported(&format!("#!/bin/sh\n#SBATCH {}\n", given.join(" ")));
        let listed = unmapped(&back).join("\n");
        let said = Value::Object(back.body.clone()).to_string();
        for (at, (name, value)) in options.iter().enumerate() {
            let value = format!("{value}x{at}");
            // The import may split `a,b=c`; the value of a switch is not used.
            let last = value.rsplit([',', ':']).next().unwrap();
            let is_switch = ["requeue", "no-requeue"].contains(name);
            prop_assert!(is_switch || listed.contains(last) || said.contains(last), "{}={} of {}\n{}", name, value, listed, said);
        }
    }
}

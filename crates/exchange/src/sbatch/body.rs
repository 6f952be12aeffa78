//! What a script runs, as the command of every worker, and what in it only Slurm could answer.
//!
//! The text stays as it is. A shell that is not `/bin/sh` gets it as an argument, so that standard input stays free.

use trainyard_domain::{framework::Framework, text::counted};

use super::directive::Script;
use crate::unmapped::Listing;

/// Programs of Slurm and of its sites.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "srun",
        "there is no srun: every worker runs the whole command; write what it starts without it, several processes of a worker by `torchrun` or `mpirun`",
    ),
    (
        "scontrol",
        "there is no scontrol: hosts are told by the framework's variables (`MASTER_ADDR`, `TF_CONFIG`) or `TRAINYARD_HOSTFILE`",
    ),
    ("sbatch", "there is no sbatch: a job makes no other jobs; `trainyard job create` does"),
    ("squeue", "there is no squeue: `trainyard job list` shows the queue"),
    ("sacct", "there is no sacct: `trainyard job show` tells of a job"),
    ("scancel", "there is no scancel: `trainyard job stop` ends a job"),
    ("sbcast", "there is no sbcast: put files on a storage that all workers see"),
    ("sstat", "there is no sstat"),
    ("sattach", "there is no sattach: `trainyard job logs --follow` shows the output"),
    ("module", "environment modules are the cluster's: the programs must be found on the hosts or in the image"),
];

/// Slurm's variables, and what a worker has in their place.
const VARIABLES: &[(&str, &str)] = &[
    ("SLURM_PROCID", "use `$TRAINYARD_RANK`"),
    ("SLURM_NODEID", "use `$TRAINYARD_RANK`: a worker is a node"),
    ("SLURM_LOCALID", "a worker has one command, so it is 0"),
    ("SLURM_NTASKS", "use `$TRAINYARD_WORLD_SIZE`"),
    ("SLURM_NPROCS", "use `$TRAINYARD_WORLD_SIZE`"),
    ("SLURM_NNODES", "use `$TRAINYARD_WORLD_SIZE`: a worker is a node"),
    ("SLURM_JOB_NUM_NODES", "use `$TRAINYARD_WORLD_SIZE`: a worker is a node"),
    ("SLURM_JOB_ID", "use `$TRAINYARD_JOB_ID`"),
    ("SLURM_JOBID", "use `$TRAINYARD_JOB_ID`"),
    ("SLURM_JOB_NAME", "use `$TRAINYARD_JOB_NAME`"),
    ("SLURM_JOB_NODELIST", "use `$TRAINYARD_HOSTFILE`, or `$MASTER_ADDR` of a framework"),
    ("SLURM_NODELIST", "use `$TRAINYARD_HOSTFILE`, or `$MASTER_ADDR` of a framework"),
    ("SLURM_CPUS_PER_TASK", "use `$OMP_NUM_THREADS`"),
    ("SLURM_CPUS_ON_NODE", "use `$OMP_NUM_THREADS`"),
    ("SLURM_SUBMIT_DIR", "set `workDir`, where the command runs"),
    ("SLURM_RESTART_COUNT", "use `$TRAINYARD_ATTEMPT`, which begins at 1"),
    ("SLURM_TMPDIR", "use `$TMPDIR`"),
];

/// The words of a program's code, comments left out: what looks like a name of something.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let code = line.find(" #").and_then(|at| line.get(..at)).unwrap_or(line);
    let code = if code.trim_start().starts_with('#') { "" } else { code };
    code.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./".contains(c))).filter(|word| !word.is_empty())
}

/// The framework whose launcher the commands call.
pub(super) fn framework(commands: &str) -> Option<Framework> {
    let mut found = None;
    for word in commands.lines().flat_map(words) {
        let name = word.rsplit('/').next().unwrap_or(word);
        match name {
            "deepspeed" => return Some(Framework::DeepSpeed),
            "torchrun" | "torch.distributed.run" | "torch.distributed.launch" => found = Some(Framework::PyTorch),
            "mpirun" | "mpiexec" => {
                found.get_or_insert(Framework::Mpi);
            }
            _ => {}
        }
    }
    found
}

/// The command that runs a script's text as Slurm would.
pub(super) fn command(script: &Script<'_>) -> Option<String> {
    if script.commands.trim().is_empty() {
        return None;
    }
    let comments = script.comments.iter().map(|line| format!("{line}\n")).collect::<String>();
    let text = format!("{}{}", comments.trim_start_matches("#\n"), script.commands);
    let mut words = script.interpreter.unwrap_or("/bin/sh").split_ascii_whitespace();
    let program = words.next().unwrap_or("/bin/sh");
    let arguments: Vec<&str> = words.collect();
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = if name == "env" {
        arguments.iter().find(|word| !word.starts_with('-')).copied().unwrap_or(name)
    } else {
        name
    };
    if matches!(program, "/bin/sh" | "/usr/bin/sh") && arguments.is_empty() {
        return Some(text);
    }
    let starts = [&[program], arguments.as_slice()].concat();
    let starts = starts.iter().map(|word| crate::shell::word(word)).collect::<Vec<_>>().join(" ");
    let mark = mark(&text);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let takes_text = matches!(name, "bash" | "sh" | "dash" | "ksh" | "zsh");
    Some(if takes_text {
        format!("exec {starts} -c \"$(cat <<'{mark}'\n{text}{end}{mark}\n)\"\n")
    } else {
        format!("script=$(mktemp) || exit\ncat >\"$script\" <<'{mark}'\n{text}{end}{mark}\nexec {starts} \"$script\"\n")
    })
}

/// A line that ends the text and does not stand in it.
fn mark(text: &str) -> String {
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    let mut mark = "END_OF_SCRIPT".to_owned();
    while lines.contains(mark.as_str()) {
        mark.push('_');
    }
    mark
}

/// Lists what a script calls that is not there, once for each thing.
pub(super) fn list_what_is_missing(script: &Script<'_>, workers: u64, framework: Option<Framework>, out: &mut Listing) {
    if workers > 1 && framework != Some(Framework::Mpi) {
        let why = "Slurm runs the script once, on the first node; here every worker runs it, and does what it is told by \
                   its rank";
        out.add("script", &counted(workers, "node"), why);
    }
    let before = script.first_command_line - 1;
    let mut seen = std::collections::BTreeSet::new();
    for (index, line) in script.commands.lines().enumerate() {
        for word in words(line) {
            let name = word.rsplit('/').next().unwrap_or(word);
            let program =
                PROGRAMS.iter().find(|(known, _)| *known == name).map(|(known, why)| (*known, (*why).to_owned()));
            let variable = || name.starts_with("SLURM_").then(|| (name, of_variable(name)));
            if let Some((name, why)) = program.or_else(variable)
                && seen.insert(name.to_owned())
            {
                out.add(format!("line {}", before + index + 1), line.trim(), format!("{name}: {why}"));
            }
        }
    }
}

fn of_variable(name: &str) -> String {
    let known = VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead);
    format!("Slurm's variables are not set; {}", known.unwrap_or("write what it stands for into `env`"))
}

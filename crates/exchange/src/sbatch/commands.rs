//! The commands of a script as the command of every worker, and the list of those that need Slurm.
//!
//! The text stays unchanged. Another shell than `/bin/sh` gets it as an argument, so that standard input stays free.

use trainyard_domain::{framework::Framework, text::counted};

use super::directive::Script;
use crate::unmapped::Listing;

/// Programs that clusters with Slurm provide, and what to use instead.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "srun",
        "there is no srun; every worker runs the whole command, so remove `srun`, and start several processes of a worker with `torchrun` or `mpirun`",
    ),
    (
        "scontrol",
        "there is no scontrol; `MASTER_ADDR` or `TF_CONFIG` of the framework name the hosts, and so does the file `$TRAINYARD_HOSTFILE`",
    ),
    ("sbatch", "there is no sbatch; create further jobs with `trainyard job create`"),
    ("squeue", "there is no squeue; `trainyard job list` shows the queue"),
    ("sacct", "there is no sacct; `trainyard job show` shows a job"),
    ("scancel", "there is no scancel; `trainyard job stop` stops a job"),
    ("sbcast", "there is no sbcast; put files on a storage that all workers mount"),
    ("sstat", "there is no sstat"),
    ("sattach", "there is no sattach; `trainyard job logs --follow` shows the output"),
    ("module", "there are no environment modules; the host or the image must provide the programs"),
];

/// Variables of Slurm, and what a worker uses instead.
const VARIABLES: &[(&str, &str)] = &[
    ("SLURM_PROCID", "use `$TRAINYARD_RANK`"),
    ("SLURM_NODEID", "use `$TRAINYARD_RANK`; a worker is a node"),
    ("SLURM_LOCALID", "a worker runs one command, so the value is 0"),
    ("SLURM_NTASKS", "use `$TRAINYARD_WORLD_SIZE`"),
    ("SLURM_NPROCS", "use `$TRAINYARD_WORLD_SIZE`"),
    ("SLURM_NNODES", "use `$TRAINYARD_WORLD_SIZE`; a worker is a node"),
    ("SLURM_JOB_NUM_NODES", "use `$TRAINYARD_WORLD_SIZE`; a worker is a node"),
    ("SLURM_JOB_ID", "use `$TRAINYARD_JOB_ID`"),
    ("SLURM_JOBID", "use `$TRAINYARD_JOB_ID`"),
    ("SLURM_JOB_NAME", "use `$TRAINYARD_JOB_NAME`"),
    ("SLURM_JOB_NODELIST", "use the file `$TRAINYARD_HOSTFILE`, or `$MASTER_ADDR` of the framework"),
    ("SLURM_NODELIST", "use the file `$TRAINYARD_HOSTFILE`, or `$MASTER_ADDR` of the framework"),
    ("SLURM_CPUS_PER_TASK", "use `$OMP_NUM_THREADS`"),
    ("SLURM_CPUS_ON_NODE", "use `$OMP_NUM_THREADS`"),
    ("SLURM_SUBMIT_DIR", "set `workDir`, the directory in which the command runs"),
    ("SLURM_RESTART_COUNT", "use `$TRAINYARD_ATTEMPT`, which starts at 1"),
    ("SLURM_TMPDIR", "use `$TMPDIR`"),
];

/// The words of a line of code that may be names. A comment has none.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let code = line.find(" #").and_then(|at| line.get(..at)).unwrap_or(line);
    let code = if code.trim_start().starts_with('#') { "" } else { code };
    code.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./".contains(c))).filter(|word| !word.is_empty())
}

/// The framework that the commands start with its launcher.
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

/// The command that runs the text of a script as Slurm runs it; `None` for a script without commands.
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

/// A line to end the here-document of a text; the text does not contain it.
fn mark(text: &str) -> String {
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    let mut mark = "END_OF_SCRIPT".to_owned();
    while lines.contains(mark.as_str()) {
        mark.push('_');
    }
    mark
}

/// Lists every program and variable that only Slurm provides, each one once.
pub(super) fn list_unavailable(script: &Script<'_>, workers: u64, framework: Option<Framework>, out: &mut Listing) {
    if workers > 1 && framework != Some(Framework::Mpi) {
        let why = "Slurm runs the script once, on the first node; here every worker runs it, so let the rank decide \
                   what each worker does";
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
    format!("variables of Slurm are not set; {}", known.unwrap_or("write its value into `env`"))
}

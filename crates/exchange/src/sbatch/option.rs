//! The options of `sbatch`: their long names, their letters, and which of them take a value.

/// Whether an option takes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Always, after `=` or as the next word.
    Value,
    /// Optionally, and only after `=`.
    ValueOrNothing,
    /// Never; the option is a flag.
    Nothing,
}

/// An option that `sbatch` knows.
#[derive(Clone, Copy)]
pub(super) struct SbatchOption {
    /// The long name, without dashes.
    pub(super) name: &'static str,
    /// The letter of the short form, if it has one.
    letter: Option<char>,
    /// Whether the option takes a value.
    pub(super) takes: Takes,
}

/// The options with a value, by name and letter; `-` if the option has no letter.
const WITH_VALUE: &str = "account:A acctg-freq:- array:a batch:- bb:- bbf:- begin:b chdir:D clusters:M \
    cluster-constraint:- comment:- constraint:C container:- container-id:- core-spec:S cores-per-socket:- \
    cpu-freq:- cpus-per-gpu:- cpus-per-task:c deadline:- delay-boot:- dependency:d distribution:m error:e exclude:x \
    export-file:- extra:- extra-node-info:B gid:- gpu-bind:- gpu-freq:- gpus:G gpus-per-node:- gpus-per-socket:- \
    gpus-per-task:- gres:- gres-flags:- hint:- input:i job-name:J licenses:L mail-type:- mail-user:- mcs-label:- \
    mem:- mem-bind:- mem-per-cpu:- mem-per-gpu:- mincpus:- network:- nodefile:F nodelist:w nodes:N ntasks:n \
    ntasks-per-core:- ntasks-per-gpu:- ntasks-per-node:- ntasks-per-socket:- open-mode:- oom-kill-step:- output:o \
    partition:p power:- prefer:- priority:- profile:- qos:q reservation:- resv-ports:- segment:- signal:- \
    sockets-per-node:- switches:- thread-spec:- threads-per-core:- time:t time-min:- tmp:- tres-bind:- \
    tres-per-task:- uid:- wait-all-nodes:- wckey:- wrap:-";

/// The options with an optional value, which only `=` can give.
const WITH_OR_WITHOUT: &str = "exclusive:- export:- get-user-env:- kill-on-invalid-dep:- nice:- parsable:- propagate:- \
    no-kill:k";

/// The options without a value.
const WITHOUT: &str = "contiguous:- help:h hold:H ignore-pbs:- no-bell:- no-requeue:- overcommit:O oversubscribe:s \
    quiet:Q reboot:- requeue:- share:- spread-job:- test-only:- usage:- use-min-nodes:- verbose:v version:V wait:W";

/// All options of `sbatch`.
pub(super) fn all() -> impl Iterator<Item = SbatchOption> {
    let groups = [(WITH_VALUE, Takes::Value), (WITH_OR_WITHOUT, Takes::ValueOrNothing), (WITHOUT, Takes::Nothing)];
    groups.into_iter().flat_map(|(list, takes)| {
        list.split_ascii_whitespace().filter_map(move |entry| {
            let (name, letter) = entry.split_once(':')?;
            Some(SbatchOption { name, letter: letter.chars().next().filter(|letter| *letter != '-'), takes })
        })
    })
}

/// The option with a long name, or with the only long name that starts so: sbatch accepts abbreviations.
pub(super) fn by_name(name: &str) -> Option<SbatchOption> {
    let mut beginning = all().filter(|option| !name.is_empty() && option.name.starts_with(name));
    let exact = all().find(|option| option.name == name);
    exact.or_else(|| beginning.next().filter(|_| beginning.next().is_none()))
}

/// The option with a letter as its short form.
pub(super) fn by_letter(letter: char) -> Option<SbatchOption> {
    all().find(|option| option.letter == Some(letter))
}

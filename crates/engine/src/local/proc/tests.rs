use super::*;

fn check(stat: &str, expected: Option<(u32, u32, u32, u64, bool)>) {
    let found =
        parse(stat).map(|found| (found.id.pid, found.parent, found.group, found.id.start_ticks, found.is_zombie));
    assert_eq!(found, expected, "{stat}");
}

#[test]
fn a_process_name_may_contain_any_character() {
    let rest = "40 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200";
    check(&format!("42 (sh) S {rest}"), Some((42, 40, 42, 98765, false)));
    check(&format!("42 (a b) c) Z {rest}"), Some((42, 40, 42, 98765, true)));
    check(&format!("42 (x) R 1\n) S {rest}"), Some((42, 40, 42, 98765, false)));
    check("42 (sh) S 40 42", None);
    check("", None);
}

#[test]
fn this_process_is_found_below_its_parent() {
    let own = read(std::process::id()).unwrap();
    let all = all().unwrap();
    assert!(all.iter().any(|process| process.id == own.id));
    assert!(below(&all, &[own.parent]).iter().any(|(process, root)| process.id == own.id && *root == own.parent));
    assert!(!below(&all, &[own.id.pid]).iter().any(|(process, _)| process.id == own.id));
}

#[test]
fn descendants_are_found_at_any_depth_and_a_contradictory_list_ends() {
    let process = |pid, parent| Process {
        id: ProcessId { pid, start_ticks: 1 },
        parent,
        group: pid,
        is_zombie: false,
        is_stopped: false,
    };
    let list = [process(5, 4), process(2, 1), process(4, 2), process(3, 1), process(8, 9), process(9, 8)];
    let mut found: Vec<(u32, u32)> = below(&list, &[2, 3]).iter().map(|(one, root)| (one.id.pid, *root)).collect();
    found.sort_unstable();
    assert_eq!(found, [(4, 2), (5, 2)]);
    assert_eq!(below(&list, &[8]).len(), 2);
}

#[test]
fn another_process_with_the_same_pid_is_not_signalled() {
    let own = read(std::process::id()).unwrap().id;
    assert!(!signal(ProcessId { start_ticks: own.start_ticks + 1, ..own }, Signal::KILL));
    assert!(!signal(ProcessId { pid: 0, start_ticks: 0 }, Signal::KILL));
}

#[test]
fn variables_have_their_values_of_the_start() {
    let [path, missing] = environment(std::process::id(), ["PATH", "NO_SUCH_VARIABLE"]);
    assert_eq!(path, std::env::var("PATH").ok());
    assert_eq!(missing, None);
}

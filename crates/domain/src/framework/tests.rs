use std::collections::BTreeSet;

use super::*;

#[test]
fn each_name_occurs_once_and_defaults_precede_fixed_variables() {
    for framework in FRAMEWORK_CHOICES {
        let all: Vec<_> = launch_table(framework, Spread::OneHost).collect();
        let names: BTreeSet<_> = all.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), all.len(), "{framework:?}");
        assert!(all.is_sorted_by_key(|variable| variable.layer == Layer::Fixed), "{framework:?}");
    }
}

#[test]
fn several_hosts_get_the_same_table_without_the_rows_for_one_host() {
    for framework in FRAMEWORK_CHOICES {
        let mut one_host = launch_table(framework, Spread::OneHost);
        assert!(launch_table(framework, Spread::Hosts).all(|variable| one_host.any(|other| other == variable)));
    }
    let count = |framework, spread| launch_table(framework, spread).count();
    assert_eq!(count(None, Spread::OneHost), count(None, Spread::Hosts));
    assert_eq!(count(Some(Framework::Mpi), Spread::OneHost), count(Some(Framework::Mpi), Spread::Hosts) + 8);
}

#[test]
fn users_may_set_defaults_and_no_fixed_variable() {
    for framework in FRAMEWORK_CHOICES {
        for variable in launch_table(framework, Spread::OneHost) {
            assert_eq!(is_set_by_launch(framework, variable.name), variable.layer == Layer::Fixed, "{variable:?}");
        }
        assert!(is_set_by_launch(framework, "TRAINYARD_X"));
        assert!(!is_set_by_launch(framework, "A"));
    }
    assert!(!is_set_by_launch(None, "MASTER_PORT"));
    assert!(!is_set_by_launch(Some(Framework::Mpi), "MASTER_PORT"));
}

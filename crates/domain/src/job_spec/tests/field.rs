//! The table of fields: consistent in itself, and known to the lists that other tools keep.

use std::collections::BTreeSet;

use crate::{
    job_spec::{FIELDS, FieldKind, SERVER_FIELDS, field},
    parameter::PARAMETER_KEYS,
};

/// The names of the fields with a kind that `is_meant` accepts.
fn names(is_meant: impl Fn(FieldKind) -> bool) -> Vec<&'static str> {
    FIELDS.iter().filter(|field| is_meant(field.kind)).map(|field| field.name).collect()
}

#[test]
fn every_field_has_one_entry_and_none_is_a_field_of_the_server() {
    let distinct: BTreeSet<_> = FIELDS.iter().map(|field| field.name).chain(SERVER_FIELDS.iter().copied()).collect();
    assert_eq!(distinct.len(), FIELDS.len() + SERVER_FIELDS.len());
    for kind in FIELDS.iter().map(|field| field.kind) {
        let distinct: BTreeSet<_> = kind.members().iter().map(|member| member.name).collect();
        assert_eq!(distinct.len(), kind.members().len());
    }
}

#[test]
fn bounds_that_depend_on_a_switch_name_a_switch() {
    for each in FIELDS {
        if let FieldKind::Integer { switch: Some(switch), .. } = each.kind {
            assert_eq!(field(switch).map(|field| field.kind), Some(FieldKind::Switch), "{}", each.name);
        }
    }
}

/// The modules `document`, `merge` and `path` and the rules of templates know these fields by name.
#[test]
fn each_structured_kind_has_exactly_the_fields_that_other_modules_name() {
    assert_eq!(names(|kind| matches!(kind, FieldKind::Variables)), ["env"]);
    assert_eq!(names(|kind| matches!(kind, FieldKind::Object(_))), ["resource"]);
    assert_eq!(names(|kind| matches!(kind, FieldKind::Mounts { .. })), ["storageConfigs"]);
    assert_eq!(names(|kind| matches!(kind, FieldKind::Parameters { .. })), ["parameters"]);
    assert_eq!(names(|kind| matches!(kind, FieldKind::Paths { .. })), ["locked", "required"]);
    assert_eq!(names(|kind| matches!(kind, FieldKind::Labels { .. })), ["labels"]);
}

#[test]
fn the_fuzzers_dictionary_has_every_name_and_every_word() {
    let dictionary = include_str!("../../../../../fuzz/words.dict");
    let has = |word: &str| dictionary.lines().any(|line| line == format!("\"{word}\""));
    let kinds = || FIELDS.iter().map(|field| field.kind);
    let inner = || kinds().flat_map(FieldKind::members);
    let words = kinds().chain(inner().map(|member| member.kind)).filter_map(|kind| match kind {
        FieldKind::Choice(words) => Some(words),
        _ => None,
    });
    let names = FIELDS.iter().map(|field| field.name).chain(inner().map(|member| member.name));
    let all = names.chain(words.flatten().copied()).chain(PARAMETER_KEYS.iter().copied());
    let missing: Vec<_> = all.filter(|word| !has(word)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

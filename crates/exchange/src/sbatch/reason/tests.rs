//! The reasons for fields against the table of fields, so that a new field needs a decision.

use trainyard_domain::job_spec::{self, FieldKind};

use super::*;

/// The fields that a script always expresses, by its launch, its command or a directive.
const EXPRESSED: [&str; 3] = ["trainingFramwork", "enableAutoRetry", "startCommand"];

#[test]
fn a_field_that_a_script_may_not_express_has_a_reason_of_its_own() {
    let unknown = of_field("no field", &Document::new());
    for field in job_spec::FIELDS.iter().filter(|field| !EXPRESSED.contains(&field.name)) {
        assert_ne!(of_field(field.name, &Document::new()), unknown, "{}", field.name);
    }
}

#[test]
fn reasons_begin_with_fields_of_the_table_and_their_members() {
    for (start, _) in FIELDS {
        let (name, member) = start.split_once('.').unwrap_or((start, ""));
        let is_known = match job_spec::field(name).map(|field| field.kind) {
            Some(FieldKind::Object(members)) => members.iter().any(|known| known.name.starts_with(member)),
            Some(_) => member.is_empty(),
            None => name == "name",
        };
        assert!(is_known, "{start}");
    }
}

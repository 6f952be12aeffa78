//! Parses arbitrary text as a path, a name, a size and a mount path. No parser panics, and the canonical form of a
//! value parses to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trainyard_domain::{
    fault::did_you_mean,
    id::TemplateId,
    job_spec::{decimal_text, field_names, gb_bytes, gb_text, parse_count, parse_milli},
    path,
    text::{Name, ShortName, check_absolute_path, check_inner_directory, mount_key, shortened},
};

fuzz_target!(|text: &str| {
    paths(text);
    sizes(text);
    names(text);
});

fn paths(text: &str) {
    if let Some(one) = path::canonical(text) {
        assert_eq!(path::canonical(&one).as_ref(), Some(&one), "{text:?}");
        assert!(path::is_within(&one, &one));
    }
    // A path that the domain builds from keys is already canonical, whatever characters the keys contain.
    let of_keys = text.split('\n').fold(String::new(), |base, key| path::member(&base, key));
    if path::root(&of_keys) != "storageConfigs" {
        assert_eq!(path::canonical(&of_keys).as_ref(), Some(&of_keys), "{text:?}");
    }
    let key = mount_key(text);
    assert_eq!(mount_key(&key), key, "{text:?}");
    let _ = (check_absolute_path(text), check_inner_directory(text));
}

fn sizes(text: &str) {
    let value = Value::from(text);
    if let Some(milli) = parse_milli(&value) {
        assert_eq!(parse_milli(&Value::from(decimal_text(milli))), Some(milli), "{text:?}");
        let bytes = gb_bytes(milli);
        // `gb_bytes` saturates where the number of bytes does not fit into 64 bits.
        if bytes < u64::MAX {
            assert_eq!(gb_text(bytes), decimal_text(milli), "{text:?}");
        }
    }
    let _ = parse_count(&value);
}

fn names(text: &str) {
    if let Ok(name) = Name::parse(text) {
        let key = Name::parse(&name.key()).expect("the form for comparing names is a valid name");
        assert_eq!(key.key(), name.key(), "{text:?}");
    }
    let _ = ShortName::parse(text);
    if let Ok(id) = text.parse::<TemplateId>() {
        assert_eq!(id.as_str(), text);
    }
    assert!(shortened(text).chars().count() <= 101);
    let _ = did_you_mean(text, field_names());
}

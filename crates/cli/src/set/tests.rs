use trainyard_domain::job_spec::FIELDS;

use super::*;

/// The body after some assignments.
fn after(start: Value, settings: &[&str]) -> Result<Value, String> {
    let Value::Object(mut body) = start else { panic!("a body is an object") };
    settings.iter().try_for_each(|setting| apply(&mut body, setting))?;
    Ok(Value::Object(body))
}

#[test]
fn values_are_json_if_they_are_valid_json() {
    for (setting, expected) in [
        ("priority=3", json!({"priority": 3})),
        ("name=abc", json!({"name": "abc"})),
        ("name=\"3\"", json!({"name": "3"})),
        ("enableAutoRetry=true", json!({"enableAutoRetry": true})),
        ("env=null", json!({"env": null})),
        ("env={\"A\":1}", json!({"env": {"A": 1}})),
        ("startCommand=python a.py --x=1", json!({"startCommand": "python a.py --x=1"})),
        ("startCommand=true", json!({"startCommand": "true"})),
        ("startCommand=\"true\"", json!({"startCommand": "true"})),
        ("startCommand=null", json!({"startCommand": null})),
        ("image=12", json!({"image": "12"})),
        ("desc=", json!({"desc": ""})),
        ("desc= two words", json!({"desc": " two words"})),
    ] {
        assert_eq!(after(json!({}), &[setting]), Ok(expected), "{setting}");
    }
}

#[test]
fn a_field_is_text_where_the_table_of_fields_says_so() {
    for field in FIELDS {
        let (name, is_text) = (field.name, field.kind.is_text());
        let expected = if is_text { json!({name: "12"}) } else { json!({name: 12}) };
        assert_eq!(after(json!({}), &[&format!("{name}=12")]), Ok(expected), "{name}");
    }
    let texts: Vec<_> = FIELDS.iter().filter(|field| field.kind.is_text()).map(|field| field.name).collect();
    assert_eq!(texts, ["desc", "image", "startCommand", "workDir"]);
}

#[test]
fn paths_reach_into_objects_and_lists() {
    for (setting, expected) in [
        ("resource.gpuCount=2", json!({"resource": {"gpuCount": 2}})),
        ("env[\"a.b\"]=x", json!({"env": {"a.b": "x"}})),
        ("env[\"a=\\\"]b\"]=x", json!({"env": {"a=\"]b": "x"}})),
        ("env.量=x", json!({"env": {"量": "x"}})),
        ("storageConfigs[0].mountPath=/a", json!({"storageConfigs": [{"mountPath": "/a"}]})),
        ("[\"env\"].A=1", json!({"env": {"A": 1}})),
    ] {
        assert_eq!(after(json!({}), &[setting]), Ok(expected), "{setting}");
    }
}

#[test]
fn settings_change_only_what_they_name() {
    let start = json!({"resource": {"cpuCores": "1", "gpuCount": "1"}, "storageConfigs": [{"mountPath": "/a"}]});
    assert_eq!(
        after(start, &["resource.gpuCount=2", "storageConfigs[0].onlyRead=true", "storageConfigs[1].mountPath=/b"]),
        Ok(json!({"resource": {"cpuCores": "1", "gpuCount": 2},
            "storageConfigs": [{"mountPath": "/a", "onlyRead": true}, {"mountPath": "/b"}]}))
    );
}

#[test]
fn mounts_are_named_by_their_path() {
    let start = json!({"storageConfigs": [{"mountPath": "/a"}, {"mountPath": "/b"}]});
    assert_eq!(
        after(start, &["storageConfigs[\"/b\"].onlyRead=true", "storageConfigs[\"/c\"].storageId=1-2"]),
        Ok(json!({"storageConfigs": [{"mountPath": "/a"}, {"mountPath": "/b", "onlyRead": true},
            {"mountPath": "/c", "storageId": "1-2"}]}))
    );
}

#[test]
fn an_invalid_assignment_is_refused_with_an_example() {
    for (setting, part) in [
        ("priority", "is not PATH=VALUE"),
        ("=3", "is not a path"),
        ("a..b=1", "is not a path"),
        ("a.=1", "is not a path"),
        ("a[x]=1", "is not a path"),
        ("a[\"x]=1", "is not PATH=VALUE"),
        ("a[0]b=1", "is not a path"),
        ("a.[0]=1", "is not a path"),
        ("name.x=1", "not an object"),
        ("name[0]=1", "not a list"),
        ("list[3]=1", "beyond the end"),
    ] {
        let why = after(json!({"name": "n", "list": [1]}), &[setting]).unwrap_err();
        assert!(why.contains(part), "{setting}: {why}");
    }
}

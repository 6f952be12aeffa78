//! Templates: their rows, names, revisions and versions.

use serde_json::json;
use trainyard_domain::{
    access::Visibility,
    template::{Template, Version},
};

use super::{World, document, key, span, template, template_id};
use crate::StoreError;

#[tokio::test]
async fn a_template_reads_back_as_it_was_inserted() {
    let world = World::new().await;
    let mut kept = template(1, "数字 digits");
    kept.visibility = Visibility::Private;
    world.insert(&kept).await.unwrap();

    let found = world.store.template(&kept.id).await.unwrap().unwrap();
    assert_eq!(found, kept);
    let order: Vec<_> = found.content["env"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["Z", "A", "M"], "the order of variables is kept");
    let by_name = world.store.template_named("vision", &key("数字 digits")).await.unwrap();
    assert_eq!(by_name, Some(kept.clone()));
    let version = world.store.template_version(&kept.id, 1).await.unwrap();
    let first = Version {
        number: 1,
        created_by: "alice".to_owned(),
        created: kept.created,
        comment: kept.comment,
        content: kept.content,
    };
    assert_eq!(version, Some(first));

    assert_eq!(world.store.template(&template_id(9)).await.unwrap(), None);
    assert_eq!(world.store.template_named("vision", "other").await.unwrap(), None);
    assert_eq!(world.store.template_named("audio", "数字 digits").await.unwrap(), None);
    assert_eq!(world.store.template_version(&template_id(1), 2).await.unwrap(), None);
}

#[tokio::test]
async fn a_template_may_have_no_content() {
    let world = World::new().await;
    let mut kept = template(1, "only a name");
    kept.content.clear();
    kept.described.clear();
    world.insert(&kept).await.unwrap();
    assert_eq!(world.store.template(&kept.id).await.unwrap(), Some(kept));
}

#[tokio::test]
async fn a_name_is_unique_in_a_project() {
    let world = World::new().await;
    world.insert(&template(1, "caf\u{e9}")).await.unwrap();
    let taken = Err(StoreError::NameTaken { id: template_id(1) });

    assert_eq!(world.insert(&template(2, "caf\u{e9}")).await, taken);
    assert_eq!(world.insert(&template(2, "cafe\u{301}")).await, taken, "the same after NFC");
    assert_eq!(world.insert(&template(2, "Caf\u{e9}")).await, Ok(()), "names differ by case");
    let elsewhere = Template { project: "audio".to_owned(), ..template(3, "caf\u{e9}") };
    assert_eq!(world.insert(&elsewhere).await, Ok(()), "another project has its own names");
    assert_eq!(world.insert(&template(1, "free")).await, Err(StoreError::Exists), "the id is used");

    assert_eq!(world.store.delete_template(&template_id(1)).await, Ok(true));
    assert_eq!(world.insert(&template(4, "cafe\u{301}")).await, Ok(()), "a deleted name is free");
}

#[tokio::test]
async fn a_deleted_template_is_gone_with_its_versions() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    world.insert(&template(2, "b")).await.unwrap();
    assert_eq!(world.store.delete_template(&template_id(1)).await, Ok(true));
    assert_eq!(world.store.delete_template(&template_id(1)).await, Ok(false));
    assert_eq!(world.store.template(&template_id(1)).await, Ok(None));
    assert_eq!(world.store.template_version(&template_id(1), 1).await, Ok(None));
    assert!(world.store.template(&template_id(2)).await.unwrap().is_some());
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 1);
}

/// The next state of a template, with other content if `command` is given.
fn next(of: &Template, command: Option<&str>) -> Template {
    let mut next = of.clone();
    next.revision += 1;
    next.updated = next.updated + span(100);
    if let Some(command) = command {
        next.version = next.latest_version + 1;
        next.latest_version = next.version;
        next.version_by = "bob".to_owned();
        next.version_created = next.updated;
        next.content.insert("startCommand".to_owned(), json!(command));
    }
    next
}

#[tokio::test]
async fn a_change_of_content_is_a_new_version_and_the_old_one_stays() {
    let world = World::new().await;
    let first = template(1, "digits");
    world.insert(&first).await.unwrap();
    let mut second = next(&first, Some("python other.py"));
    second.content.insert("aidcId".to_owned(), json!(7));
    second.content.remove("trainingType");
    let update = world.store.update_template(&second, &key("digits"), 1).await;
    assert_eq!(update, Ok(()));

    assert_eq!(world.store.template(&first.id).await, Ok(Some(second.clone())));
    let content = async |n| world.store.template_version(&first.id, n).await.unwrap().map(|version| version.content);
    assert_eq!(content(1).await, Some(first.content.clone()));
    assert_eq!(content(2).await, Some(second.content.clone()));
    let by = "SELECT count(*) FROM template_versions WHERE version = 2 AND created_by = 'bob' AND created = 101";
    assert_eq!(world.number(by).await, 1);
    let filters = "SELECT count(*) FROM templates WHERE centre = 7 AND training_type IS NULL";
    assert_eq!(world.number(filters).await, 1, "the columns for filters follow the content");
}

#[tokio::test]
async fn a_change_of_the_description_creates_no_version() {
    let world = World::new().await;
    let first = template(1, "digits");
    world.insert(&first).await.unwrap();
    let mut second = next(&first, None);
    second.name = "ziffern".to_owned();
    second.described = document(json!({"desc": "other"}));
    second.visibility = Visibility::Public;
    world.store.update_template(&second, &key("ziffern"), 1).await.unwrap();
    assert_eq!(world.store.template(&first.id).await, Ok(Some(second)));
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 1);
    assert_eq!(world.insert(&template(2, "digits")).await, Ok(()), "the old name is free");
}

#[tokio::test]
async fn an_earlier_version_can_be_the_default_again_with_its_own_content_only() {
    let world = World::new().await;
    let first = template(1, "digits");
    world.insert(&first).await.unwrap();
    let second = next(&first, Some("python other.py"));
    world.store.update_template(&second, &key("digits"), 1).await.unwrap();

    let back = second.with_default_version(first.default_version(), second.updated + span(100));
    world.store.update_template(&back, &key("digits"), 2).await.unwrap();
    assert_eq!(world.store.template(&first.id).await, Ok(Some(back.clone())));

    let mut forged = next(&back, None);
    forged.version = 2;
    let refused = world.store.update_template(&forged, &key("digits"), 3).await;
    assert!(matches!(refused, Err(StoreError::Bug(_))), "{refused:?}");
    assert_eq!(world.store.template(&first.id).await, Ok(Some(back.clone())), "nothing changed");

    let third = Template { version: 3, ..next(&back, None) };
    world.store.update_template(&third, &key("digits"), 3).await.unwrap();
    assert_eq!(world.number("SELECT max(version) FROM template_versions").await, 3);
}

#[tokio::test]
async fn an_update_of_an_older_revision_is_refused() {
    let world = World::new().await;
    let first = template(1, "digits");
    world.insert(&first).await.unwrap();
    world.insert(&template(2, "other")).await.unwrap();
    let update = async |next: &Template, seen| world.store.update_template(next, &key(&next.name), seen).await;
    let second = next(&first, Some("two"));
    assert_eq!(update(&second, 1).await, Ok(()));
    assert_eq!(update(&next(&first, Some("three")), 1).await, Err(StoreError::Stale { revision: 2 }));
    assert_eq!(update(&next(&first, Some("three")), 7).await, Err(StoreError::Stale { revision: 2 }));

    let clash = Template { name: "other".to_owned(), ..next(&second, None) };
    assert_eq!(update(&clash, 2).await, Err(StoreError::NameTaken { id: template_id(2) }));
    assert_eq!(update(&clash, 1).await, Err(StoreError::Stale { revision: 2 }), "the older revision is reported first");
    assert_eq!(update(&template(9, "none"), 1).await, Err(StoreError::NotFound));
    assert_eq!(world.store.template(&first.id).await, Ok(Some(second)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_twenty_updates_of_one_revision_succeeds() {
    let world = World::new().await;
    let first = template(1, "digits");
    world.insert(&first).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (store, next) = (world.store.clone(), next(&first, Some(&format!("command {n}"))));
        tasks.spawn(async move { store.update_template(&next, "digits", 1).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let stale = Err(StoreError::Stale { revision: 2 });
    assert_eq!(answers.iter().filter(|answer| **answer == stale).count(), 19);
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 2);
}

//! The template index matches the rows at every moment: after any changes and after a restart.

mod model;

use std::path::Path;

use serde_json::json;
use tokio::sync::oneshot;
use trainyard_domain::{access::Visibility, template::Template};

use super::{
    ALL, World, at,
    commit::{pause_writer, poll_once},
    document, job, key, note, template, template_id,
};
use crate::{
    ArchivedFilter, Direction, Scope, Sort, SortBy, Store, StoreError, TemplateFilter, WriteConnection,
    template_index::TemplateChange,
};

async fn found(store: &Store, filter: &TemplateFilter) -> Vec<String> {
    let page = store.list_templates(filter, ALL).await.unwrap();
    assert_eq!(page.total, page.records.len() as u64);
    page.records.into_iter().map(|template| template.name).collect()
}

fn searched(words: &str) -> TemplateFilter {
    TemplateFilter { search: Some(words.to_owned()), ..TemplateFilter::of(Scope::All) }
}

#[tokio::test]
async fn every_term_is_found_in_name_description_or_labels() {
    let world = World::new().await;
    for (n, name, description, labels) in [
        (1, "BERT 大模型 预训练", "nightly 量子 run", json!({"team": "Vision", "阶段": "微调"})),
        (2, "ResNet-50", "图像识别的训练模板", json!({})),
        (3, "ＬＬａＭＡ（７Ｂ）", "Caf\u{e9}\tau lait", json!({"owner": "audio"})),
        (4, "ab", "cd", json!({"ef": "gh", "ij": "kl"})),
    ] {
        let one = Template { described: document(json!({"desc": description, "labels": labels})), ..template(n, name) };
        world.insert(&one).await.unwrap();
    }
    let mut bare = template(5, "bare");
    bare.described.clear();
    world.insert(&bare).await.unwrap();
    let check = async |words: &str, expected: &[u32]| {
        let page = world.store.list_templates(&searched(words), ALL).await.unwrap();
        let ids: Vec<_> = page.records.into_iter().map(|one| one.id).collect();
        assert_eq!(ids, expected.iter().map(|n| template_id(*n)).collect::<Vec<_>>(), "searched {words:?}");
    };
    check("模", &[2, 1]).await;
    check("训练", &[2, 1]).await;
    check("大模型 预训练", &[1]).await;
    check("预训练 大模型", &[1]).await;
    check("bert 量子 vision 微", &[1]).await;
    check("阶段", &[1]).await;
    check("训练\u{3000}resnet", &[2]).await;
    check("llama (7b)", &[3]).await;
    check("ＮＩＧＨＴＬＹ", &[1]).await;
    check("cafe\u{301}", &[3]).await;
    check("CAF\u{c9} lait", &[3]).await;
    check("  ", &[5, 4, 3, 2, 1]).await;
    check("bare", &[5]).await;
    check("bare x", &[]).await;
    // No term is found across the border of two fields.
    check("bc", &[]).await;
    check("fg", &[]).await;
    check("de", &[]).await;
    check("ab cd ef gh ij kl", &[4]).await;
    check("\0", &[]).await;
}

#[tokio::test]
async fn no_list_shows_a_change_before_its_commit() {
    let world = World::new().await;
    let (release, gate) = pause_writer(&world.store).await;
    let a = template(1, "a");
    let mut insert = Box::pin(world.store.insert_template(&a, "a"));
    assert_eq!(poll_once(&mut insert).await, None);
    // Follows the insert in the same transaction.
    let (held, holds) = oneshot::channel();
    let (open, opened) = oneshot::channel::<()>();
    let mut second = Box::pin(world.store.write(async move |_: &mut WriteConnection| {
        held.send(()).unwrap();
        opened.await.unwrap();
        Ok(())
    }));
    assert_eq!(poll_once(&mut second).await, None);
    release.send(()).unwrap();
    holds.await.unwrap();
    assert_eq!(found(&world.store, &searched("")).await, [""; 0]);
    open.send(()).unwrap();
    assert_eq!((insert.await, second.await), (Ok(()), Ok(())));
    assert_eq!(found(&world.store, &searched("")).await, ["a"]);
    gate.join_all().await;
}

#[tokio::test]
async fn a_failed_change_is_undone_alone() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    let (release, gate) = pause_writer(&world.store).await;
    let (b, c) = (template(2, "b"), template(3, "c"));
    let mut before = Box::pin(world.store.insert_template(&b, "b"));
    let mut failing = Box::pin(world.store.write::<(), _>(async |on: &mut WriteConnection| {
        on.note(TemplateChange::Deleted(template_id(1).bytes()));
        on.note(TemplateChange::Deleted(template_id(2).bytes()));
        Err(StoreError::NotFound)
    }));
    let mut after = Box::pin(world.store.insert_template(&c, "c"));
    assert_eq!(poll_once(&mut before).await, None);
    assert_eq!(poll_once(&mut failing).await, None);
    assert_eq!(poll_once(&mut after).await, None);
    release.send(()).unwrap();
    gate.join_all().await;
    assert_eq!((before.await, failing.await, after.await), (Ok(()), Err(StoreError::NotFound), Ok(())));
    assert_eq!(found(&world.store, &searched("")).await, ["c", "b", "a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_reads_its_answered_changes() {
    let world = World::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 1..=40 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let (old, new) = (format!("first-{n}-"), format!("second-{n}-"));
            let first = template(n, &old);
            store.insert_template(&first, &key(&old)).await.unwrap();
            assert_eq!(found(&store, &searched(&old)).await, [old.as_str()]);
            let next = Template { name: new.clone(), revision: 2, archived: true, ..first };
            store.update_template(&next, &key(&new), 1).await.unwrap();
            assert_eq!(found(&store, &searched(&old)).await, [""; 0]);
            let archived = TemplateFilter { archived: ArchivedFilter::Only, ..searched(&new) };
            assert_eq!(found(&store, &archived).await, [new.as_str()]);
            let mut made = job(n);
            made.template = Some((next.id.clone(), 1));
            store.insert_job(&made, &note("created"), None).await.unwrap();
            let sort = Sort { by: SortBy::LastUsed, direction: Direction::Descending };
            let used = TemplateFilter { sort, ..archived.clone() };
            let page = store.list_templates(&used, ALL).await.unwrap();
            assert_eq!(page.records[0].jobs_made, 1);
            assert_eq!(store.delete_template(&next.id).await, Ok(true));
            assert_eq!(found(&store, &archived).await, [""; 0]);
        });
    }
    tasks.join_all().await;
    assert_eq!(found(&world.store, &searched("")).await, [""; 0]);
}

#[tokio::test]
async fn a_page_leaves_out_templates_that_were_deleted_or_hidden_while_it_was_read() {
    let world = World::new().await;
    for (n, name) in (1..).zip(["a", "b", "c"]) {
        world.insert(&template(n, name)).await.unwrap();
    }
    world.change_row("DELETE FROM templates WHERE name = 'b'");
    world.change_row("UPDATE templates SET visibility = 'private' WHERE name = 'c'");
    let member = Scope::Seen { project: "vision".to_owned(), user: "bob".to_owned(), manages: false };
    let page = world.store.list_templates(&TemplateFilter::of(member), ALL).await.unwrap();
    assert_eq!(page.records.into_iter().map(|one| one.name).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_damaged_row_is_in_no_list_and_hides_no_other() {
    let world = World::new().await;
    for (n, name) in (1..).zip(["a", "b", "c"]) {
        world.insert(&template(n, name)).await.unwrap();
    }
    world.change_row("UPDATE templates SET described = '{' WHERE name = 'b'");
    let world = world.reopened().await;
    assert_eq!(found(&world.store, &searched("")).await, ["c", "a"]);
    assert!(matches!(world.store.template(&template_id(2)).await, Err(StoreError::UnreadableRow { .. })));
}

#[tokio::test]
async fn a_store_that_was_dropped_opens_with_all_its_templates() {
    let World { directory, store } = World::new().await;
    let path = directory.path().join("trainyard.db");
    let first = Template { visibility: Visibility::Public, ..template(1, "预训练") };
    store.insert_template(&first, &first.name).await.unwrap();
    store.insert_job(&job(7), &note("created"), None).await.unwrap();
    drop(store);
    let store = Store::open(Path::new(&path)).await.unwrap();
    let stranger = Scope::Seen { project: "audio".to_owned(), user: "bob".to_owned(), manages: false };
    let filter = TemplateFilter { scope: stranger, ..searched("预") };
    let page = store.list_templates(&filter, ALL).await.unwrap();
    assert_eq!(page.records, [Template { jobs_made: 1, last_used: Some(at(7)), ..first }]);
}

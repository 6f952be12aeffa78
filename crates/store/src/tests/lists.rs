//! Lists: the scope of a caller, filters, order, pages and totals.

use serde_json::json;
use trainyard_domain::{
    access::{Action, Actor, Role, Target, Verdict, Visibility, may_on},
    id::CentreId,
    job::{JobState, Status},
    template::Template,
};

use super::{ALL, World, at, job, job_id, note, template, template_id};
use crate::{JobFilter, Page, PageRequest, Scope, TemplateFilter, jobs::list_statements};

async fn names(world: &World, filter: &TemplateFilter) -> Vec<String> {
    let page = world.store.list_templates(filter, ALL).await.unwrap();
    assert_eq!(page.total, page.records.len() as u64);
    page.records.into_iter().map(|template| template.name).collect()
}

#[tokio::test]
async fn a_name_is_found_by_any_part_of_it() {
    let world = World::new().await;
    let all = ["plain", "100% sure", "1000 sure", "a_b", "axb", r"a\b", "训练模板 v2", "模板", "caf\u{e9}", "STRASSE"];
    for (n, name) in (1..).zip(all) {
        world.insert(&template(n, name)).await.unwrap();
    }
    let check = async |search: &str, expected: &[&str]| {
        let mut filter = TemplateFilter::of(Scope::All);
        filter.name = Some(search.to_owned());
        let mut found = names(&world, &filter).await;
        found.reverse();
        assert_eq!(found, expected, "searched {search:?}");
    };
    check("", &all).await;
    check("plain", &["plain"]).await;
    check("PLAI", &["plain"]).await;
    check("strasse", &["STRASSE"]).await;
    check("0%", &["100% sure"]).await;
    check("%", &["100% sure"]).await;
    check("_", &["a_b"]).await;
    check("a_b", &["a_b"]).await;
    check("\\", &[r"a\b"]).await;
    check("模板", &["训练模板 v2", "模板"]).await;
    check("练", &["训练模板 v2"]).await;
    check("e\u{301}", &["caf\u{e9}"]).await;
    check(" ", &["100% sure", "1000 sure", "训练模板 v2"]).await;
    check("' OR '1'='1", &[]).await;
    check("plain\0", &[]).await;
    check(&"%".repeat(100_000), &[]).await;
}

#[tokio::test]
async fn templates_are_filtered_by_their_content() {
    let world = World::new().await;
    for (n, name, centre, training_type, framework) in [
        (1, "a", json!(1), json!("HPC"), json!("PyTorch")),
        (2, "b", json!(2), json!("HPC"), json!("MPI")),
        (3, "c", json!(1), json!("PRE_TRAINING"), json!("MPI")),
        (4, "d", json!(null), json!(null), json!(null)),
    ] {
        let mut one = template(n, name);
        one.content.clear();
        for (field, value) in [("aidcId", centre), ("trainingType", training_type), ("trainingFramwork", framework)] {
            if !value.is_null() {
                one.content.insert(field.to_owned(), value);
            }
        }
        world.insert(&one).await.unwrap();
    }
    let check = async |centre: Option<i64>,
                       kind: Option<&str>,
                       framework: Option<&str>,
                       name: Option<&str>,
                       expected: &[&str]| {
        let filter = TemplateFilter {
            name: name.map(str::to_owned),
            centre,
            training_type: kind.map(str::to_owned),
            framework: framework.map(str::to_owned),
            ..TemplateFilter::of(Scope::All)
        };
        assert_eq!(names(&world, &filter).await, expected, "{filter:?}");
    };
    check(None, None, None, None, &["d", "c", "b", "a"]).await;
    check(Some(1), None, None, None, &["c", "a"]).await;
    check(Some(9), None, None, None, &[]).await;
    check(None, Some("HPC"), None, None, &["b", "a"]).await;
    check(None, None, Some("MPI"), None, &["c", "b"]).await;
    check(Some(1), Some("PRE_TRAINING"), Some("MPI"), Some("C"), &["c"]).await;
    check(Some(1), Some("HPC"), Some("MPI"), None, &[]).await;
}

/// A list must show exactly the templates that the access rule allows one by one.
#[tokio::test]
async fn a_list_shows_the_templates_that_the_access_rule_allows() {
    let world = World::new().await;
    let mut all = Vec::new();
    for project in ["vision", "audio"] {
        for owner in ["alice", "bob"] {
            for visibility in [Visibility::Private, Visibility::Project, Visibility::Public] {
                let n = u32::try_from(all.len()).unwrap() + 1;
                let one = Template {
                    project: project.to_owned(),
                    owner: owner.to_owned(),
                    visibility,
                    ..template(n, &format!("{project} {owner} {}", visibility.as_str()))
                };
                world.insert(&one).await.unwrap();
                all.push(one);
            }
        }
    }
    for role in [Role::Admin, Role::Manager, Role::Member, Role::Viewer] {
        let actor = Actor { user: "alice".to_owned(), project: "vision".to_owned(), role };
        let scope = match role {
            Role::Admin => Scope::All,
            _ => {
                Scope::Seen { project: actor.project.clone(), user: actor.user.clone(), manages: role == Role::Manager }
            }
        };
        let seen = |one: &&Template| {
            let target = Target { project: &one.project, owner: &one.owner, visibility: one.visibility };
            may_on(&actor, Action::ReadTemplate, &target) == Verdict::Allowed
        };
        let expected: Vec<_> = all.iter().filter(seen).map(|one| one.name.clone()).rev().collect();
        assert_eq!(names(&world, &TemplateFilter::of(scope)).await, expected, "{role:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_newest_first_without_gap_or_repeat() {
    let world = World::new().await;
    for n in 1..=25 {
        let mut one = template(n, &format!("t{n}"));
        one.created = at(i64::from(n / 3));
        world.insert(&one).await.unwrap();
    }
    let filter = TemplateFilter::of(Scope::All);
    let page = async |number, size| {
        let page = world.store.list_templates(&filter, PageRequest { number, size }).await.unwrap();
        assert_eq!(page.total, 25, "page {number} of {size}");
        page.records.into_iter().map(|one| (one.created, one.id)).collect::<Vec<_>>()
    };
    let whole = page(1, 100).await;
    let mut sorted = whole.clone();
    sorted.sort_by(|left, right| right.cmp(left));
    assert_eq!(whole, sorted);
    assert_eq!(whole.len(), 25);
    let mut joined = Vec::new();
    for number in 1..=4 {
        joined.extend(page(number, 7).await);
    }
    assert_eq!(joined, whole);
    assert_eq!(page(0, 7).await, page(1, 7).await);
    assert_eq!(page(5, 7).await, []);
    assert_eq!(page(u32::MAX, u32::MAX).await, []);
    assert_eq!(page(1, 0).await, []);
}

/// If a list reads the table itself, a far page of many jobs takes seconds.
#[tokio::test]
async fn lists_of_jobs_read_only_an_index() {
    let world = World::new().await;
    let seen = Scope::Seen { project: "p".to_owned(), user: "u".to_owned(), manages: false };
    let jobs = JobFilter { scope: seen, name: Some("a".to_owned()), status: None, centre: Some(1), template: None };
    let of_template = JobFilter { template: Some(template_id(1)), ..jobs.clone() };
    for (filter, expected) in [
        (jobs, "SCAN jobs USING COVERING INDEX jobs_by_age"),
        (of_template, "SEARCH jobs USING COVERING INDEX jobs_by_template (template_id=?)"),
    ] {
        let [count, select] = list_statements(&filter, ALL);
        assert_eq!(world.plan(&count), [expected]);
        // The inner statement of a page reads the index in its order, before the page's rows are read whole.
        let plan = world.plan(&select);
        assert_eq!(&plan[1..2], [expected], "{plan:?}");
        assert!(plan[0].contains("page") && !plan[2].contains("ORDER BY"), "{plan:?}");
    }
}

#[tokio::test]
async fn jobs_are_filtered_and_paged() {
    let world = World::new().await;
    for n in 1..=6 {
        let mut one = job(n);
        if n % 2 == 0 {
            one.state = JobState::Running { since: at(5) };
        }
        if n == 3 {
            one.project = "audio".to_owned();
            one.template = None;
        }
        if n == 4 {
            one.spec.centre = CentreId(2);
            one.name = "语音_4".to_owned();
        }
        world.store.insert_job(&one, &note("created"), None).await.unwrap();
    }
    let check = async |change: fn(&mut JobFilter), expected: &[u32]| {
        let mut filter = JobFilter::of(Scope::All);
        change(&mut filter);
        let Page { records, total } = world.store.list_jobs(&filter, ALL).await.unwrap();
        let found: Vec<_> = records.into_iter().map(|job| job.id).collect();
        let expected: Vec<_> = expected.iter().map(|n| job_id(*n)).collect();
        assert_eq!((found, total), (expected.clone(), expected.len() as u64), "{filter:?}");
    };
    let seen = |project: &str| Scope::Seen { project: project.to_owned(), user: "nobody".to_owned(), manages: false };
    check(|_| {}, &[6, 5, 4, 3, 2, 1]).await;
    check(|f| f.status = Some(Status::Running), &[6, 4, 2]).await;
    check(|f| f.status = Some(Status::Queued), &[5, 3, 1]).await;
    check(|f| f.centre = Some(2), &[4]).await;
    check(|f| f.template = Some(template_id(1)), &[6, 5, 4, 2, 1]).await;
    check(|f| f.template = Some(template_id(2)), &[]).await;
    check(|f| f.name = Some("DIGITS".to_owned()), &[6, 5, 3, 2, 1]).await;
    check(|f| f.name = Some("音_".to_owned()), &[4]).await;
    check(|f| f.name = Some("s_".to_owned()), &[]).await;

    for (project, expected) in [("vision", 5), ("audio", 1), ("none", 0)] {
        let filter = JobFilter::of(seen(project));
        assert_eq!(world.store.list_jobs(&filter, ALL).await.unwrap().total, expected);
    }
    let filter = JobFilter::of(Scope::All);
    let page = world.store.list_jobs(&filter, PageRequest { number: 2, size: 4 }).await.unwrap();
    let found: Vec<_> = page.records.iter().map(|job| job.id.clone()).collect();
    assert_eq!((found, page.total), (vec![job_id(2), job_id(1)], 6));
}

//! Random changes; after every few of them each kind of list is compared with a simple model, which filters and sorts the
//! rows without the template index.

use serde_json::{Value, json};
use trainyard_domain::{access::Visibility, id::TemplateId, template::Template};
use unicode_normalization::UnicodeNormalization;

use super::super::{World, at, document, job, key, note, template, template_id};
use crate::{ArchivedFilter, Direction, LabelFilter, PageRequest, Scope, Sort, SortBy, StoreError, TemplateFilter};

const SEEDS: u64 = 6;
const STEPS: u32 = 250;
const WORDS: [&str; 9] = ["量子", "训练", "BERT", "bert", "ｂｅｒｔ", "caf\u{e9}", "cafe\u{301}", "a=b", "x"];

/// Pseudo-random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).unwrap()
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(u32::try_from(all.len()).unwrap()) as usize].clone()
    }

    /// A value in one of three calls.
    fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(3) == 0).then(|| some(self))
    }

    fn word(&mut self) -> String {
        self.one_of(&WORDS).to_owned()
    }

    fn project(&mut self) -> String {
        self.one_of(&["vision", "audio"]).to_owned()
    }

    fn user(&mut self) -> String {
        self.one_of(&["alice", "bob", "carol"]).to_owned()
    }

    fn visibility(&mut self) -> Visibility {
        self.one_of(&[Visibility::Private, Visibility::Project, Visibility::Public])
    }

    /// Random values for the fields of a template that may change.
    fn changed(&mut self, of: Template) -> Template {
        let described = json!({
            "desc": self.maybe(|random| format!("{} {}", random.word(), random.word())),
            "labels": self.maybe(|random| json!({random.word(): random.word(), "team": random.word()})),
        });
        let mut content = json!({"startCommand": "true"});
        if let Some(centre) = self.maybe(|random| random.below(3)) {
            content["aidcId"] = Value::from(centre);
        }
        content["trainingFramwork"] = Value::from(self.one_of(&["MPI", "PyTorch"]));
        content["trainingType"] = Value::from(self.one_of(&["HPC", "PRE_TRAINING"]));
        Template {
            name: format!("{} {}{}", self.word(), self.word(), self.below(8)),
            visibility: self.visibility(),
            archived: self.below(4) == 0,
            described: document(described).into_iter().filter(|(_, value)| !value.is_null()).collect(),
            content: document(content),
            updated: at(i64::from(self.below(50))),
            ..of
        }
    }

    fn filter(&mut self) -> TemplateFilter {
        let scope = match self.below(3) {
            0 => Scope::All,
            n => Scope::Seen { project: self.project(), user: self.user(), manages: n == 1 },
        };
        let label = |random: &mut Self| LabelFilter {
            key: random.one_of(&["team".to_owned(), "tea".to_owned(), WORDS[5].to_owned(), WORDS[7].to_owned()]),
            value: random.maybe(Self::word),
        };
        TemplateFilter {
            scope,
            name: self.maybe(Self::word),
            search: self.maybe(|random| format!(" {}\t{} ", random.word(), random.one_of(&WORDS[..2]))),
            labels: self.maybe(label).into_iter().collect(),
            owner: self.maybe(Self::user),
            visibility: self.maybe(Self::visibility),
            archived: self.one_of(&[ArchivedFilter::Hidden, ArchivedFilter::Only, ArchivedFilter::Shown]),
            centre: self.maybe(|random| i64::from(random.below(4))),
            training_type: self.maybe(|random| random.one_of(&["HPC", "PRE_TRAINING", "none"]).to_owned()),
            framework: self.maybe(|random| random.one_of(&["MPI", "PyTorch"]).to_owned()),
            sort: Sort {
                by: self.one_of(&[SortBy::Name, SortBy::Created, SortBy::Updated, SortBy::LastUsed, SortBy::JobsMade]),
                direction: self.one_of(&[Direction::Ascending, Direction::Descending]),
            },
        }
    }
}

fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().nfc().collect()
}

fn labels(of: &Template) -> Vec<(String, String)> {
    let labels = of.described.get("labels").and_then(Value::as_object).cloned().unwrap_or_default();
    labels.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned())).collect()
}

fn matches(f: &TemplateFilter, t: &Template) -> bool {
    let content = |field: &str| t.content.get(field).and_then(Value::as_str).map(str::to_owned);
    let seen = match &f.scope {
        Scope::All => true,
        Scope::Seen { project, user, manages } => {
            t.visibility == Visibility::Public
                || t.project == *project && (t.visibility == Visibility::Project || *manages || t.owner == *user)
        }
    };
    let archived = match f.archived {
        ArchivedFilter::Hidden => !t.archived,
        ArchivedFilter::Only => t.archived,
        ArchivedFilter::Shown => true,
    };
    let same = |one: &str, other: &str| one.nfc().eq(other.nfc());
    let has = |wanted: &LabelFilter| {
        let fits = |value: &str| wanted.value.as_ref().is_none_or(|wanted| same(wanted, value));
        labels(t).iter().any(|(key, value)| same(key, &wanted.key) && fits(value))
    };
    let mut texts = vec![folded(&t.name)];
    texts.extend(t.described.get("desc").map(|desc| folded(desc.as_str().unwrap())));
    texts.extend(labels(t).into_iter().flat_map(|(key, value)| [folded(&key), folded(&value)]));
    let terms = f.search.as_deref().unwrap_or_default().split_whitespace();
    seen && archived
        && f.name.as_ref().is_none_or(|name| folded(&t.name).contains(&folded(name)))
        && terms.map(folded).all(|term| texts.iter().any(|text| text.contains(&term)))
        && f.labels.iter().all(has)
        && f.owner.as_ref().is_none_or(|owner| t.owner == *owner)
        && f.visibility.is_none_or(|visibility| t.visibility == visibility)
        && f.centre.is_none_or(|centre| t.content.get("aidcId").and_then(Value::as_i64) == Some(centre))
        && f.training_type.as_ref().is_none_or(|word| content("trainingType").as_ref() == Some(word))
        && f.framework.as_ref().is_none_or(|word| content("trainingFramwork").as_ref() == Some(word))
}

fn sorted(mut all: Vec<Template>, sort: Sort) -> Vec<TemplateId> {
    all.sort_by(|one, other| {
        let first = match sort.by {
            SortBy::Name => folded(&one.name).cmp(&folded(&other.name)),
            SortBy::Created => one.created.cmp(&other.created),
            SortBy::Updated => one.updated.cmp(&other.updated),
            SortBy::LastUsed => one.last_used.cmp(&other.last_used),
            SortBy::JobsMade => one.jobs_made.cmp(&other.jobs_made),
        };
        first.then(one.id.cmp(&other.id))
    });
    if sort.direction == Direction::Descending {
        all.reverse();
    }
    all.into_iter().map(|one| one.id).collect()
}

/// All templates, read from their rows one by one.
async fn rows(world: &World, created: u32) -> Vec<Template> {
    let mut rows = Vec::new();
    for n in 1..=created {
        rows.extend(world.store.template(&template_id(n)).await.unwrap());
    }
    rows
}

async fn compare(world: &World, random: &mut Random, created: u32) {
    let rows = rows(world, created).await;
    for _ in 0..30 {
        let filter = random.filter();
        let expected = sorted(rows.iter().filter(|one| matches(&filter, one)).cloned().collect(), filter.sort);
        let page = PageRequest { number: random.below(4), size: 1 + random.below(9) };
        let found = world.store.list_templates(&filter, page).await.unwrap();
        assert_eq!(found.total, expected.len() as u64, "{filter:?}");
        let before = (page.number.saturating_sub(1) * page.size) as usize;
        let expected: Vec<_> = expected.into_iter().skip(before).take(page.size as usize).collect();
        let ids: Vec<_> = found.records.iter().map(|one| one.id.clone()).collect();
        assert_eq!(ids, expected, "{page:?} of {filter:?}");
        for record in found.records {
            assert!(rows.contains(&record), "{record:?} is no row");
        }
    }
}

/// One random change. Some are refused, since there are few names.
async fn change(world: &World, random: &mut Random, step: u32, created: &mut u32) -> Result<(), StoreError> {
    let id = template_id(1 + random.below(*created + 1));
    let standing = world.store.template(&id).await.unwrap();
    match (random.below(10), standing) {
        (0, _) => world.store.delete_template(&id).await.map(drop),
        (1..=3, Some(standing)) => {
            let next = random.changed(standing);
            let seen = next.revision - i64::from(random.below(8) == 0);
            let next = Template { revision: seen + 1, version: next.latest_version + 1, ..next };
            world.store.update_template(&next, &key(&next.name), seen).await
        }
        (4 | 5, _) => {
            let mut one = job(step);
            one.template = Some((id, 1));
            one.created = at(i64::from(random.below(100)));
            world.store.insert_job(&one, &note("created"), None).await.map(drop)
        }
        _ => {
            *created += 1;
            let one = template(*created, "");
            let one = Template { project: random.project(), owner: random.user(), ..one };
            let one = Template { created: at(i64::from(random.below(50))), ..random.changed(one) };
            world.insert(&one).await
        }
    }
}

#[tokio::test]
async fn after_any_changes_every_list_matches_the_rows() {
    let (mut kept, mut refused) = (0, 0);
    for seed in 1..=SEEDS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = World::new().await;
        let mut created = 0;
        for step in 1..=STEPS {
            match change(&world, &mut random, step, &mut created).await {
                Ok(()) => kept += 1,
                Err(StoreError::NameTaken { .. } | StoreError::Stale { .. }) => refused += 1,
                Err(error) => panic!("seed {seed}, step {step}: {error}"),
            }
            if step % 25 == 0 {
                compare(&world, &mut random, created).await;
            }
            if step % 100 == 0 {
                world = world.reopened().await;
                compare(&world, &mut random, created).await;
            }
        }
    }
    assert!(kept > 500 && refused > 20, "{kept} kept, {refused} refused: too little was tried");
}

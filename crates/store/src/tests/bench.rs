use super::*;
use crate::{Scope, TemplateFilter};
use std::time::Instant;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore]
async fn bench() {
    let world = World::new().await;
    for conc in [1usize, 64, 256] {
        let n0 = world.rows("SELECT count(*) FROM templates").await as u32;
        let per = if conc == 1 { 500 } else { 20000 / conc as u32 };
        let t = Instant::now();
        let mut set = tokio::task::JoinSet::new();
        for c in 0..conc as u32 {
            let store = world.store.clone();
            set.spawn(async move {
                for i in 0..per {
                    let n = n0 + c * per + i;
                    let one = template(n, &format!("template number {n} 训练"));
                    store.insert_template(&one, &one.name).await.unwrap();
                }
            });
        }
        set.join_all().await;
        let total = conc as f64 * f64::from(per);
        println!("conc {conc}: {:.0}/s commits {}", total / t.elapsed().as_secs_f64(), *world.store.inner.changes.borrow());
    }
    let mut n = world.rows("SELECT count(*) FROM templates").await as u32;
    while n < 100_000 {
        let mut set = tokio::task::JoinSet::new();
        for c in 0..64 { let store = world.store.clone(); let nn = n + c; set.spawn(async move {
            let mut one = template(nn, &format!("template number {nn} 训练"));
            one.content.insert("aidcId".into(), (nn % 7 + 1).into());
            one.content.insert("startCommand".into(), "x".repeat(1200).into());
            store.insert_template(&one, &one.name).await.unwrap(); }); }
        set.join_all().await; n += 64;
    }
    let seen = Scope::Seen { project: "vision".into(), user: "u".into(), manages: false };
    for (what, f) in [
        ("all", TemplateFilter::of(Scope::All)),
        ("seen", TemplateFilter::of(seen.clone())),
        ("centre", TemplateFilter { centre: Some(3), ..TemplateFilter::of(seen.clone()) }),
        ("name", TemplateFilter { name: Some("99".into()), ..TemplateFilter::of(seen.clone()) }),
        ("name zh", TemplateFilter { name: Some("训练".into()), ..TemplateFilter::of(seen.clone()) }),
    ] {
        for page in [1, 1000, 5000] {
            let mut v = vec![];
            for _ in 0..20 { let t = Instant::now();
                let p = world.store.list_templates(&f, PageRequest { number: page, size: 10 }).await.unwrap();
                std::hint::black_box(p.total); v.push(t.elapsed()); }
            v.sort();
            println!("{what} page {page}: p50 {:?} max {:?}", v[10], v[19]);
        }
    }
    // changes
    for k in 0..64u32 { world.store.insert_job(&job(k), &note("m"), None).await.unwrap(); }
    let t = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for k in 0..64u32 { let store = world.store.clone(); set.spawn(async move { for _ in 0..50 {
        store.change(&job_id(k), 1, |mut job| { job.ran_ms += 1; Ok::<_, ()>(Some(trainyard_domain::job::Changed { job, notes: vec![note("x")] })) }).await.unwrap(); } }); }
    set.join_all().await;
    println!("job changes {:.0}/s", 3200.0 / t.elapsed().as_secs_f64());
}

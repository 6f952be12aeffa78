use super::*;

#[test]
fn lines_name_jobs_and_other_text_concerns_all_jobs() {
    let (one, two) = ("job_0123456789abcdef0123", "job_0123456789abcdef0124");
    let of = |jobs: &[&str]| Wakeup::Of(jobs.iter().map(|job| job.parse().unwrap()).collect());
    let check = |text: &str, expected: Wakeup| assert_eq!(parse(text.as_bytes()), expected, "{text:?}");
    check(&format!("{one}\n"), of(&[one]));
    check(&format!("{one}\n{two}\n{one}\n"), of(&[one, two]));
    check("!", Wakeup::Everywhere);
    check(&format!("!{one}\n"), Wakeup::Everywhere);
    check(&format!("{one}\n!!"), Wakeup::Everywhere);
}

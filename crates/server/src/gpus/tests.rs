//! A GPU from its job's end until it is allocated again.

use trainyard_domain::capacity::Gpu;

use super::*;

fn capacity() -> Capacity {
    let gpu = |index| Gpu { index, model: "H100".to_owned() };
    Capacity { gpus: (0..3).map(gpu).collect(), ..Capacity::default() }
}

fn at(ms: i64) -> SteadyTime {
    SteadyTime::from_ms(ms)
}

fn busy(index: u32, what: &str) -> BusyGpu {
    BusyGpu { index, what: what.to_owned() }
}

fn quarantined(gpus: &Gpus, now: i64) -> Vec<(u32, bool, String)> {
    gpus.quarantined(at(now)).into_iter().map(|one| (one.index, one.is_stuck, one.reason)).collect()
}

fn line(index: u32, is_stuck: bool, reason: &str) -> (u32, bool, String) {
    (index, is_stuck, reason.to_owned())
}

#[test]
fn a_released_gpu_is_quarantined_until_the_host_says_that_it_is_idle() {
    let gpus = Gpus::new(&capacity(), Some(&Numbered::default()), Ok(Some(Vec::new())), at(0));
    assert!(!gpus.note_held([0, 1].into(), at(10)));
    assert!(gpus.note_held([1].into(), at(20)));
    assert_eq!(quarantined(&gpus, 30), [line(0, false, "its job has just ended")]);
    // A GPU that was allocated and released between two reads is quarantined too.
    gpus.note_given([2].into_iter());
    assert!(gpus.note_held([1].into(), at(25)));
    assert!(gpus.learn(Ok(Some(vec![busy(0, "900 MB")]))));
    // Other busy GPUs do not matter, and a GPU that a job holds is not in quarantine.
    assert!(!gpus.learn(Ok(Some(vec![busy(0, "900 MB"), busy(1, "its own job"), busy(2, "a stranger")]))));
    assert_eq!(quarantined(&gpus, 60_019), [line(0, false, "900 MB")]);
    assert_eq!(quarantined(&gpus, 60_020), [line(0, true, "900 MB")]);
    assert!(gpus.learn(Ok(Some(vec![busy(1, "its own job")]))));
    assert!(!gpus.has_doubts());
    assert_eq!(quarantined(&gpus, 60_030), []);
}

#[test]
fn a_host_that_does_not_answer_keeps_gpus_in_quarantine() {
    let gpus = Gpus::new(
        &capacity(),
        Some(&Numbered::default()),
        Err(EngineError::Unavailable("no answer".to_owned())),
        at(0),
    );
    let all = |why: &str| [line(0, false, why), line(1, false, why), line(2, false, why)];
    assert_eq!(quarantined(&gpus, 1), all("no answer"));
    assert!(!gpus.learn(Err(EngineError::Unavailable("still none".to_owned()))));
    assert_eq!(quarantined(&gpus, 2), all("still none"));
    assert!(!gpus.learn(Ok(None)));
    assert!(gpus.learn(Ok(Some(vec![busy(2, "3000 MB")]))));
    assert_eq!(quarantined(&gpus, 3), [line(2, false, "3000 MB")]);
}

#[test]
fn gpus_that_are_busy_at_the_start_belong_to_running_jobs() {
    let gpus = Gpus::new(
        &capacity(),
        Some(&Numbered::default()),
        Ok(Some(vec![busy(0, "a worker"), busy(2, "a leftover")])),
        at(0),
    );
    assert!(gpus.note_held([0].into(), at(5)));
    assert_eq!(quarantined(&gpus, 6), [line(2, false, "a leftover")]);
}

#[test]
fn no_job_gets_a_gpu_before_the_host_has_listed_its_cards() {
    let failed = || Err(EngineError::Unavailable("no answer".to_owned()));
    let indices = |gpus: &Gpus| gpus.quarantined(at(1)).iter().map(|one| one.index).collect::<Vec<_>>();
    let in_use = capacity().gpus;
    let as_declared = || Numbered { gpus: capacity().gpus, ..Numbered::default() };
    let new = || {
        let gpus = Gpus::new(&capacity(), None, failed(), at(0));
        assert!(!gpus.learn(Ok(Some(Vec::new()))));
        assert_eq!((indices(&gpus), gpus.is_unnumbered()), (vec![0, 1, 2], true));
        gpus
    };
    let right = new();
    right.learn_numbers(&in_use, as_declared());
    assert!(right.learn(Ok(Some(vec![busy(1, "a stranger")]))));
    assert_eq!((indices(&right), right.is_unnumbered()), (vec![1], false));

    let few = new();
    few.learn_numbers(&in_use, Numbered { absent: [(2, "gone".to_owned())].into(), ..as_declared() });
    few.learn(Ok(Some(Vec::new())));
    assert_eq!(quarantined(&few, 1), [line(2, true, "gone")]);

    let mut other = as_declared();
    other.gpus[0].model = "L40S".to_owned();
    let wrong = new();
    wrong.learn_numbers(&in_use, other);
    wrong.learn(Ok(Some(Vec::new())));
    assert_eq!(indices(&wrong), [0, 1, 2]);
}

#[test]
fn all_gpus_are_idle_on_a_host_that_cannot_see_them() {
    let gpus = Gpus::new(&capacity(), None, Ok(None), at(0));
    gpus.note_held([0].into(), at(1));
    assert!(!gpus.note_held(BTreeSet::new(), at(2)));
    assert!(!gpus.has_doubts());
    assert!(!gpus.learn(Ok(Some(vec![busy(0, "a stranger")]))));
    assert_eq!(quarantined(&gpus, 100_000), []);
}

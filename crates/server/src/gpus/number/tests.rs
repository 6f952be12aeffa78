//! Which card a declared accelerator is.

use super::*;

fn gpus(models: &[&str]) -> Vec<Gpu> {
    (0..).zip(models).map(|(index, model)| Gpu { index, model: (*model).to_owned() }).collect()
}

/// The host's spelling, where only the case may differ.
fn numbered(declared: &[&str], found: &[&str]) -> Numbered {
    let own = |name: &str| found.iter().find(|model| model.eq_ignore_ascii_case(name)).map(|model| (*model).to_owned());
    number(&gpus(declared), &gpus(found), own)
}

fn lines(numbered: &Numbered) -> Vec<String> {
    numbered.gpus.iter().map(|gpu| format!("{} {}", gpu.index, gpu.model)).collect()
}

#[test]
fn each_declared_gpu_is_a_card_of_its_model_in_any_order() {
    let all = numbered(&["h200", "h200", "L40S"], &["L40S", "H200", "H200", "L40S"]);
    assert_eq!(lines(&all), ["0 L40S", "1 h200", "2 h200"]);
    assert!(all.absent.is_empty() && all.guesses.is_empty());
}

#[test]
fn a_gpu_that_the_host_lacks_is_absent_and_no_other_model_replaces_it() {
    let all = numbered(&["H200", "H200", "L40S"], &["H200", "L40S", "L40S"]);
    assert_eq!(lines(&all), ["0 H200", "1 L40S", "3 H200"]);
    let why = "declared, but nvidia-smi lists only 1 H200, 2 L40S".to_owned();
    assert_eq!(all.absent, BTreeMap::from([(3, why)]));
}

#[test]
fn a_name_that_matches_no_card_gets_a_remaining_card_and_this_is_reported() {
    let all = numbered(&["small", "H200", "small"], &["H200", "L40S"]);
    assert_eq!(lines(&all), ["0 H200", "1 small", "2 small"]);
    assert_eq!(all.guesses, ["no card is called \"small\", so it is assigned to GPU 1, L40S"]);
    assert_eq!(all.absent.keys().collect::<Vec<_>>(), [&2]);
}

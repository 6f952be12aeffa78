//! Hostile text: aliases that expand, endless lists, and arbitrary text.

use super::*;
use crate::MOST_UNMAPPED;

#[test]
fn aliases_that_expand_the_text_are_refused() {
    let billion = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned()
        + &('b'..='k')
            .map(|c| format!("{c}: &{c} [{}]\n", format!("*{}, ", (c as u8 - 1) as char).repeat(9)))
            .collect::<String>();
    let square = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(30_000), "*a,".repeat(30_000));
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(40_000));
    for bomb in [billion, square, text] {
        let faults = import(&bomb, Some(Format::Yaml)).unwrap_err();
        let message = &faults[0].message;
        assert!(message.contains("aliases make it far larger") || message.contains("repetition limit"), "{message}");
    }
    assert_eq!(imported("a: &x {b: 1}\nc: *x\n").body["c"], json!({"b": 1}));
}

#[test]
fn the_list_of_unmapped_values_has_a_limit_and_says_so() {
    let options: String = (0..1000).map(|n| format!("#SBATCH --mail-user=a{n}\n")).collect();
    let left = imported(&format!("#!/bin/bash\n{options}")).unmapped;
    assert_eq!(left.len(), MOST_UNMAPPED + 1);
    assert_eq!(left.last().unwrap().value, "800");
    let long = imported(&format!("#!/bin/bash\n#SBATCH --mail-user={}\n", "x".repeat(9000))).unmapped;
    assert_eq!(long[0].value.chars().count(), 501);
}

proptest! {
    #[test]
    fn any_text_is_imported_or_refused(text in any::<String>(), lines in proptest::collection::vec(any_words(), 0..6)) {
        for format in Format::WORDS.iter().map(|word| Format::parse(word)).chain([None]) {
            let _ = import(&text, format);
            let _ = import(&format!("#SBATCH {}", lines.join("\n#SBATCH -")), format);
        }
    }

    #[test]
    fn any_json_is_exported_in_every_format(value in any_json()) {
        if let Value::Object(document) = value {
            for word in Format::EXPORTS {
                exported(&document, Format::parse(word).unwrap());
            }
        }
    }
}

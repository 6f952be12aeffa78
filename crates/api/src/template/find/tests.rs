use serde::de::DeserializeOwned;
use serde_json::Value;

use super::*;

#[test]
fn every_documented_word_is_parsed() {
    fn check<T: DeserializeOwned + Serialize>(words: &[&str]) {
        for word in words {
            let value: T = serde_json::from_value(Value::from(*word)).unwrap();
            assert_eq!(serde_json::to_value(value).unwrap(), *word);
        }
    }
    check::<Archived>(Archived::WORDS);
    check::<TemplateSort>(TemplateSort::WORDS);
}

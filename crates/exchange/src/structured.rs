//! YAML and JSON, read and written so that every value keeps its type and text.
//!
//! Reading takes time and memory in proportion to the text: aliases that multiply themselves, nesting without end and
//! keys that stand twice are refused.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use trainyard_domain::{document::Document, json};

/// The deepest nesting of brackets that is handed to the YAML reader, whose time grows with it.
const MOST_BRACKETS: usize = 256;

/// A document as YAML.
pub(super) fn write_yaml(document: &Document) -> String {
    let text = serde_yaml_ng::to_string(document).unwrap_or_default();
    let reads_back =
        read_yaml(&text).is_ok_and(|read| matches!(read.as_slice(), [Value::Object(it)] if it == document));
    // JSON is YAML too, and no value of a document escapes it.
    if reads_back { text } else { write_json(document) }
}

/// A document as JSON.
pub(super) fn write_json(document: &Document) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// The values of the documents of a YAML text, empty ones left out; a text that is JSON is read as that. The error is to
/// be read behind the name of the text.
pub fn read_yaml(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = json::read(text.as_bytes())
    {
        return Ok(vec![value]);
    }
    if nests_deeper_than(text, MOST_BRACKETS) {
        return Err(format!("is no YAML that can be read: brackets nest deeper than {MOST_BRACKETS} levels"));
    }
    let budget = Budget::of(text);
    let mut documents = Vec::new();
    for reader in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Counted(&budget).deserialize(reader).map_err(|error| format!("is no YAML: {error}"))?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}

/// Whether more brackets are open at some point than `levels`, quotes not looked at.
fn nests_deeper_than(text: &str, levels: usize) -> bool {
    let mut open = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > levels
    })
}

/// How much a text may still come to: no more than it has bytes, since only aliases can say a thing twice.
struct Budget(Cell<usize>);

impl Budget {
    fn of(text: &str) -> Self {
        Self(Cell::new(2 * text.len() + 1024))
    }

    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes + 1);
        let left = left.ok_or_else(|| E::custom("aliases make it far larger than it is: write the values out"))?;
        self.0.set(left);
        Ok(())
    }
}

/// Reads one value on a budget.
struct Counted<'a>(&'a Budget);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true, false, null, a list or an object, without a tag")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.0.take(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.0.take(0)?;
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.0.take(0)?;
        Ok(Value::from(value))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        Err(E::custom(format!("the number {value} is too long to be kept exactly: quote it")))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Err(E::custom(format!("the number {value} is too long to be kept exactly: quote it")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.0.take(0)?;
        let number = Number::from_f64(value).ok_or_else(|| E::custom("`.nan` and `.inf` are no numbers of JSON"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.0.take(value.len())?;
        Ok(Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.0.take(0)?;
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.take(0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Counted(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.0.take(0)?;
        let mut object = Map::new();
        while let Some(key) = members.next_key_seed(Key)? {
            self.0.take(key.len())?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {} stands twice in one object", Value::from(key))));
            }
            object.insert(key, members.next_value_seed(Counted(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

/// Reads a key, which must be text: `1: a` and `true: a` would be a text that nobody wrote.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<String, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Visitor<'_> for Key {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is text; quote it")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

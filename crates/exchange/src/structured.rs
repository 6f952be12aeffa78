//! YAML and JSON: reading and writing keep the type and text of every value.
//!
//! Reading takes time and memory in proportion to the text, so the reader refuses aliases that expand the text, deep nesting
//! and duplicate keys.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use trainyard_domain::{document::Document, json};

/// The deepest nesting of brackets that the YAML reader gets, because its time grows with the depth.
const MOST_BRACKETS: usize = 256;

/// A document as YAML, or as JSON if the YAML writer changes a value of it.
pub(super) fn write_yaml(document: &Document) -> String {
    let text = serde_yaml_ng::to_string(document).unwrap_or_default();
    let reads_back =
        read_yaml(&text).is_ok_and(|read| matches!(read.as_slice(), [Value::Object(it)] if it == document));
    // JSON is YAML too, and it can express every value of a document.
    if reads_back { text } else { write_json(document) }
}

/// A document as indented JSON.
pub(super) fn write_json(document: &Document) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads the documents of a YAML text and leaves out empty ones. A text that is JSON is read as JSON.
///
/// # Errors
/// Why the text cannot be read, as a sentence without its subject, which is the text.
pub fn read_yaml(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with('{')
        && let Ok(value) = json::read(text.as_bytes())
    {
        return Ok(vec![value]);
    }
    if nests_deeper_than(text, MOST_BRACKETS) {
        return Err(format!("is not readable YAML: brackets nest deeper than {MOST_BRACKETS} levels"));
    }
    let budget = Budget::of(text);
    let mut documents = Vec::new();
    for reader in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Counted(&budget).deserialize(reader).map_err(|error| format!("is not YAML: {error}"))?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}

/// Whether more than `levels` brackets are open at some point; brackets inside quotes count too.
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

/// The bytes that the values of a text may still have. Only aliases can make them larger than the text.
struct Budget(Cell<usize>);

impl Budget {
    fn of(text: &str) -> Self {
        Self(Cell::new(2 * text.len() + 1024))
    }

    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes + 1);
        let left = left.ok_or_else(|| E::custom("aliases make it far larger; write the values out"))?;
        self.0.set(left);
        Ok(())
    }
}

/// Reads one value and takes its size from the budget.
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
        f.write_str("text, a number, true, false, null, a list or an object without a tag")
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
        Err(E::custom(format!("the number {value} is too long to keep exactly; quote it")))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        Err(E::custom(format!("the number {value} is too long to keep exactly; quote it")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.0.take(0)?;
        let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no numbers `.nan` and `.inf`"))?;
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
                return Err(A::Error::custom(format!("the key {} appears twice in one object", Value::from(key))));
            }
            object.insert(key, members.next_value_seed(Counted(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

/// Reads a key, which must be text. Without this check, `1: a` would get the text `1` as its key.
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
        f.write_str("a key that is text (quote the key)")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

//! SQL texts and their values. Every text enters through one of the macros here, beside the function that runs it, and
//! `tests/statements.rs` finds every use of a macro in the sources and prepares its text against the schema.
//!
//! The texts are portable: placeholders are `$1`, `$2`, …, and nothing is used that only SQLite knows, except in control
//! statements (`PRAGMA`, `VACUUM INTO`, savepoints).

use std::{borrow::Cow, fmt::Write as _};

use rusqlite::{CachedStatement, types::ValueRef};
use trainyard_domain::time::{Span, WallTime};

/// A whole statement: `sql!("SELECT id FROM jobs WHERE id = $1")`. Parts that several statements share are macros without
/// arguments: `sql!("SELECT ", job_columns!(), " FROM jobs j")`.
macro_rules! sql {
    ($($part:tt)+) => { $crate::sql::Sql::from_macro(concat!($($part)+)) };
}

/// A statement with a list of values in place of `$list`: `sql_list!("SELECT id FROM jobs WHERE id IN ($list)")`.
macro_rules! sql_list {
    ($($part:tt)+) => { $crate::sql::SqlList::from_macro(concat!($($part)+)) };
}

/// A statement with any of the conditions of its file in place of `$conditions`.
macro_rules! sql_filtered {
    ($($part:tt)+) => { $crate::sql::SqlFiltered::from_macro(concat!($($part)+)) };
}

/// A condition of a filtered statement, with its value, if it has one, in place of `$value`.
macro_rules! sql_condition {
    ($text:literal) => {
        $crate::sql::Condition::from_macro($text, None)
    };
    ($text:literal, $value:expr) => {
        $crate::sql::Condition::from_macro($text, Some($value.into()))
    };
}

pub(crate) use {sql, sql_condition, sql_filtered, sql_list};

/// The maximum number of values in one list; callers split longer ones.
pub(crate) const LIST_MAX: usize = 512;

/// A whole statement.
#[derive(Clone, Copy)]
pub(crate) struct Sql(&'static str);

/// A statement with `$list`.
#[derive(Clone, Copy)]
pub(crate) struct SqlList(&'static str);

/// A statement with `$conditions`.
#[derive(Clone, Copy)]
pub(crate) struct SqlFiltered(&'static str);

/// A condition, with the value of its one placeholder.
pub(crate) struct Condition<'q> {
    text: &'static str,
    value: Option<Value<'q>>,
}

impl Sql {
    /// Called by the macro alone.
    pub(crate) const fn from_macro(text: &'static str) -> Self {
        Self(text)
    }
}

impl SqlList {
    /// Called by the macro alone.
    pub(crate) const fn from_macro(text: &'static str) -> Self {
        Self(text)
    }
}

impl SqlFiltered {
    /// Called by the macro alone.
    pub(crate) const fn from_macro(text: &'static str) -> Self {
        Self(text)
    }
}

impl<'q> Condition<'q> {
    /// Called by the macro alone.
    pub(crate) const fn from_macro(text: &'static str, value: Option<Value<'q>>) -> Self {
        Self { text, value }
    }
}

/// A value of one of the few types that the tables have.
pub(crate) enum Value<'q> {
    Null,
    Number(i64),
    Text(Cow<'q, str>),
}

/// A statement, and the values of `$1`, `$2`, … in that order.
pub(crate) struct Statement<'q> {
    text: Cow<'static, str>,
    values: Vec<Value<'q>>,
}

/// A statement without values yet.
pub(crate) fn statement<'q>(sql: Sql) -> Statement<'q> {
    Statement { text: Cow::Borrowed(sql.0), values: Vec::new() }
}

/// A statement for these values, at least one and at most [`LIST_MAX`].
pub(crate) fn statement_of_list<'q>(sql: SqlList, values: impl IntoIterator<Item = &'q str>) -> Statement<'q> {
    let mut values: Vec<Value<'q>> = values.into_iter().map(Value::from).collect();
    let size = list_size(values.len());
    // A repeated value changes no result, and with few sizes a connection prepares few texts.
    if let Some(Value::Text(Cow::Borrowed(last))) = values.last() {
        let last = *last;
        values.resize_with(size, || Value::from(last));
    }
    Statement { text: Cow::Owned(list_text(sql.0, size)), values }
}

/// A statement under all of these conditions. `fixed` are the values of the placeholders that stand in its own text.
pub(crate) fn statement_filtered<'q>(
    sql: SqlFiltered,
    fixed: Vec<Value<'q>>,
    conditions: Vec<Condition<'q>>,
) -> Statement<'q> {
    let texts: Vec<&str> = conditions.iter().map(|condition| condition.text).collect();
    let text = filtered_text(sql.0, fixed.len(), &texts);
    let mut values = fixed;
    values.extend(conditions.into_iter().filter_map(|condition| condition.value));
    Statement { text: Cow::Owned(text), values }
}

/// How many placeholders a list of so many values gets: the next power of two.
fn list_size(values: usize) -> usize {
    values.max(1).next_power_of_two()
}

/// The text of a statement with `$list` for so many values.
pub(crate) fn list_text(text: &str, values: usize) -> String {
    let mut list = String::from("$1");
    for number in 2..=values {
        let _ = write!(list, ", ${number}");
    }
    text.replace("$list", &list)
}

/// The text of a statement with `$conditions`; the placeholders of the conditions follow the `fixed` first ones.
pub(crate) fn filtered_text(text: &str, fixed: usize, conditions: &[&str]) -> String {
    let mut joined = String::new();
    let mut number = fixed;
    for condition in conditions {
        if !joined.is_empty() {
            joined.push_str(" AND ");
        }
        match condition.split_once("$value") {
            Some((before, after)) => {
                number += 1;
                let _ = write!(joined, "{before}${number}{after}");
            }
            None => joined.push_str(condition),
        }
    }
    text.replace("$conditions", if joined.is_empty() { "TRUE" } else { &joined })
}

impl<'q> Statement<'q> {
    /// Gives the next placeholder its value.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The same statement with its own copies of the values, so that it can be handed to another thread.
    pub(crate) fn into_owned(self) -> Statement<'static> {
        let owned = |value| match value {
            Value::Null => Value::Null,
            Value::Number(number) => Value::Number(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        };
        Statement { text: self.text, values: self.values.into_iter().map(owned).collect() }
    }

    /// Binds the values. A placeholder is found by its number, because SQLite counts placeholders in the order in which
    /// they first appear.
    pub(crate) fn bind_to(&self, prepared: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        let count = prepared.parameter_count();
        let wrong_count = || rusqlite::Error::InvalidParameterCount(self.values.len(), count);
        if self.values.len() != count {
            return Err(wrong_count());
        }
        for index in 1..=count {
            let number = prepared.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
            let value = number.and_then(|number| self.values.get(number.checked_sub(1)?));
            prepared.raw_bind_parameter(index, value.ok_or_else(wrong_count)?)?;
        }
        Ok(())
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<WallTime> for Value<'_> {
    fn from(time: WallTime) -> Self {
        Self::Number(time.as_ms())
    }
}

impl From<Span> for Value<'_> {
    fn from(span: Span) -> Self {
        Self::Number(span.as_ms())
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Number(i64::from(truth))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(text: &'q String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'q, T: Into<Value<'q>>> From<Option<T>> for Value<'q> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'q> From<&'q Option<String>> for Value<'q> {
    fn from(text: &'q Option<String>) -> Self {
        text.as_deref().into()
    }
}

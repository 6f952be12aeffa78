//! A statement with its values, as the writing connection takes it: the text is the same that a reader would be asked.

use std::borrow::Cow;

use rusqlite::{CachedStatement, types::ValueRef};

/// A value of one of the few types that the tables have.
pub(crate) enum Value<'q> {
    Null,
    Number(i64),
    Text(Cow<'q, str>),
}

/// A statement, and the values of `$1`, `$2`, … in that order.
pub(crate) struct Statement<'q> {
    pub(super) sql: &'static str,
    values: Vec<Value<'q>>,
}

/// A statement without values yet.
pub(crate) fn statement<'q>(sql: &'static str) -> Statement<'q> {
    Statement { sql, values: Vec::new() }
}

impl<'q> Statement<'q> {
    /// The value of the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Hands the values over. A placeholder is known by its number: SQLite counts them by where they first stand.
    pub(super) fn fill(&self, prepared: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        for place in 1..=prepared.parameter_count() {
            let number = prepared.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
            let value = number.and_then(|number| self.values.get(number.checked_sub(1)?));
            let Some(value) = value else {
                return Err(rusqlite::Error::InvalidParameterCount(self.values.len(), prepared.parameter_count()));
            };
            prepared.raw_bind_parameter(place, value)?;
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

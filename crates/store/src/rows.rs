//! Reading rows into values, and writing values as JSON text.
//!
//! A value that does not fit is [`StoreError::UnreadableRow`], which names table, row and column, never the value. An
//! unreadable row hides no other row: lists leave it out, and [`UnreadableRows`] puts it into the log once.

use std::{
    collections::HashSet,
    fmt::Display,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use rusqlite::types::ValueRef;
use serde::{Serialize, de::DeserializeOwned};
use trainyard_domain::hex;

use crate::error::StoreError;

/// A table as reports call it, with the columns of a result that name one of its rows.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: &'static [&'static str],
}

/// A row of a result.
pub(crate) struct Row<'r> {
    names: Vec<&'r str>,
    row: &'r rusqlite::Row<'r>,
}

impl<'r> Row<'r> {
    pub(crate) fn of(row: &'r rusqlite::Row<'r>) -> Self {
        Self { names: row.as_ref().column_names().collect(), row }
    }

    /// The value of a column, or what is wrong with it.
    fn get<T: Column<'r>>(&self, column: &str) -> Result<T, String> {
        let at = self.names.iter().position(|name| *name == column).ok_or("the answer has no such column")?;
        T::of(self.row.get_ref(at).map_err(|error| error.to_string())?)
    }
}

/// A row of a table, read column by column.
pub(crate) struct Fields<'r> {
    table: &'static Table,
    row: &'r Row<'r>,
}

impl<'r> Fields<'r> {
    pub(crate) fn of(table: &'static Table, row: &'r Row<'r>) -> Self {
        Self { table, row }
    }

    /// A value as SQLite has it; an `Option` where it may be missing.
    pub(crate) fn get<T: Column<'r>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|why| self.unreadable(column, why))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    /// A whole number of any width.
    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.get::<i64>(column)?).map_err(|error| self.unreadable(column, error.to_string()))
    }

    /// A time or a length of time, where the column holds one.
    pub(crate) fn optional<T: From<i64>>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(T::from))
    }

    /// A value that is written as text, such as an id.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|error: T::Err| self.unreadable(column, error.to_string()))
    }

    /// The value of a column that holds one of a list of words.
    pub(crate) fn word<T>(&self, column: &'static str, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(self.get(column)?).ok_or_else(|| self.unreadable(column, "an unknown word".to_owned()))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let read = serde_json::from_str(self.get(column)?);
        read.map_err(|error| self.unreadable(column, without_texts(&error.to_string())))
    }

    /// A hash, written in hexadecimal digits.
    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        hex::decode(self.get(column)?)
            .ok_or_else(|| self.unreadable(column, "not a hash in hexadecimal digits".to_owned()))
    }

    fn unreadable(&self, column: &'static str, why: String) -> StoreError {
        StoreError::UnreadableRow { table: self.table.name, id: self.id(), column, why }
    }

    /// The key of the row, its columns joined by `/`; a key that cannot be read itself is `?`.
    fn id(&self) -> String {
        let part = |column: &&str| match self.row.get::<Option<&str>>(column) {
            Ok(Some(text)) => text.to_owned(),
            _ => self.row.get::<i64>(column).map_or_else(|_| "?".to_owned(), |number| number.to_string()),
        };
        self.table.key.iter().map(part).collect::<Vec<_>>().join("/")
    }
}

/// The first column of a result that is one number, such as a count or a setting.
pub(crate) fn only_number(row: &Row<'_>) -> Result<i64, StoreError> {
    let number = row.row.get_ref(0).map_err(|error| error.to_string()).and_then(Column::of);
    number.map_err(|why| StoreError::Bug(format!("a statement does not answer a number: {why}")))
}

/// The first column of a result that is one text, if it has a value.
pub(crate) fn only_text(row: &Row<'_>) -> Result<Option<String>, StoreError> {
    let text = row.row.get_ref(0).map_err(|error| error.to_string()).and_then(Column::of);
    text.map_err(|why| StoreError::Bug(format!("a statement does not answer a text: {why}")))
}

/// A type that a column can be read as.
pub(crate) trait Column<'r>: Sized {
    /// The value, or what is wrong with it.
    fn of(value: ValueRef<'r>) -> Result<Self, String>;
}

macro_rules! column {
    ($type:ty, $($pattern:pat => $value:expr),+) => {
        impl<'r> Column<'r> for $type {
            fn of(value: ValueRef<'r>) -> Result<Self, String> {
                <Option<Self> as Column<'r>>::of(value)?.ok_or_else(|| "it has no value".to_owned())
            }
        }

        impl<'r> Column<'r> for Option<$type> {
            fn of(value: ValueRef<'r>) -> Result<Self, String> {
                match value {
                    ValueRef::Null => Ok(None),
                    $($pattern => $value.map(Some),)+
                    other => Err(format!("it has the type {}", other.data_type())),
                }
            }
        }
    };
}

column!(i64, ValueRef::Integer(number) => Ok(number));
column!(bool, ValueRef::Integer(0) => Ok(false), ValueRef::Integer(1) => Ok(true));
column!(&'r str, ValueRef::Text(text) => utf8(text));
column!(String, ValueRef::Text(text) => utf8(text).map(str::to_owned));

fn utf8(text: &[u8]) -> Result<&str, String> {
    str::from_utf8(text).map_err(|error| error.to_string())
}

/// A message of the JSON reader without the texts that it quotes: they are values of users.
fn without_texts(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            let (before, after) = (message.get(..first), message.get(last + 1..));
            format!("{}\"…\"{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        _ => message.to_owned(),
    }
}

/// The maximum number of rows that the log names one by one.
const MOST_NAMED: usize = 1000;

/// The unreadable rows that the log has named: the loops read again and again, and once is enough.
#[derive(Default)]
pub(crate) struct UnreadableRows(Mutex<HashSet<String>>);

impl UnreadableRows {
    /// Logs an unreadable row, unless it was logged before; other errors are the caller's alone.
    pub(crate) fn report(&self, error: &StoreError) {
        let StoreError::UnreadableRow { .. } = error else { return };
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < MOST_NAMED && named.insert(error.to_string()) {
            tracing::error!("{error}; the server continues without this row");
        }
    }

    /// How many rows were reported.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A record that could be read; `None` for an unreadable row, which is reported.
    pub(crate) fn readable<T>(&self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(record) => Ok(Some(record)),
            Err(error @ StoreError::UnreadableRow { .. }) => {
                self.report(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Bug(format!("a value has no JSON form: {error}")))
}

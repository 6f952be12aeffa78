//! Reading rows into values, and writing values as JSON text.
//!
//! What does not fit is [`StoreError::Corrupt`] and names table and column, never the value.

mod column;

use std::{fmt::Display, str::FromStr};

use column::Column;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::sqlite::SqliteRow;
use trainyard_domain::hex;

use crate::StoreError;

/// A row as the drivers give it.
pub(crate) enum Row {
    /// To a reader.
    Read(SqliteRow),
    /// To a change: the columns' names with their values.
    Written(Vec<(String, rusqlite::types::Value)>),
}

/// A row of a table, read column by column.
pub(crate) struct Fields<'r> {
    table: &'static str,
    row: &'r Row,
}

impl<'r> Fields<'r> {
    pub(crate) fn of(table: &'static str, row: &'r Row) -> Self {
        Self { table, row }
    }

    /// A value as the driver reads it; an `Option` where it may be missing.
    pub(crate) fn get<T: Column<'r>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::of(self.row, column).map_err(|error| self.corrupt(column, &error))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    /// A whole number of any width.
    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.get::<i64>(column)?).map_err(|error| self.corrupt(column, &error))
    }

    /// A value that is written as text, such as an id.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|error| self.corrupt(column, &error))
    }

    /// One of a list of words.
    pub(crate) fn word<T>(&self, column: &'static str, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(self.get(column)?).ok_or_else(|| self.corrupt(column, &"an unknown word"))
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.corrupt(column, &error))
    }

    /// A hash, written in hexadecimal digits.
    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        hex::decode(self.get(column)?).ok_or_else(|| self.corrupt(column, &"no hash"))
    }

    fn corrupt(&self, column: &str, why: &dyn Display) -> StoreError {
        StoreError::Corrupt(format!("{}.{column}: {why}", self.table))
    }
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Bug(format!("a value has no JSON form: {error}")))
}

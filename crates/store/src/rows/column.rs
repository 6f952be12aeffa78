//! Reading one column of a row of either driver as one of the few types that the tables have.

use rusqlite::types::Value;
use sqlx::Row as _;

use super::Row;

/// A type that a column can be read as.
pub(crate) trait Column<'r>: Sized {
    /// The value of a column, or what is wrong with it.
    fn of(row: &'r Row, column: &'static str) -> Result<Self, String>;
}

/// A type that both drivers know; the pattern says what of the writer's values it is.
macro_rules! column {
    ($type:ty, $($pattern:pat => $value:expr),+) => {
        impl<'r> Column<'r> for $type {
            fn of(row: &'r Row, column: &'static str) -> Result<Self, String> {
                <Option<Self> as Column<'r>>::of(row, column)?.ok_or_else(|| "unexpectedly without a value".to_owned())
            }
        }

        impl<'r> Column<'r> for Option<$type> {
            fn of(row: &'r Row, column: &'static str) -> Result<Self, String> {
                match row {
                    Row::Read(row) => row.try_get(column).map_err(|error| error.to_string()),
                    Row::Written(columns) => match columns.iter().find(|(name, _)| name == column) {
                        None => Err("there is no such column".to_owned()),
                        Some((_, Value::Null)) => Ok(None),
                        $(Some((_, $pattern)) => Ok(Some($value)),)+
                        Some((_, other)) => Err(format!("of the type {}", other.data_type())),
                    },
                }
            }
        }
    };
}

column!(i64, Value::Integer(number) => *number);
column!(bool, Value::Integer(0) => false, Value::Integer(1) => true);
column!(&'r str, Value::Text(text) => text.as_str());
column!(String, Value::Text(text) => text.clone());

//! How amounts that may be fractions are written: `4`, not `4.0`, where they are whole.

#[cfg(test)]
mod tests;

use serde::Serializer;

/// Writes a whole number as an integer and anything else as it is.
pub(crate) fn plain<S: Serializer>(amount: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // 2^53: beyond it a double no longer holds every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if amount.fract() == 0.0 && amount.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range in which doubles are exact")]
        serializer.serialize_i64(*amount as i64)
    } else {
        serializer.serialize_f64(*amount)
    }
}

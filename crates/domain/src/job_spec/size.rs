//! Sizes in specs: decimal numbers as a JSON number or as text, and gigabytes as bytes (1 GB = 2^30 bytes).

use serde_json::Value;

use crate::capacity::GB;

/// The thousandths of a decimal number, given as a JSON number or as text; `None` with more than three decimal places.
pub fn parse_milli(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() || text.ends_with('.') || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths)
}

/// The whole number that a JSON number or text gives.
pub fn parse_count(value: &Value) -> Option<u64> {
    let milli = parse_milli(value)?;
    (milli % 1000 == 0).then_some(milli / 1000)
}

/// Thousandths as a decimal number without trailing zeros: `1500` is `1.5`.
pub fn decimal_text(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Thousandths of a GB in bytes, rounded down, so that the parts never add up to more than the total.
pub fn gb_bytes(milli: u64) -> u64 {
    u64::try_from(u128::from(milli) * u128::from(GB) / 1000).unwrap_or(u64::MAX)
}

/// Bytes as decimal GB, rounded to three places. This inverts [`gb_bytes`].
pub fn gb_text(bytes: u64) -> String {
    let milli = (u128::from(bytes) * 1000 + u128::from(GB / 2)) / u128::from(GB);
    decimal_text(u64::try_from(milli).unwrap_or(u64::MAX))
}

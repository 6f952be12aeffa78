//! Quantities in the notation of Kubernetes: `500m`, `8Gi`, `1e3`, `0.1`.

use serde_json::Value;

/// A quantity in thousandths, rounded up. `None` if the text is not a quantity or the number does not fit.
pub(super) fn milli(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let is_number = has_digits && fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let (times, per) = scale(suffix).filter(|_| is_number)?;
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let per = per.checked_mul(10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    let thousandths = digits.checked_mul(times)?.checked_mul(1000)?.div_ceil(per);
    u64::try_from(thousandths).ok()
}

/// The factor and the divisor of a suffix.
fn scale(suffix: &str) -> Option<(u128, u128)> {
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const DECIMAL: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    const SMALL: [&str; 3] = ["m", "u", "n"];
    let power = |base: u128, places: usize| base.checked_pow(u32::try_from(places + 1).ok()?);
    let place = |words: &[&str]| words.iter().position(|word| *word == suffix);
    if suffix.is_empty() {
        return Some((1, 1));
    }
    if let Some(at) = place(&BINARY) {
        return Some((power(1024, at)?, 1));
    }
    if let Some(at) = place(&DECIMAL) {
        return Some((power(1000, at)?, 1));
    }
    if let Some(at) = place(&SMALL) {
        return Some((1, power(1000, at)?));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let ten = 10_u128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, ten) } else { (ten, 1) })
}

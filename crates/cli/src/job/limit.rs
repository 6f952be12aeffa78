//! A limit of running time as people write it: `5400`, `90m`, `1h30m`, `none`.

#[cfg(test)]
mod tests;

/// Seconds; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub(super) Option<u64>);

/// Reads one. Units go from large to small, each at most once.
pub(super) fn parse(text: &str) -> Result<Limit, String> {
    let wrong = || format!("{text:?} is no time; say seconds, or a time such as 90m, 2h, 1d12h, or `none`");
    if text == "none" {
        return Ok(Limit(None));
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Limit(Some(seconds)));
    }
    let mut rest = text;
    let mut sum: u64 = 0;
    for (unit, seconds) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number: u64 = number.parse().map_err(|_| wrong())?;
            sum = number.checked_mul(seconds).and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
            rest = after;
        }
    }
    if rest.is_empty() && rest.len() < text.len() { Ok(Limit(Some(sum))) } else { Err(wrong()) }
}

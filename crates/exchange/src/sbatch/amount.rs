//! Amounts as Slurm writes them: memory, time, numbers of nodes, GPUs.

/// Memory in MiB, rounded up: `500`, `4G`, `50gb`, `1TB`. A number without a unit is in MiB.
pub(super) fn megabytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    match unit {
        "k" | "kb" | "kib" => Some(number.div_ceil(1024)),
        "" | "m" | "mb" | "mib" => Some(number),
        "g" | "gb" | "gib" => number.checked_mul(1024),
        "t" | "tb" | "tib" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

/// The time limit of `--time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// No time limit at all.
    Endless,
    /// A limit in seconds, above 0.
    Seconds(u64),
}

/// A time limit: `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`, `days-hours:minutes`,
/// `days-hours:minutes:seconds`, or a word for no limit. A limit of 0 is no limit, as in Slurm.
pub(super) fn time(text: &str) -> Option<Limit> {
    if ["infinite", "unlimited", "-1", "0"].contains(&text.to_ascii_lowercase().as_str()) {
        return Some(Limit::Endless);
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    let fields: Vec<u64> = if rest.is_empty() && days.is_some() {
        Vec::new()
    } else {
        rest.split(':').map(number).collect::<Option<_>>()?
    };
    let (hours, minutes, seconds) = match (days, fields.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        (Some(_), []) => (0, 0, 0),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        _ => return None,
    };
    let hours = days.unwrap_or(0).checked_mul(24)?.checked_add(hours)?;
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let all = minutes.checked_mul(60)?.checked_add(seconds)?;
    Some(if all == 0 { Limit::Endless } else { Limit::Seconds(all) })
}

/// The smallest and the largest number of nodes: `2` or `1-4`.
pub(super) fn nodes(text: &str) -> Option<(u64, u64)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (number(low)?, number(high)?);
    (1..=high).contains(&low).then_some((low, high))
}

/// A whole number above zero.
pub(super) fn count(text: &str) -> Option<u64> {
    number(text).filter(|number| *number > 0)
}

/// The number of GPUs and their type: `2`, `a100:2`, `a100`. A type without a number means one GPU.
pub(super) fn gpus(text: &str) -> Option<(u64, Option<String>)> {
    // `(S:0-1)` at the end names the sockets of the GPUs and is no part of the number.
    let text = text.split('(').next()?;
    match text.split_once(':') {
        None if text.is_empty() => Some((1, None)),
        None => Some(number(text).map_or_else(|| (1, Some(text.to_owned())), |count| (count, None))),
        Some((model, count)) => Some((number(count)?, Some(model.to_owned()).filter(|model| !model.is_empty()))),
    }
}

/// The GPUs of an entry of `--gres`: `gpu`, `gpu:2`, `gpu:a100:2`, `gres/gpu:2`; `None` for another resource.
pub(super) fn gres(entry: &str) -> Option<(u64, Option<String>)> {
    let entry = entry.strip_prefix("gres:").or_else(|| entry.strip_prefix("gres/")).unwrap_or(entry);
    let rest = entry.strip_prefix("gpu")?;
    if rest.is_empty() || rest.starts_with('(') { gpus("") } else { gpus(rest.strip_prefix([':', '='])?) }
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

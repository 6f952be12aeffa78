//! The indices of declared GPUs: the declaration has the models, `nvidia-smi` has the index of each card.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use trainyard_domain::capacity::Gpu;

/// Declared GPUs with the indices of the host's cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// All declared GPUs, by index.
    pub(crate) gpus: Vec<Gpu>,
    /// The declared GPUs that the host does not have, by index, with the reason.
    pub(crate) absent: BTreeMap<u32, String>,
    /// Sentences about cards that were assigned to a declared name that differs from their own.
    pub(crate) guesses: Vec<String>,
}

/// Assigns to each declared GPU the first remaining card of its model. A declared name that matches no card is assigned to
/// the cards that no other name matches. `own` returns the host's spelling of a model, if the host has such a card.
pub(crate) fn number(declared: &[Gpu], found: &[Gpu], own: impl Fn(&str) -> Option<String>) -> Numbered {
    let models: Vec<Option<String>> = declared.iter().map(|gpu| own(&gpu.model)).collect();
    let known: BTreeSet<&String> = models.iter().flatten().collect();
    let mut left: Vec<&Gpu> = found.iter().collect();
    let above = found.iter().map(|gpu| gpu.index + 1).max().unwrap_or_default();
    let mut all = Numbered::default();
    for (gpu, model) in declared.iter().zip(&models) {
        let is_it = |card: &&Gpu| model.as_ref().map_or(!known.contains(&card.model), |model| *model == card.model);
        let index = match left.iter().position(is_it).map(|place| left.remove(place)) {
            Some(card) => {
                if model.is_none() {
                    all.guesses.push(format!(
                        "no card is called {:?}, so it is assigned to GPU {}, {}",
                        gpu.model, card.index, card.model
                    ));
                }
                card.index
            }
            None => {
                let index = above.saturating_add(u32::try_from(all.absent.len()).unwrap_or(u32::MAX));
                let why = format!("declared, but nvidia-smi lists {}", listed(found));
                all.absent.insert(index, why);
                index
            }
        };
        all.gpus.push(Gpu { index, model: gpu.model.clone() });
    }
    all.gpus.sort_by_key(|gpu| gpu.index);
    all
}

/// The number of cards of each model, for people.
fn listed(found: &[Gpu]) -> String {
    let mut models: BTreeMap<&str, usize> = BTreeMap::new();
    for gpu in found {
        *models.entry(&gpu.model).or_default() += 1;
    }
    let each = models.iter().map(|(model, count)| format!("{count} {model}"));
    match each.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "no GPU".to_owned(),
        some => format!("only {some}"),
    }
}

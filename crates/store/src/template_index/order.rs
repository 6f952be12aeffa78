//! A list of places that stays sorted: in blocks, so that a new one moves a few hundred numbers and not all of them.

#[cfg(test)]
mod tests;

/// The most places in a block; a block that would have more is cut in two.
const BLOCK: usize = 512;

/// Places of entries in the order of one of their properties, which the caller knows and compares.
#[derive(Default)]
pub(super) struct Order {
    blocks: Vec<Vec<u32>>,
}

impl Order {
    /// Takes places that are sorted.
    pub(super) fn from_sorted(places: &[u32]) -> Self {
        // Half full, so that what comes next does not cut every block at once.
        Self { blocks: places.chunks(BLOCK / 2).map(<[u32]>::to_vec).collect() }
    }

    /// Puts a place behind all those that `stands_before` it.
    pub(super) fn insert(&mut self, place: u32, stands_before: impl Fn(u32) -> bool) {
        let at = self.block(&stands_before).min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.push(vec![place]);
            return;
        };
        let within = block.partition_point(|other| stands_before(*other));
        if block.len() < BLOCK {
            block.insert(within, place);
            return;
        }
        // What only ever grows at its end leaves full blocks behind.
        let mut rest = block.split_off(if within == BLOCK { BLOCK } else { BLOCK / 2 });
        match within.checked_sub(block.len()) {
            Some(within) => rest.insert(within, place),
            None => block.insert(within, place),
        }
        self.blocks.insert(at + 1, rest);
    }

    /// Takes a place out, where it stands behind exactly those that `stands_before` it.
    pub(super) fn remove(&mut self, place: u32, stands_before: impl Fn(u32) -> bool) {
        let at = self.block(&stands_before);
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        let within = block.partition_point(|other| stands_before(*other));
        if block.get(within) == Some(&place) {
            block.remove(within);
        }
        if block.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// All places, the least first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.blocks.iter().flatten().copied()
    }

    /// The first block whose last place does not stand before; the newest stands behind all, so the end is tried first.
    fn block(&self, stands_before: &impl Fn(u32) -> bool) -> usize {
        let is_before = |block: &Vec<u32>| block.last().is_some_and(|last| stands_before(*last));
        if self.blocks.last().is_some_and(is_before) {
            return self.blocks.len();
        }
        self.blocks.partition_point(is_before)
    }
}

//! A list of slots that stays sorted. It has blocks, so that an insertion moves a few hundred numbers and not all of them.

#[cfg(test)]
mod tests;

/// The maximum number of slots in a block; a block that would have more is split in two.
const BLOCK: usize = 512;

/// Slots in the order of one property of their entries, which the caller compares.
#[derive(Default)]
pub(super) struct Order {
    blocks: Vec<Vec<u32>>,
}

impl Order {
    /// Takes slots that are sorted.
    pub(super) fn from_sorted(slots: &[u32]) -> Self {
        // Half full, so that the next insertions do not split every block.
        Self { blocks: slots.chunks(BLOCK / 2).map(<[u32]>::to_vec).collect() }
    }

    /// Inserts a slot after all slots that `stands_before` accepts.
    pub(super) fn insert(&mut self, slot: u32, stands_before: impl Fn(u32) -> bool) {
        let at = self.block(&stands_before).min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.push(vec![slot]);
            return;
        };
        let within = block.partition_point(|other| stands_before(*other));
        if block.len() < BLOCK {
            block.insert(within, slot);
            return;
        }
        // A list that only grows at its end gets full blocks.
        let mut rest = block.split_off(if within == BLOCK { BLOCK } else { BLOCK / 2 });
        match within.checked_sub(block.len()) {
            Some(within) => rest.insert(within, slot),
            None => block.insert(within, slot),
        }
        self.blocks.insert(at + 1, rest);
    }

    /// Removes a slot, if it stands directly after the slots that `stands_before` accepts.
    pub(super) fn remove(&mut self, slot: u32, stands_before: impl Fn(u32) -> bool) {
        let at = self.block(&stands_before);
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        let within = block.partition_point(|other| stands_before(*other));
        if block.get(within) == Some(&slot) {
            block.remove(within);
        }
        if block.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// All slots, the least first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.blocks.iter().flatten().copied()
    }

    /// The first block with a last slot that `stands_before` rejects. The newest entry usually comes last, so the end is tried first.
    fn block(&self, stands_before: &impl Fn(u32) -> bool) -> usize {
        let is_before = |block: &Vec<u32>| block.last().is_some_and(|last| stands_before(*last));
        if self.blocks.last().is_some_and(is_before) {
            return self.blocks.len();
        }
        self.blocks.partition_point(is_before)
    }
}

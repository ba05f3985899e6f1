//! In which order the slots were last used: a list through an array, so that every step costs the same however long it is.

/// Entry 0 is the list's end and beginning in one; slot `n` is entry `n + 1`. An entry that points at itself is not in it.
#[derive(Debug)]
pub struct Order {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
}

impl Order {
    pub fn new() -> Self {
        Self {
            links: vec![Link { newer: 0, older: 0 }],
        }
    }

    /// Knows slots below `count` from now on; none of the new ones is in the list.
    pub fn grow(&mut self, count: u32) {
        let known = u32::try_from(self.links.len()).expect("slots are numbered in 32 bits");
        self.links.extend((known..=count).map(|entry| Link {
            newer: entry,
            older: entry,
        }));
    }

    pub fn contains(&self, slot: u32) -> bool {
        self.links[slot as usize + 1].newer != slot + 1
    }

    /// Makes it the newest, whether it is in the list or not.
    pub fn push(&mut self, slot: u32) {
        self.remove(slot);
        let newest = self.links[0].older;
        self.links[slot as usize + 1] = Link {
            newer: 0,
            older: newest,
        };
        self.links[newest as usize].newer = slot + 1;
        self.links[0].older = slot + 1;
    }

    pub fn remove(&mut self, slot: u32) {
        let entry = slot + 1;
        let Link { newer, older } = self.links[entry as usize];
        self.links[older as usize].newer = newer;
        self.links[newer as usize].older = older;
        self.links[entry as usize] = Link {
            newer: entry,
            older: entry,
        };
    }

    /// Takes the oldest out.
    pub fn pop(&mut self) -> Option<u32> {
        let slot = self.links[0].newer.checked_sub(1)?;
        self.remove(slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A queue that is searched from end to end is slow, and obviously right.
        #[test]
        fn behaves_like_a_queue(steps in prop::collection::vec((0..4u8, 0..12u32), 0..300)) {
            let mut order = Order::new();
            order.grow(5);
            order.grow(12);
            let mut queue = VecDeque::new();
            for (step, slot) in steps {
                prop_assert_eq!(order.contains(slot), queue.contains(&slot));
                match step {
                    0 => prop_assert_eq!(order.pop(), queue.pop_front()),
                    1 => {
                        order.remove(slot);
                        queue.retain(|other| *other != slot);
                    }
                    _ => {
                        order.push(slot);
                        queue.retain(|other| *other != slot);
                        queue.push_back(slot);
                    }
                }
            }
            while let Some(slot) = queue.pop_front() {
                prop_assert_eq!(order.pop(), Some(slot));
            }
            prop_assert_eq!(order.pop(), None);
        }
    }
}

//! A set of node slots that can name its n-th member: ties are drawn by rank, so the draw does not depend on the order
//! in which nodes entered the set.

#[derive(Clone, Debug, Default)]
pub struct BitSet {
    words: Vec<u64>,
    count: usize,
}

impl BitSet {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn insert(&mut self, index: usize) {
        let word = index / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let mask = 1 << (index % 64);
        self.count += usize::from(self.words[word] & mask == 0);
        self.words[word] |= mask;
    }

    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            let mask = 1 << (index % 64);
            self.count -= usize::from(*word & mask != 0);
            *word &= !mask;
        }
    }

    /// The member with `rank` smaller members.
    pub fn nth(&self, mut rank: usize) -> Option<usize> {
        for (at, &word) in self.words.iter().enumerate() {
            let ones = word.count_ones() as usize;
            if rank < ones {
                let mut rest = word;
                for _ in 0..rank {
                    rest &= rest - 1;
                }
                return Some(at * 64 + rest.trailing_zeros() as usize);
            }
            rank -= ones;
        }
        None
    }

    pub fn last(&self) -> Option<usize> {
        let at = self.words.iter().rposition(|&word| word != 0)?;
        Some(at * 64 + 63 - self.words[at].leading_zeros() as usize)
    }

    pub fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::BitSet;

    #[test]
    fn counts_and_ranks() {
        let mut set = BitSet::default();
        for index in [3, 64, 65, 700, 3] {
            set.insert(index);
        }
        assert_eq!(set.len(), 4);
        assert_eq!(
            (0..5).map(|rank| set.nth(rank)).collect::<Vec<_>>(),
            [Some(3), Some(64), Some(65), Some(700), None]
        );
        assert_eq!(set.last(), Some(700));
        set.remove(700);
        set.remove(701);
        assert_eq!((set.len(), set.last()), (3, Some(65)));
    }
}

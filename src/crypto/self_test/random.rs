//! The random source: not whether it is good, which no test of a few bytes can tell, but whether it
//! is stuck.

use std::collections::HashSet;

use super::KnownAnswer;
use crate::crypto::{PrimitiveError, Random, SystemRandom};

/// Draws of the source, and their length in bytes: none comes twice, unless something is wrong.
const DRAWS: usize = 64;
const BYTES: usize = 32;

pub(super) fn rows() -> Vec<KnownAnswer> {
    vec![KnownAnswer::of_check("the random source", is_alive(&mut SystemRandom::new()))]
}

fn is_alive(source: &mut dyn Random) -> Result<(), PrimitiveError> {
    let (mut seen, mut ones) = (HashSet::new(), 0);
    for _ in 0..DRAWS {
        let mut draw = [0; BYTES];
        source.fill(&mut draw).map_err(|_| PrimitiveError::Library)?;
        ones += draw.iter().map(|byte| byte.count_ones()).sum::<u32>();
        if !seen.insert(draw) {
            return Err(PrimitiveError::Data);
        }
    }
    // Half of 16,384 bits, give or take 14 standard deviations of 64.
    if (7_300..9_084).contains(&ones) { Ok(()) } else { Err(PrimitiveError::Data) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RandomError;

    struct Source(fn(u8) -> Result<u8, RandomError>, u8);

    impl Random for Source {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
            self.1 = self.1.wrapping_add(1);
            for byte in buffer {
                *byte = self.0(self.1)?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_source_that_is_stuck_is_noticed() {
        assert_eq!(is_alive(&mut SystemRandom::new()), Ok(()));
        assert_eq!(is_alive(&mut Source(|_| Ok(0x55), 0)), Err(PrimitiveError::Data));
        assert_eq!(is_alive(&mut Source(|draw| Ok(draw % 5), 0)), Err(PrimitiveError::Data));
        assert_eq!(is_alive(&mut Source(|draw| Ok(draw & 0x3f), 0)), Err(PrimitiveError::Data));
        assert_eq!(is_alive(&mut Source(|_| Err(RandomError), 0)), Err(PrimitiveError::Library));
    }
}

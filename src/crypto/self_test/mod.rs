//! Known answers: whether each primitive that the product uses gives what its standard says.
//!
//! A library that was built wrongly, a processor that errs, or a binding that names the wrong
//! algorithm shows here, before any key depends on it. One row is one primitive from one library;
//! where there is a choice of parameters the compiler asks for a row of each. The answers are those
//! of the standards that the rows name, or follow from their inputs by another implementation.

mod ciphers;
mod curves;
mod hashes;
mod lattices;
mod random;
mod rsa;

use super::PrimitiveError;

/// A primitive, what it gave, and what it should have given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAnswer {
    /// The primitive, as its standard names it.
    pub name: &'static str,
    given: Result<Vec<u8>, PrimitiveError>,
    /// In hexadecimal digits.
    expected: &'static str,
}

impl KnownAnswer {
    /// A primitive's answer beside the known one, in hexadecimal digits.
    pub fn new<B: AsRef<[u8]>>(
        name: &'static str,
        given: Result<B, PrimitiveError>,
        expected: &'static str,
    ) -> Self {
        Self { name, given: given.map(|bytes| bytes.as_ref().to_vec()), expected }
    }

    /// A primitive whose answers are random, as far as it went right.
    fn of_check(name: &'static str, outcome: Result<(), PrimitiveError>) -> Self {
        Self::new(name, outcome.map(|()| b"\x01"), "01")
    }

    /// Whether the answer is the known one.
    pub fn holds(&self) -> bool {
        self.given.as_deref().is_ok_and(|given| given == digits(self.expected))
    }

    /// The same row with a bit of its answer changed, to see whether that is noticed.
    pub fn with_fault(mut self) -> Self {
        match self.given.as_deref_mut() {
            Ok([first, ..]) => *first ^= 1,
            Ok([]) | Err(_) => self.given = Err(PrimitiveError::Library),
        }
        self
    }
}

/// What every primitive gives now.
pub fn known_answers() -> Vec<KnownAnswer> {
    let parts = [
        hashes::rows(),
        ciphers::rows(),
        rsa::rows(),
        curves::rows(),
        lattices::rows(),
        random::rows(),
    ];
    parts.into_iter().flatten().collect()
}

/// Goes through the rows and returns how many hold.
///
/// # Errors
/// The first that does not, and how many more.
pub fn check_answers(rows: &[KnownAnswer]) -> Result<usize, SelfTestFailure> {
    let mut wrong = rows.iter().filter(|row| !row.holds());
    match wrong.next() {
        None => Ok(rows.len()),
        Some(first) => Err(SelfTestFailure { name: first.name, more: wrong.count() }),
    }
}

/// A primitive does not give what it should: nothing may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the self-test of {name} failed{}", and_more(*more))]
pub struct SelfTestFailure {
    /// The first primitive that failed.
    pub name: &'static str,
    /// How many failed besides.
    pub more: usize,
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(", and {more} more") }
}

/// The bytes of hexadecimal digits in a row.
fn digits(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_primitive_gives_its_known_answer() {
        let rows = known_answers();
        let wrong: Vec<_> = rows.iter().filter(|row| !row.holds()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(rows.len() > 70, "{}", rows.len());
        assert_eq!(check_answers(&rows), Ok(rows.len()));
        let names: HashSet<_> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows.len(), "each row has a name of its own");
    }

    #[test]
    fn a_fault_in_any_primitive_is_noticed_by_its_name() {
        let rows = known_answers();
        for at in 0..rows.len() {
            let mut faulty = rows.clone();
            faulty[at] = faulty[at].clone().with_fault();
            let failure = SelfTestFailure { name: rows[at].name, more: 0 };
            assert_eq!(check_answers(&faulty), Err(failure));
            faulty[at].given = Err(PrimitiveError::Library);
            assert_eq!(check_answers(&faulty), Err(failure));
        }
        let all: Vec<_> = rows.iter().cloned().map(KnownAnswer::with_fault).collect();
        let told = check_answers(&all).unwrap_err();
        assert_eq!(told.more, rows.len() - 1);
        assert!(told.to_string().ends_with(&format!(", and {} more", rows.len() - 1)));
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The search for the place where a row of cells turns from passing to failing, with as few runs as possible.

use crate::error::Result;

/// What came of a search. Numbers are places in the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `good` passes and `bad`, its neighbour, fails.
    Turn {
        /// The last that passes.
        good: usize,
        /// The first that fails.
        bad: usize,
        /// Places known to speak against there being only this one turn: failing before it or passing behind it.
        against: Vec<usize>,
    },
    /// The first of the row does not pass.
    StartFails,
    /// The last of the row does not fail.
    EndPasses,
}

/// Searches a row of at least two places. `known` has the answers that cost nothing: whether the place passes. `ask` finds out.
///
/// The ends are asked first: a search between ends that are not as somebody remembers them finds nothing that is true. What is known
/// of places that the search did not need is still held against its result.
///
/// # Errors
/// As `ask`.
pub fn search(known: &mut [Option<bool>], mut ask: impl FnMut(usize) -> Result<bool>) -> Result<Ended> {
    let last = known.len().saturating_sub(1);
    if !passes(known, 0, &mut ask)? {
        return Ok(Ended::StartFails);
    }
    if passes(known, last, &mut ask)? {
        return Ok(Ended::EndPasses);
    }
    let (mut good, mut bad) = (0, last);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if passes(known, middle, &mut ask)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    let is_against = |(place, passed): (usize, &Option<bool>)| match passed {
        Some(true) => (place > bad).then_some(place),
        Some(false) => (place < good).then_some(place),
        None => None,
    };
    let against = known.iter().enumerate().filter_map(is_against).collect();
    Ok(Ended::Turn { good, bad, against })
}

fn passes(known: &mut [Option<bool>], place: usize, ask: &mut impl FnMut(usize) -> Result<bool>) -> Result<bool> {
    if let Some(Some(passed)) = known.get(place) {
        return Ok(*passed);
    }
    let passed = ask(place)?;
    if let Some(slot) = known.get_mut(place) {
        *slot = Some(passed);
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// Searches a row that behaves like `row`, of which `known` is known, and returns what was asked too.
    fn searched(row: &[bool], known: &[Option<bool>]) -> (Ended, Vec<usize>) {
        let mut asked = Vec::new();
        let ended = search(&mut known.to_vec(), |place| {
            asked.push(place);
            Ok(row[place])
        });
        (ended.unwrap(), asked)
    }

    #[test]
    fn every_turn_is_found_in_few_runs() {
        for length in 2..40 {
            for bad in 1..length {
                let row: Vec<bool> = (0..length).map(|place| place < bad).collect();
                let (ended, asked) = searched(&row, &vec![None; length]);
                let expected = Ended::Turn {
                    good: bad - 1,
                    bad,
                    against: vec![],
                };
                assert_eq!(ended, expected);
                let between = usize::BITS - (length - 2).leading_zeros();
                assert!(asked.len() <= 2 + between as usize, "{length}, {bad}: {asked:?}");
            }
        }
    }

    #[test]
    fn ends_that_are_not_as_stated_stop_the_search() {
        assert_eq!(
            searched(&[false, true, false], &[None; 3]),
            (Ended::StartFails, vec![0])
        );
        assert_eq!(
            searched(&[true, false, true], &[None; 3]),
            (Ended::EndPasses, vec![0, 2])
        );
    }

    #[test]
    fn what_is_known_is_not_asked_but_held_against_the_result() {
        let row = [true, false, true, true, false, false, true, false];
        let known = [Some(true), Some(false), None, None, None, None, Some(true), Some(false)];
        let (ended, asked) = searched(&row, &known);
        assert_eq!(
            ended,
            Ended::Turn {
                good: 3,
                bad: 4,
                against: vec![1, 6]
            }
        );
        assert_eq!(asked, [3, 5, 4]);
    }

    #[test]
    fn a_cell_that_cannot_be_judged_ends_the_search() {
        let error = search(&mut [Some(true), None, Some(false)], |_| Err(Error::setup("no mirror"))).unwrap_err();
        assert_eq!(error.what, "no mirror");
    }
}

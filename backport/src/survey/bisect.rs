// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `bisect`: where along one axis of the manifest cells turn from passing to failing, and what differs there.

use super::difference::{differences, Difference};
use super::run::{Executor, Runner};
use super::search::{search, Ended};
use super::Known;
use crate::cli::BisectArgs;
use crate::commands::Failed;
use crate::error::{Class, Error, Result};
use crate::matrix::{Cell, Matrix, Packaged};
use crate::output::{print_json, say};
use crate::report::counted;
use crate::results::Stored;
use crate::session::Session;
use serde::Serialize;
use std::cell::RefCell;

/// Raised when a field changes its meaning or goes away; new fields do not count.
const SCHEMA: &str = "novabridge-bisect/1";

/// What two cells may differ in: its name, and how a cell stands on it.
type Axis = (&'static str, fn(&Cell) -> String);
const AXES: [Axis; 4] = [
    ("kernel", |cell| cell.kernel.name.clone()),
    ("rustc", |cell| name_of(cell.rustc.as_ref())),
    ("C compiler", |cell| name_of(cell.clang.as_ref())),
    ("core", |cell| format!("{:?}", cell.core).to_lowercase()),
];

/// Empty: what the machine or the kernel brings.
fn name_of(packaged: Option<&Packaged>) -> String {
    packaged.map_or_else(String::new, |packaged| packaged.name.clone())
}

/// The answer, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    axis: &'a str,
    /// Where on the axis the last passing and the first failing cell are.
    from: String,
    to: String,
    /// All cells along the axis, from the good end to the bad one.
    cells: Vec<Judged<'a>>,
    last_passing: &'a str,
    first_failing: &'a str,
    step: Option<&'a str>,
    reason: Option<&'a str>,
    found: Option<&'a str>,
    last_lines: &'a [String],
    differences: Vec<Difference>,
    /// Cells whose results say that this is not the only turn.
    against: Vec<&'a str>,
    repeat: Option<&'a str>,
}

#[derive(Serialize)]
struct Judged<'a> {
    cell: &'a str,
    /// None: not needed.
    passes: Option<bool>,
    /// Whether the result was there before.
    known: bool,
}

/// Searches and tells.
///
/// # Errors
/// The cells do not differ in one thing; an end is not as stated; a cell cannot be judged.
pub fn run(args: &BisectArgs) -> Result<(), Failed> {
    let matrix = Matrix::load(args.manifest.path())?;
    let ((axis, place), row) = row(&matrix, matrix.cell(&args.good)?, matrix.cell(&args.bad)?)?;
    let session = Session::open(args.network.into())?;
    let held = Known::open(&session, &args.firmware)?;
    let stored: Vec<Option<Stored>> = row.iter().map(|cell| held.result(cell)).collect();
    let mut passes: Vec<Option<bool>> = stored.iter().map(|stored| Some(stored.as_ref()?.evidence.ok)).collect();
    let before: Vec<bool> = passes.iter().map(Option::is_some).collect();
    let results = RefCell::new(stored);
    eprintln!(
        "{} cells from {} to {}, in the manifest's order; {} answered before",
        row.len(),
        args.good,
        args.bad,
        before.iter().filter(|known| **known).count()
    );
    let ended = search(&mut passes, |place| {
        let cell = row.get(place).ok_or_else(Error::interrupted)?;
        let stored = judge(&session, args, cell)?;
        let passed = stored.evidence.ok;
        eprintln!("{} {}", if passed { "passes" } else { "FAILS " }, cell.name);
        if let Some(slot) = results.borrow_mut().get_mut(place) {
            *slot = Some(stored);
        }
        Ok(passed)
    })?;
    let results = results.into_inner();
    let (good, bad, against) = match ended {
        Ended::Turn { good, bad, against } => (good, bad, against),
        Ended::StartFails => return Err(not_as_stated(&args.good, "pass", "fails", &results, 0).into()),
        Ended::EndPasses => return Err(not_as_stated(&args.bad, "fail", "passes", &results, row.len() - 1).into()),
    };
    let name = |place: usize| row.get(place).map_or("?", |cell| cell.name.as_str());
    let evidence = |place: usize| Some(&results.get(place)?.as_ref()?.evidence);
    let failure = evidence(bad).and_then(|evidence| evidence.failure.as_ref());
    let judged = row
        .iter()
        .zip(&passes)
        .zip(&before)
        .map(|((cell, passes), known)| Judged {
            cell: &cell.name,
            passes: *passes,
            known: *known,
        });
    let answer = Answer {
        schema: SCHEMA,
        axis,
        from: row.get(good).map(|cell| place(cell)).unwrap_or_default(),
        to: row.get(bad).map(|cell| place(cell)).unwrap_or_default(),
        cells: judged.collect(),
        last_passing: name(good),
        first_failing: name(bad),
        step: failure.map(|failure| failure.step.as_str()),
        reason: failure.map(|failure| failure.reason.as_str()),
        found: failure.and_then(|failure| failure.found.as_deref()),
        last_lines: failure.map_or(&[], |failure| &failure.last_lines),
        differences: evidence(good)
            .zip(evidence(bad))
            .map_or_else(Vec::new, |(good, bad)| differences(good, bad)),
        against: against.into_iter().map(name).collect(),
        repeat: evidence(bad).map(|evidence| evidence.repeat.as_str()),
    };
    Ok(match args.json {
        true => print_json(&answer),
        false => say(&answer.text()),
    }?)
}

/// The one thing two cells differ in, and all cells that differ from them in nothing else, from one to the other. Their order is the
/// manifest's.
fn row<'a>(matrix: &'a Matrix, good: &'a Cell, bad: &'a Cell) -> Result<(Axis, Vec<&'a Cell>)> {
    let differing: Vec<_> = AXES.iter().filter(|(_, place)| place(good) != place(bad)).collect();
    let [axis] = differing.as_slice() else {
        let names: Vec<&str> = differing.iter().map(|(name, _)| *name).collect();
        return Err(
            Error::usage(format!("{} and {} are not along one axis", good.name, bad.name))
                .expected("two cells that differ in one of kernel, rustc, C compiler and core")
                .found(if names.is_empty() {
                    "the same cell twice".to_owned()
                } else {
                    format!("they differ in {}", names.join(" and "))
                })
                .fix("choose the ends from: novabridge matrix --list"),
        );
    };
    let others = AXES.iter().filter(|(name, _)| *name != axis.0);
    let alike = |cell: &&Cell| others.clone().all(|(_, place)| place(cell) == place(good));
    let all: Vec<&Cell> = matrix.cells.iter().filter(alike).collect();
    let at = |wanted: &Cell| all.iter().position(|cell| cell.name == wanted.name).unwrap_or_default();
    let (from, to) = (at(good), at(bad));
    let mut row = all.get(from.min(to)..=from.max(to)).unwrap_or_default().to_vec();
    if to < from {
        row.reverse();
    }
    Ok((**axis, row))
}

/// Runs one cell and demands a result that says something about the cell.
fn judge(session: &Session, args: &BisectArgs, cell: &Cell) -> Result<Stored> {
    let runner = Runner {
        firmware: &args.firmware,
        jobs: 1,
        options: super::options(args.network, &args.manifest),
    };
    let answers = runner.run(session, &[cell], &|_| ())?;
    let answer = answers.into_iter().next();
    let log = answer.as_ref().and_then(|answer| answer.log.clone());
    let stored = answer.and_then(|answer| answer.stored);
    let repeat = super::repeat(&cell.name, &args.firmware, &args.manifest);
    match stored {
        _ if crate::proc::stopped() => Err(Error::interrupted()),
        None => {
            let error = Error::cell(format!("{} left no result", cell.name)).fix(repeat);
            Err(match log {
                Some(log) => error.log(&log),
                None => error,
            })
        }
        Some(stored) => match stored
            .evidence
            .failure
            .as_ref()
            .filter(|failure| failure.class == Class::Setup)
        {
            Some(failure) => Err(
                Error::setup(format!("{} cannot be judged: {}", cell.name, failure.reason))
                    .fix(failure.fix.clone().unwrap_or(repeat)),
            ),
            None => Ok(stored),
        },
    }
}

fn not_as_stated(name: &str, expected: &str, found: &str, results: &[Option<Stored>], place: usize) -> Error {
    let failure = results
        .get(place)
        .and_then(|stored| stored.as_ref()?.evidence.failure.as_ref());
    let why = failure.map_or_else(String::new, |failure| format!(", {}: {}", failure.step, failure.reason));
    Error::usage(format!(
        "{name} is not as stated, so there is nothing to search between"
    ))
    .expected(format!("it to {expected}"))
    .found(format!("it {found}{why}"))
}

impl Answer<'_> {
    fn text(&self) -> String {
        let mut lines = vec![
            format!("last passing:  {}", self.last_passing),
            format!("first failing: {}", self.first_failing),
        ];
        if let Some((step, reason)) = self.step.zip(self.reason) {
            lines.push(format!("it fails in {step}: {reason}"));
            lines.extend(self.found.map(|found| format!("  found: {found}")));
            lines.extend(self.last_lines.iter().map(|line| format!("  | {line}")));
        }
        lines.push(format!(
            "between them, along {}, from {} to {}:",
            self.axis, self.from, self.to
        ));
        if self.differences.is_empty() {
            lines.push("  nothing else is known to differ".to_owned());
        }
        let differences = self.differences.iter();
        lines.extend(differences.map(|one| format!("  {}: {} -> {}", one.what, one.passing, one.failing)));
        if !self.against.is_empty() {
            let against = self.against.join(", ");
            lines.push(format!(
                "not the only turn: {against} speak against it, by results that were there before"
            ));
        }
        let asked = self
            .cells
            .iter()
            .filter(|cell| cell.passes.is_some() && !cell.known)
            .count();
        lines.push(format!(
            "{} run, {} of {} answered",
            counted(asked, "cell"),
            self.cells.iter().filter(|cell| cell.passes.is_some()).count(),
            self.cells.len()
        ));
        if let Some(repeat) = self.repeat {
            lines.push(format!("to repeat: {repeat}"));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("bisect/manifest.toml");

    fn names(good: &str, bad: &str) -> Result<(&'static str, Vec<String>)> {
        names_in(MANIFEST, good, bad)
    }

    fn names_in(manifest: &str, good: &str, bad: &str) -> Result<(&'static str, Vec<String>)> {
        let matrix = Matrix::parse(manifest).unwrap();
        let ((axis, _), row) = row(&matrix, matrix.cell(good).unwrap(), matrix.cell(bad).unwrap())?;
        Ok((axis, row.into_iter().map(|cell| cell.name.clone()).collect()))
    }

    #[test]
    fn the_axis_is_what_the_ends_differ_in() {
        let kernels = names("a", "c").unwrap();
        assert_eq!(kernels, ("kernel", ["a", "b", "c"].map(String::from).to_vec()));
        let rustcs = names("a-rust1.85", "a-rust1.63").unwrap();
        let expected = ["a-rust1.85", "a-rust1.78", "a-rust1.63"].map(String::from).to_vec();
        assert_eq!(rustcs, ("rustc", expected), "from the good end to the bad one");
        assert_eq!(names("a", "b").unwrap().1, ["a", "b"], "no further than the ends");
        assert_eq!(names("a-rust1.63", "a-asm1.63").unwrap().0, "core");
        let compilers = names("a-clang14", "a-clang19").unwrap();
        assert_eq!(
            compilers,
            ("C compiler", ["a-clang14", "a-clang19"].map(String::from).to_vec())
        );
        assert_eq!(names("a", "a-clang14").unwrap().0, "C compiler");
    }

    #[test]
    fn the_row_that_really_turns_is_along_rustcs() {
        let manifest = include_str!("../../tests/return-thunks.toml");
        let (axis, row) = names_in(manifest, "bookworm-6.1-rust1.96", "bookworm-6.1-rust1.63").unwrap();
        assert_eq!((axis, row.len()), ("rustc", 4));
        let (_, row) = names_in(
            manifest,
            "trixie-backports-7.3-rust1.98",
            "trixie-backports-7.3-rust1.63",
        )
        .unwrap();
        assert_eq!(row.len(), 2);
        // What the tests' cells found out answers for this end, if it is the same cell.
        let end = |manifest: &str| Matrix::parse(manifest).unwrap().cell(&row[0]).unwrap().clone();
        assert_eq!(end(manifest), end(include_str!("../../matrix.toml")));
    }

    #[test]
    fn ends_off_one_axis_are_refused() {
        let error = names("a", "b-rust1.78").unwrap_err();
        assert_eq!(error.found.as_deref(), Some("they differ in kernel and rustc"));
        assert!(names("a", "a").unwrap_err().found.as_deref().unwrap().contains("twice"));
    }
}

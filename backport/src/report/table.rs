// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results as a table for a terminal: one line a cell.

use super::paint::{paint, BLUE, GREEN, GREY, RED};
use super::{compiler_release, counted, not_offered, rustc_release, Row, Standing};
use crate::evidence::Evidence;

/// All rows.
pub fn table(rows: &[Row<'_>], colour: bool) -> String {
    let name = rows.iter().map(|row| row.cell.name.len()).max().unwrap_or(0);
    rows.iter().map(|row| line(row, name, colour) + "\n").collect()
}

/// The row as one line, `name` columns for its name.
pub fn line(row: &Row<'_>, name: usize, colour: bool) -> String {
    let (word, paint_with) = match row.standing() {
        Standing::Ok => ("ok", GREEN),
        Standing::Cached => ("cached", BLUE),
        Standing::Failed => ("FAILED", RED),
        Standing::Unjudged => ("unjudged", RED),
        Standing::Outdated => ("outdated", GREY),
        Standing::Absent => ("-", GREY),
    };
    // Padded before it is painted: the escapes take no room on the screen.
    let mark = paint(&format!("{word:<8}"), paint_with, colour);
    let Some(evidence) = row.evidence() else {
        return format!("{mark} {:<name$}  no result", row.cell.name);
    };
    let head = format!("{mark} {:<name$}  {:>6.1} s", row.cell.name, evidence.seconds);
    match &evidence.failure {
        None => format!("{head}  {}", facts(evidence)),
        Some(failure) => format!("{head}  {}: {}", failure.step, failure.reason),
    }
}

/// What the cell was made of, in a few words.
pub fn facts(evidence: &Evidence) -> String {
    let kernel = evidence.kernel.as_ref();
    let lacking = evidence.probes.iter().filter(|answer| !answer.have).count();
    let absent: String = not_offered(evidence)
        .map(|step| format!(", no {step} in this kernel"))
        .collect();
    format!(
        "{}, rustc {}, {}, {} replaced{absent}",
        kernel.map_or("?", |kernel| &kernel.release),
        evidence.core.as_ref().map_or("?", |core| rustc_release(&core.rustc)),
        kernel.map_or_else(|| "?".to_owned(), |kernel| compiler_release(&kernel.compiler.version)),
        counted(lacking, "interface"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::report::tests::{failed, passed, rows};
    use crate::step::{Outcome, Phase, Record};

    #[test]
    fn a_step_the_kernel_does_not_offer_is_told_of() {
        let matrix = Matrix::built_in().unwrap();
        let mut stored = passed(&matrix.cells[0]);
        stored.evidence.steps.push(Record {
            phase: Phase::Guest,
            name: "suspend".to_owned(),
            outcome: Outcome::NotOffered,
            seconds: 0.0,
            memory: None,
            made: None,
            note: String::new(),
        });
        assert!(facts(&stored.evidence).ends_with(", 1 interface replaced, no suspend in this kernel"));
    }

    #[test]
    fn a_line_says_what_the_cell_was_made_of_or_why_it_failed() {
        let matrix = Matrix::built_in().unwrap();
        let stored = [passed(&matrix.cells[0]), failed(&matrix.cells[1], "a < b & c", "")];
        let rows = rows(&matrix, &stored);
        let name = |index: usize| matrix.cells[index].name.clone();
        let lines: Vec<String> = rows.iter().take(3).map(|row| line(row, 3, false)).collect();
        assert_eq!(
            lines,
            [
                format!(
                    "cached   {}    61.0 s  6.1.0-56-amd64, rustc 1.95.0, gcc 12.2.0, 1 interface replaced",
                    name(0)
                ),
                format!("FAILED   {}    61.0 s  dma: a < b & c", name(1)),
                format!("-        {}  no result", name(2)),
            ]
        );
    }
}

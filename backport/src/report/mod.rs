// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of cells, told to people and to programs: one file a form, all of them from the same rows.
//!
//! Nothing here takes part in a cell: see `NOT_IN_A_CELL` in `results.rs`.

pub mod html;
pub mod json;
pub mod junit;
mod paint;
pub mod steps;
pub mod summary;
pub mod table;

use crate::error::Class;
use crate::evidence::{Evidence, Failure};
use crate::matrix::Cell;
use crate::results::Stored;
use crate::step::Outcome;
use serde::Serialize;

/// One cell and what is known of it.
pub struct Row<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// Its result, if there is one.
    pub stored: Option<&'a Stored>,
    /// Where that is from.
    pub origin: Origin,
}

/// Where a result is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This run.
    Now,
    /// An earlier run or another machine's.
    Before,
    /// An earlier run, with other sources, packages or compilers than there are now.
    OtherInputs,
}

/// How a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Passed in this run.
    Ok,
    /// Passed before, with the same inputs.
    Cached,
    /// Failed.
    Failed,
    /// Could not be judged: what failed was the machine, or its way to the packages.
    Unjudged,
    /// Its result is of other inputs, and says nothing about these.
    Outdated,
    /// Has no result: not run yet, or interrupted.
    Absent,
}

impl Row<'_> {
    /// How the cell stands.
    pub fn standing(&self) -> Standing {
        match (self.stored, self.origin) {
            (None, _) => Standing::Absent,
            (Some(stored), _) if !stored.about_the_cell() => Standing::Unjudged,
            (Some(_), Origin::OtherInputs) => Standing::Outdated,
            (Some(stored), _) if !stored.evidence.ok => Standing::Failed,
            (Some(_), Origin::Before) => Standing::Cached,
            (Some(_), Origin::Now) => Standing::Ok,
        }
    }

    /// Whether the cell passed, as it is now.
    pub fn passed(&self) -> bool {
        matches!(self.standing(), Standing::Ok | Standing::Cached)
    }

    /// The cell's evidence.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.stored.map(|stored| &stored.evidence)
    }
}

/// "24 cells: 22 passed (20 of them known before), 2 failed".
pub fn count(rows: &[Row<'_>]) -> String {
    let of = |standing| rows.iter().filter(|row| row.standing() == standing).count();
    let cached = of(Standing::Cached);
    let mut text = format!(
        "{}: {} passed ({cached} of them known before), {} failed",
        counted(rows.len(), "cell"),
        of(Standing::Ok) + cached,
        of(Standing::Failed)
    );
    for (standing, words) in [
        (Standing::Unjudged, "not judged"),
        (Standing::Outdated, "outdated"),
        (Standing::Absent, "without a result"),
    ] {
        match of(standing) {
            0 => {}
            some => text.push_str(&format!(", {some} {words}")),
        }
    }
    text
}

/// What the exit code says of these rows: the machine's trouble, only if no cell has a worse one. Whoever demands all of them takes an
/// absent result for a failure.
pub fn verdict(rows: &[Row<'_>], all: bool) -> Option<Class> {
    let any = |wanted: &[Standing]| rows.iter().any(|row| wanted.contains(&row.standing()));
    if any(&[Standing::Failed, Standing::Outdated]) || (all && any(&[Standing::Absent])) {
        Some(Class::Cell)
    } else if any(&[Standing::Unjudged]) {
        Some(Class::Setup)
    } else {
        None
    }
}

/// What a failure says beside its reason, each part with its label.
pub fn details(failure: &Failure) -> impl Iterator<Item = (&'static str, &str)> {
    let parts = [
        ("expected", &failure.expected),
        ("found", &failure.found),
        ("to mend it", &failure.fix),
    ];
    parts
        .into_iter()
        .filter_map(|(label, part)| Some((label, part.as_deref()?)))
}

/// The steps for which the cell's kernel does not offer what they need.
pub fn not_offered(evidence: &Evidence) -> impl Iterator<Item = &str> {
    let steps = evidence.steps.iter().filter(|step| step.outcome == Outcome::NotOffered);
    steps.map(|step| step.name.as_str())
}

/// "1 line", "34 lines".
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The part of a cell's name that says how the core gets in and what compiles; "rust" where all of it is the machine's own.
pub fn form(cell: &Cell) -> &str {
    let rest = cell.name.strip_prefix(&cell.kernel.name).unwrap_or(&cell.name);
    match rest.trim_start_matches('-') {
        "" => "rust",
        form => form,
    }
}

/// The release in "rustc 1.95.0 (59807616e 2026-04-14) ...".
pub fn rustc_release(verbose: &str) -> &str {
    verbose.split_whitespace().nth(1).unwrap_or("?")
}

/// Name and version of "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0" or "Debian clang version 19.1.7 (3)".
pub fn compiler_release(version: &str) -> String {
    let name = if version.contains("clang") { "clang" } else { "gcc" };
    let is_release = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let release = version.split_whitespace().rfind(is_release);
    format!("{name} {}", release.unwrap_or("?"))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::build::probe::Answer;
    use crate::evidence::{BootPart, CorePart, Failure, FlagPart, KernelPart, ModulePart};
    use crate::matrix::Matrix;

    /// A result as a passed run leaves it, with every part filled in.
    pub fn passed(cell: &Cell) -> Stored {
        let mut evidence = Evidence::new(cell, "570.144", &format!("novabridge cell {}", cell.name));
        evidence.ok = true;
        evidence.seconds = 61.0;
        evidence.inputs = Some("abc".into());
        evidence.kernel = Some(KernelPart {
            release: "6.1.0-56-amd64".into(),
            compiler: serde_json::from_str(r#"{"program":"gcc-12","version":"gcc-12 (Debian 12.2.0-14) 12.2.0"}"#)
                .unwrap(),
            mitigations: vec!["CONFIG_RETHUNK".into()],
        });
        let flag = |name: &str, flag: Option<&str>| FlagPart {
            name: name.into(),
            flag: flag.map(str::to_owned),
            reason: "objtool asks for it".into(),
        };
        evidence.core = Some(CorePart {
            rustc: "rustc 1.95.0 (abc)\nhost: x".into(),
            library: "rust-src 1.95.0".into(),
            flags: vec![
                flag("retpolines", Some("-Zretpoline-external-thunk")),
                flag("no jump tables", None),
            ],
            object: Some(Default::default()),
        });
        evidence.modules = vec![ModulePart {
            name: "novabridge.ko".into(),
            bytes: 400_000,
            object: Default::default(),
        }];
        evidence.warnings = Some(Vec::new());
        let answer = |name: &str, have| Answer {
            name: name.into(),
            why: format!("why {name}"),
            have,
            source: "#include <linux/pci.h>\n".into(),
            evidence: (!have).then(|| "x.c:9:2: error: no such thing".to_owned()),
            ..Answer::default()
        };
        evidence.probes = vec![answer("NVB_HAVE_A", true), answer("NVB_HAVE_B", false)];
        evidence.boot = Some(BootPart {
            seconds: 14.0,
            steps: Vec::new(),
            violations: Vec::new(),
            console: "[ 0.1] Linux version\n".into(),
        });
        Stored { evidence }
    }

    /// A result as a run leaves it that failed with `reason` and this console.
    pub fn failed(cell: &Cell, reason: &str, console: &str) -> Stored {
        let mut stored = passed(cell);
        stored.evidence.ok = false;
        stored.evidence.failure = Some(Failure {
            class: Class::Cell,
            step: "dma".into(),
            reason: reason.into(),
            expected: Some("DMA".into()),
            found: Some("none".into()),
            fix: Some("mend it".into()),
            last_lines: vec!["x\u{1b}[0m".into()],
        });
        if let Some(boot) = &mut stored.evidence.boot {
            boot.console = console.into();
        }
        stored
    }

    /// A row of each kind: passed before, failed, without a result. The manifest has at least these cells.
    pub fn rows<'a>(matrix: &'a Matrix, stored: &'a [Stored]) -> Vec<Row<'a>> {
        let mut stored = stored.iter();
        matrix
            .cells
            .iter()
            .map(|cell| Row {
                cell,
                stored: stored.next(),
                origin: Origin::Before,
            })
            .collect()
    }

    /// A result as a run leaves it on a machine that lacked something.
    pub fn unjudged(cell: &Cell) -> Stored {
        let mut stored = failed(cell, "no mirror", "");
        if let Some(failure) = &mut stored.evidence.failure {
            failure.class = Class::Setup;
        }
        stored
    }

    #[test]
    fn each_kind_of_row_is_counted_and_judged() {
        let cells = Matrix::built_in().unwrap().cells;
        let [good, bad, lacking] = [passed(&cells[0]), failed(&cells[0], "no DMA", ""), unjudged(&cells[0])];
        let row = |stored, origin| Row {
            cell: &cells[0],
            stored,
            origin,
        };
        let rows = [
            row(Some(&good), Origin::Now),
            row(Some(&good), Origin::Before),
            row(Some(&good), Origin::OtherInputs),
            row(Some(&bad), Origin::Before),
            row(Some(&bad), Origin::OtherInputs),
            row(Some(&lacking), Origin::OtherInputs),
            row(None, Origin::Before),
        ];
        let standings: Vec<_> = rows.iter().map(Row::standing).collect();
        use Standing::{Absent, Cached, Failed, Ok, Outdated, Unjudged};
        assert_eq!(standings, [Ok, Cached, Outdated, Failed, Outdated, Unjudged, Absent]);
        assert_eq!(
            count(&rows),
            "7 cells: 2 passed (1 of them known before), 1 failed, 1 not judged, 2 outdated, 1 without a result"
        );
        assert_eq!(verdict(&rows[..2], true), None);
        for (range, all, expected) in [
            (2..3, false, Some(Class::Cell)),
            (3..4, false, Some(Class::Cell)),
            (5..6, false, Some(Class::Setup)),
            (4..6, false, Some(Class::Cell)),
            (6..7, false, None),
            (6..7, true, Some(Class::Cell)),
            (5..7, true, Some(Class::Cell)),
        ] {
            assert_eq!(verdict(&rows[range.clone()], all), expected, "{range:?}");
        }
    }

    #[test]
    fn compilers_are_known_by_name_and_release() {
        assert_eq!(
            compiler_release("gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"),
            "gcc 12.2.0"
        );
        assert_eq!(compiler_release("Debian clang version 19.1.7 (3+b1)"), "clang 19.1.7");
        assert_eq!(rustc_release("rustc 1.63.0 (x)\nbinary: rustc"), "1.63.0");
    }
}

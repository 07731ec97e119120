// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The honest answer in one page: what worked as it is, what needed help and how much, what does not work, and what nobody tried.
//!
//! Everything is read from the cells' evidence, and what is no cell from the manifest; nothing is known here in advance.

use super::{counted, details, form, not_offered, rustc_release, Row, Standing};
use crate::evidence::{Evidence, Failure, SCHEMA as CELL_SCHEMA};
use crate::matrix::Cannot;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Raised when a field changes its meaning or goes away; new fields do not count.
const SCHEMA: &str = "novabridge-summary/2";

/// The answer, for programs.
#[derive(Debug, Serialize)]
pub struct Summary {
    schema: &'static str,
    /// The shape of the evidence it rests on.
    evidence: &'static str,
    firmware: String,
    passed: Vec<String>,
    failed: Vec<Failed>,
    /// Cells that could not be judged, because the machine lacked something.
    unjudged: Vec<Failed>,
    /// Cells whose result is of other sources or packages; nothing else here rests on them.
    outdated: Vec<String>,
    /// Cells nobody has a result of.
    not_run: Vec<String>,
    kernels: Vec<Kernel>,
    probes: Vec<Probe>,
    rustcs: Vec<Rustc>,
    /// What is no cell because it is known not to work.
    cannot: Vec<Cannot>,
}

/// A cell that did not pass, with its reason.
#[derive(Debug, Serialize)]
struct Failed {
    cell: String,
    #[serde(flatten)]
    failure: Failure,
    repeat: String,
}

/// What one kernel needed. Its cells are asked the same probes; the first that got so far answers for all.
#[derive(Debug, Serialize)]
struct Kernel {
    name: String,
    release: String,
    /// Lines of code that stand in for what it lacks.
    lines: usize,
    /// Probes it answered with no.
    absent: Vec<String>,
    /// Steps it does not offer what they need for.
    not_offered: Vec<String>,
    /// How the core got in where that passed.
    passed_as: Vec<String>,
}

/// An interface that some of the kernels lack.
#[derive(Debug, Serialize)]
struct Probe {
    name: String,
    why: String,
    there: Vec<String>,
    absent: Vec<String>,
    /// Lines of code that stand in for it.
    lines: usize,
    /// Where those are.
    files: Vec<String>,
    /// What the compiler or modpost said on the last of the kernels that lack it.
    evidence: Option<String>,
}

/// What one rustc was asked for, and could not do.
#[derive(Debug, Serialize)]
struct Rustc {
    release: String,
    flags: BTreeSet<String>,
    /// What it has no flag for or was not asked for, and what follows.
    lacks: BTreeMap<String, String>,
    /// What it was asked for, by name.
    #[serde(skip)]
    granted: BTreeSet<String>,
}

/// Reads the answer from the rows.
pub fn summary(rows: &[Row<'_>], cannot: &[Cannot], firmware: &str) -> Summary {
    let named = |wanted: &[Standing]| -> Vec<String> {
        let chosen = rows.iter().filter(|row| wanted.contains(&row.standing()));
        chosen.map(|row| row.cell.name.clone()).collect()
    };
    Summary {
        schema: SCHEMA,
        evidence: CELL_SCHEMA,
        firmware: firmware.to_owned(),
        passed: named(&[Standing::Ok, Standing::Cached]),
        failed: failures(rows, Standing::Failed),
        unjudged: failures(rows, Standing::Unjudged),
        outdated: named(&[Standing::Outdated]),
        not_run: named(&[Standing::Absent]),
        kernels: kernels(rows),
        probes: probes(rows),
        rustcs: rustcs(rows),
        cannot: cannot.to_vec(),
    }
}

fn failures(rows: &[Row<'_>], standing: Standing) -> Vec<Failed> {
    let failed = |row: &Row<'_>| {
        let evidence = row.evidence().filter(|_| row.standing() == standing)?;
        let failure = evidence.failure.as_ref()?;
        Some(Failed {
            cell: row.cell.name.clone(),
            failure: failure.clone(),
            repeat: evidence.repeat.clone(),
        })
    };
    rows.iter().filter_map(failed).collect()
}

/// The evidence that is of what there is now.
fn current<'a>(row: &'a Row<'_>) -> Option<&'a Evidence> {
    row.evidence().filter(|_| row.standing() != Standing::Outdated)
}

/// Kernels in the rows' order, each with the evidence of a cell that got as far as its probes.
fn asked<'a>(rows: &'a [Row<'_>]) -> Vec<(&'a str, &'a Evidence)> {
    let mut found: Vec<(&str, &Evidence)> = Vec::new();
    for row in rows {
        let name = row.cell.kernel.name.as_str();
        let evidence = current(row).filter(|evidence| !evidence.probes.is_empty());
        if let (Some(evidence), false) = (evidence, found.iter().any(|(known, _)| *known == name)) {
            found.push((name, evidence));
        }
    }
    found
}

fn kernels(rows: &[Row<'_>]) -> Vec<Kernel> {
    let kernel = |(name, evidence): (&str, &Evidence)| Kernel {
        name: name.to_owned(),
        release: evidence
            .kernel
            .as_ref()
            .map_or_else(|| "?".to_owned(), |kernel| kernel.release.clone()),
        lines: evidence.shims.iter().map(|shim| shim.lines).sum(),
        absent: evidence.shims.iter().map(|shim| shim.probe.clone()).collect(),
        not_offered: not_offered(evidence).map(str::to_owned).collect(),
        passed_as: rows
            .iter()
            .filter(|row| row.cell.kernel.name == name && row.passed())
            .map(|row| form(row.cell).to_owned())
            .collect(),
    };
    asked(rows).into_iter().map(kernel).collect()
}

fn probes(rows: &[Row<'_>]) -> Vec<Probe> {
    let mut probes: Vec<Probe> = Vec::new();
    for (kernel, evidence) in asked(rows) {
        for answer in &evidence.probes {
            let at = probes
                .iter()
                .position(|probe| probe.name == answer.name)
                .unwrap_or_else(|| {
                    probes.push(Probe {
                        name: answer.name.clone(),
                        why: answer.why.clone(),
                        there: Vec::new(),
                        absent: Vec::new(),
                        lines: 0,
                        files: Vec::new(),
                        evidence: None,
                    });
                    probes.len() - 1
                });
            let Some(probe) = probes.get_mut(at) else { continue };
            if answer.have {
                probe.there.push(kernel.to_owned());
                continue;
            }
            probe.absent.push(kernel.to_owned());
            // Of older kernels whole headers are missing, which says less.
            probe.evidence.clone_from(&answer.evidence);
            if let Some(shim) = evidence.shims.iter().find(|shim| shim.probe == answer.name) {
                probe.lines = shim.lines;
                probe.files = shim.files.iter().map(|file| file.path.clone()).collect();
            }
        }
    }
    probes
}

fn rustcs(rows: &[Row<'_>]) -> Vec<Rustc> {
    let mut found: BTreeMap<Vec<u32>, Rustc> = BTreeMap::new();
    for core in rows.iter().filter_map(|row| current(row)?.core.as_ref()) {
        let release = rustc_release(&core.rustc);
        // In the order of releases, not of their letters.
        let order = release.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
        let rustc = found.entry(order).or_insert_with(|| Rustc {
            release: release.to_owned(),
            flags: BTreeSet::new(),
            lacks: BTreeMap::new(),
            granted: BTreeSet::new(),
        });
        for flag in &core.flags {
            match &flag.flag {
                Some(text) => drop(rustc.flags.insert(text.clone())),
                None => drop(rustc.lacks.insert(flag.name.clone(), flag.reason.clone())),
            }
        }
        let granted = core.flags.iter().filter(|flag| flag.flag.is_some());
        rustc.granted.extend(granted.map(|flag| flag.name.clone()));
    }
    // What one form of the core does without, another may have asked for.
    for rustc in found.values_mut() {
        let Rustc { granted, lacks, .. } = rustc;
        lacks.retain(|name, _| !granted.contains(name));
    }
    found.into_values().collect()
}

impl Summary {
    /// In words.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let counts = [
            ("passed", self.passed.len()),
            ("failed", self.failed.len()),
            ("not judged", self.unjudged.len()),
            ("outdated", self.outdated.len()),
            ("not run", self.not_run.len()),
        ];
        let all: usize = counts.iter().map(|(_, count)| count).sum();
        let counts = counts.map(|(word, count)| format!("{count} {word}")).join(", ");
        let _ = writeln!(
            text,
            "# What backporting takes\n\n{} with GSP firmware {}: {counts}.\n\
             A cell that passed was built without a warning, checked, booted and exercised.",
            counted(all, "cell"),
            self.firmware
        );
        self.write_kernels(&mut text);
        self.write_probes(&mut text);
        self.write_rustcs(&mut text);
        self.write_failures(&mut text);
        text
    }

    fn write_kernels(&self, text: &mut String) {
        for (group, title) in GROUPS.into_iter().enumerate() {
            let mine = self.kernels.iter().filter(|kernel| kernel.group() == group);
            let lines: String = mine.map(Kernel::line).collect();
            if !lines.is_empty() {
                let _ = write!(text, "\n## {title}\n\n{lines}");
            }
        }
    }

    fn write_probes(&self, text: &mut String) {
        let everywhere: Vec<&str> = self
            .probes
            .iter()
            .filter(|probe| probe.absent.is_empty())
            .map(|probe| probe.name.as_str())
            .collect();
        let _ = writeln!(text, "\n## What differs between these kernels\n");
        for probe in self.probes.iter().filter(|probe| !probe.absent.is_empty()) {
            let there = if probe.there.is_empty() {
                "nowhere".to_owned()
            } else {
                probe.there.join(", ")
            };
            let _ = writeln!(
                text,
                "- {}: {}\n  there: {there}\n  absent: {}",
                probe.name,
                probe.why,
                probe.absent.join(", ")
            );
            let _ = writeln!(text, "  {}: {}", stand_in(probe.lines), probe.files.join(", "));
            if let Some(evidence) = &probe.evidence {
                let _ = writeln!(text, "  evidence: {evidence}");
            }
        }
        if !everywhere.is_empty() {
            let _ = writeln!(text, "- there on all of them: {}", everywhere.join(", "));
        }
    }

    fn write_rustcs(&self, text: &mut String) {
        let _ = writeln!(text, "\n## Compilers of the core\n");
        for rustc in &self.rustcs {
            let flags: Vec<&str> = rustc.flags.iter().map(String::as_str).collect();
            let _ = writeln!(text, "- rustc {}: {}", rustc.release, flags.join(" "));
            for (name, follows) in &rustc.lacks {
                let _ = writeln!(text, "  not asked for {name}: {follows}");
            }
        }
    }

    fn write_failures(&self, text: &mut String) {
        let _ = writeln!(text, "\n## What does not work\n");
        match (self.failed.is_empty(), self.passed.is_empty()) {
            (true, true) => text.push_str("No cell was judged, so that is not known.\n"),
            (true, false) => text.push_str("Nothing that was tried.\n"),
            (false, _) => {}
        }
        for failed in &self.failed {
            failed.write(text);
        }
        if !self.unjudged.is_empty() {
            let _ = writeln!(text, "\n## What this machine could not try\n");
            for failed in &self.unjudged {
                failed.write(text);
            }
        }
        if !self.cannot.is_empty() {
            let _ = writeln!(text, "\n## What cannot work, and is not tried\n");
            for cannot in &self.cannot {
                let _ = writeln!(text, "- {}: {}", cannot.what, cannot.why);
            }
        }
        if !self.outdated.is_empty() {
            let names = self.outdated.join(", ");
            let _ = writeln!(text, "\nTried with other sources or packages, to be run again: {names}");
        }
        if !self.not_run.is_empty() {
            let _ = writeln!(text, "\nNobody tried here: {}", self.not_run.join(", "));
        }
    }
}

/// How kernels are told apart.
const GROUPS: [&str; 3] = [
    "Kernels that it worked on unmodified",
    "Kernels that lack something, for which code stands in",
    "Kernels on which nothing passed",
];

impl Kernel {
    /// Which of [`GROUPS`] it is in.
    fn group(&self) -> usize {
        match (self.passed(), self.absent.is_empty()) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        }
    }

    fn passed(&self) -> bool {
        !self.passed_as.is_empty()
    }

    fn line(&self) -> String {
        let mut told = Vec::new();
        if !self.absent.is_empty() {
            let absent = counted(self.absent.len(), "absent interface");
            told.push(format!("{} for {absent}", stand_in(self.lines)));
        }
        told.extend(self.not_offered.iter().map(|step| format!("it offers no {step}")));
        if self.passed() {
            told.push(format!("passed as {}", self.passed_as.join(", ")));
        }
        format!("- {} ({}): {}\n", self.name, self.release, told.join("; "))
    }
}

impl Failed {
    fn write(&self, text: &mut String) {
        let Failed { cell, failure, .. } = self;
        let _ = writeln!(text, "- {cell}, {}: {}", failure.step, failure.reason);
        for (label, part) in details(failure) {
            let _ = writeln!(text, "  {label}: {part}");
        }
        let _ = writeln!(text, "  to repeat: {}", self.repeat);
    }
}

/// "34 lines stand in".
fn stand_in(lines: usize) -> String {
    let verb = if lines == 1 { "stands" } else { "stand" };
    format!("{} {verb} in", counted(lines, "line"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::shims::{Shim, ShimFile};
    use crate::matrix::{Cell, Matrix};
    use crate::report::tests::{failed, passed, rows, unjudged};
    use crate::report::Origin;
    use crate::results::Stored;

    fn with_shim(cell: &Cell, lines: usize) -> Stored {
        let mut stored = passed(cell);
        stored.evidence.shims = vec![Shim {
            probe: "NVB_HAVE_B".into(),
            why: "why NVB_HAVE_B".into(),
            lines,
            files: vec![ShimFile {
                path: "compat/b.h".into(),
                lines,
            }],
        }];
        stored
    }

    #[test]
    fn the_answer_is_read_from_the_evidence() {
        let matrix = Matrix::built_in().unwrap();
        let mut whole = passed(&matrix.cells[1]);
        whole.evidence.probes[1].have = true;
        let stored = [
            with_shim(&matrix.cells[0], 7),
            whole,
            failed(&matrix.cells[2], "no DMA", ""),
        ];
        let rows = rows(&matrix, &stored);
        let [first, second, third] = [0, 1, 2].map(|index: usize| matrix.cells[index].name.clone());
        let cannot = Cannot {
            what: "a".into(),
            why: "b".into(),
        };
        let summary = summary(&rows, &[cannot], "570.144");
        assert_eq!(summary.passed, [first.clone(), second.clone()]);
        assert_eq!(summary.not_run.len(), matrix.cells.len() - 3);
        let text = summary.text();
        for words in [
            format!("- {first} (6.1.0-56-amd64): 7 lines stand in for 1 absent interface; passed as rust"),
            format!("## Kernels that it worked on unmodified\n\n- {second} (6.1.0-56-amd64): passed as rust\n"),
            format!("## Kernels on which nothing passed\n\n- {third} (6.1.0-56-amd64):"),
            format!("  there: {second}\n  absent: {first}, {third}\n  7 lines stand in: compat/b.h"),
            "  evidence: x.c:9:2: error: no such thing".to_owned(),
            "- there on all of them: NVB_HAVE_A".to_owned(),
            "- rustc 1.95.0: -Zretpoline-external-thunk\n  not asked for no jump tables: objtool asks for it".to_owned(),
            format!("- {third}, dma: no DMA\n  expected: DMA\n  found: none\n  to mend it: mend it\n  to repeat: novabridge cell {third}"),
            "## What cannot work, and is not tried\n\n- a: b\n".to_owned(),
        ] {
            assert!(text.contains(&words), "{words}\nin\n{text}");
        }
    }

    #[test]
    fn what_one_form_of_the_core_does_without_is_no_lack_of_the_rustc() {
        let matrix = Matrix::built_in().unwrap();
        let mut lowered = passed(&matrix.cells[1]);
        lowered.evidence.core.as_mut().unwrap().flags[0].flag = None;
        let stored = [passed(&matrix.cells[0]), lowered];
        let rows = rows(&matrix, &stored);
        let text = summary(&rows[..2], &[], "570.144").text();
        assert!(!text.contains("not asked for retpolines"), "{text}");
        assert!(
            text.contains("## What does not work\n\nNothing that was tried."),
            "{text}"
        );
        let text = summary(&rows[1..2], &[], "570.144").text();
        assert!(text.contains("not asked for retpolines"), "{text}");
    }

    #[test]
    fn a_machines_trouble_is_no_fault_of_a_kernel_and_what_is_outdated_says_nothing() {
        let matrix = Matrix::built_in().unwrap();
        let stored = [
            unjudged(&matrix.cells[0]),
            failed(&matrix.cells[1], "no DMA", ""),
            with_shim(&matrix.cells[2], 7),
        ];
        let mut rows = rows(&matrix, &stored);
        for row in &mut rows[1..3] {
            row.origin = Origin::OtherInputs;
        }
        let [lacking, bad, good] = [0, 1, 2].map(|index: usize| matrix.cells[index].name.clone());
        let text = summary(&rows[..3], &[], "570.144").text();
        for words in [
            "3 cells with GSP firmware 570.144: 0 passed, 0 failed, 1 not judged, 2 outdated, 0 not run.".to_owned(),
            "No cell was judged, so that is not known.".to_owned(),
            format!("## What this machine could not try\n\n- {lacking}, dma: no mirror"),
            format!("to be run again: {bad}, {good}"),
        ] {
            assert!(text.contains(&words), "{words}\nin\n{text}");
        }
        assert!(!text.contains("7 lines"), "{text}");
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of other machines: the JSON files that `novabridge cell --json` and `novabridge matrix --json` printed there.

use crate::cache::files_below;
use crate::error::{Error, PathContext, Result};
use crate::evidence::{self, Evidence};
use crate::matrix::{Cell, Matrix};
use crate::report::{json, Origin};
use crate::results::Stored;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is in a directory of results.
pub struct Imported {
    /// The newest of each cell; one of other sources only where there is none of those asked for.
    pub results: BTreeMap<String, Found>,
    /// What holds something else; it takes nothing away from the others.
    refused: Vec<Error>,
    /// The sources asked for.
    sources: String,
}

/// One result.
pub struct Found {
    /// The result.
    pub stored: Stored,
    /// Whether it is of the sources asked for.
    same_sources: bool,
    file: PathBuf,
}

/// Reads all results below `dir` that are of the firmware release `firmware`, and tells those of `sources` from others.
///
/// # Errors
/// There is no such directory.
pub fn read(dir: &Path, matrix: &Matrix, firmware: &str, sources: &str) -> Result<Imported> {
    let mut imported = Imported {
        results: BTreeMap::new(),
        refused: Vec::new(),
        sources: sources.to_owned(),
    };
    for file in files_below(dir)? {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let path = dir.join(file);
        let all = match evidences_in(&path) {
            Ok(all) => all,
            Err(error) => {
                imported.refused.push(error);
                continue;
            }
        };
        for evidence in all {
            match known(&evidence, matrix, &path) {
                Ok(()) if evidence.firmware == firmware => imported.add(evidence, &path),
                Ok(()) => {}
                Err(error) => imported.refused.push(error),
            }
        }
    }
    Ok(imported)
}

impl Imported {
    fn add(&mut self, evidence: Evidence, file: &Path) {
        let found = Found {
            same_sources: evidence.sources.as_ref() == Some(&self.sources),
            stored: Stored { evidence },
            file: file.to_owned(),
        };
        let worth = |found: &Found| (found.same_sources, found.stored.evidence.finished);
        let name = &found.stored.evidence.cell.name;
        if self.results.get(name).is_none_or(|known| worth(known) <= worth(&found)) {
            self.results.insert(name.clone(), found);
        }
    }

    /// All that the reader of the results must be told: what is none, and what is of other sources.
    pub fn complaints(&mut self) -> Vec<Error> {
        let mut all = std::mem::take(&mut self.refused);
        let other = || self.results.iter().filter(|(_, found)| !found.same_sources);
        let cells: Vec<&str> = other().map(|(name, _)| name.as_str()).collect();
        if cells.is_empty() {
            return all;
        }
        let files = other().map(|(_, found)| {
            let sources = found.stored.evidence.sources.as_deref();
            format!("{} in {}", sources.unwrap_or("none or several"), found.file.display())
        });
        let error = Error::cell(format!("results of other sources, outdated here: {}", cells.join(", ")))
            .expected(format!("sources {}, which are those of this tree", self.sources))
            .found(files.collect::<Vec<_>>().join(", "))
            .fix("run these cells again, or merge the results in a checkout of what they were made of");
        all.push(error);
        all
    }
}

impl Found {
    /// Where it is from: `of_same` if it is of the sources asked for.
    pub fn origin(&self, of_same: Origin) -> Origin {
        if self.same_sources {
            of_same
        } else {
            Origin::OtherInputs
        }
    }
}

fn evidences_in(path: &Path) -> Result<Vec<Evidence>> {
    let text = fs::read_to_string(path).on("read", path)?;
    // The shell made the file; the tool came to grief, or was refused, before it wrote its result.
    if text.is_empty() {
        return Ok(Vec::new());
    }
    evidences(&text).map_err(|found| not_a_result(path, &found))
}

/// Refuses the result of a cell that `matrix` does not have or calls otherwise.
fn known(evidence: &Evidence, matrix: &Matrix, path: &Path) -> Result<()> {
    let name = &evidence.cell.name;
    let cell = matrix
        .cell(name)
        .map_err(|error| error.found(format!("its result in {}", path.display())))?;
    if *cell == evidence.cell {
        return Ok(());
    }
    let packages = |cell: &Cell| {
        let kernel = [&cell.kernel.image, &cell.kernel.headers];
        let compilers = [&cell.rustc, &cell.clang].into_iter().flatten();
        let all = kernel.into_iter().chain(compilers.map(|one| &one.package));
        all.map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    Err(
        Error::cell(format!("the result in {} is of another {name}", path.display()))
            .expected(format!("{} from {:?}", packages(cell), cell.kernel.suite))
            .found(format!(
                "{} from {:?}",
                packages(&evidence.cell),
                evidence.cell.kernel.suite
            ))
            .fix("remove the file, or use the --manifest it was made with"),
    )
}

/// The evidence of each cell in a file, or what is there instead. A cell without a result has none.
fn evidences(text: &str) -> Result<Vec<Evidence>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match value.get("schema").and_then(Value::as_str) {
        Some(evidence::SCHEMA) => Ok(vec![one(value)?]),
        Some(json::SCHEMA) => {
            let cells = value.get("cells").and_then(Value::as_array).ok_or("no list of cells")?;
            let found = cells.iter().filter_map(|cell| cell.get("evidence"));
            found.filter(|found| !found.is_null()).cloned().map(one).collect()
        }
        Some(other) => Err(format!("schema {other}")),
        None => Err("no schema".to_owned()),
    }
}

fn one(value: Value) -> Result<Evidence, String> {
    match value.get("schema").and_then(Value::as_str) {
        Some(evidence::SCHEMA) => serde_json::from_value(value).map_err(|error| error.to_string()),
        Some(other) => Err(format!("evidence of schema {other}")),
        None => Err("evidence without a schema".to_owned()),
    }
}

fn not_a_result(path: &Path, found: &str) -> Error {
    Error::cell(format!("{} is not a result of this tool", path.display()))
        .expected(format!(
            "what novabridge cell --json ({}) or novabridge matrix --json ({}) print",
            evidence::SCHEMA,
            json::SCHEMA
        ))
        .found(found)
        .fix("remove the file, or merge with the version of the tool that wrote it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use crate::report::tests::passed;
    use serde_json::json;

    fn cell(name: &str, ok: bool, finished: u64) -> Value {
        let matrix = Matrix::built_in().unwrap();
        let mut evidence = passed(matrix.cell(name).unwrap()).evidence;
        (evidence.ok, evidence.finished) = (ok, finished);
        evidence.sources = Some("these".to_owned());
        serde_json::to_value(evidence).unwrap()
    }

    fn import(test: &str, files: &[(&str, String)]) -> Imported {
        let dir = Scratch::new(&format!("import-{test}"));
        fs::create_dir(dir.0.join("sub")).unwrap();
        for (name, text) in files {
            fs::write(dir.0.join(name), text).unwrap();
        }
        read(&dir.0, &Matrix::built_in().unwrap(), "570.144", "these").unwrap()
    }

    #[test]
    fn results_of_cells_and_of_matrices_are_merged() {
        let matrix = json!({"schema": json::SCHEMA, "cells": [
            {"name": "trixie-6.12", "evidence": cell("trixie-6.12", false, 5)},
            {"name": "sid-7.2", "evidence": null},
        ]});
        let found = import(
            "merged",
            &[
                ("a.json", cell("bookworm-6.1", true, 5).to_string()),
                ("sub/b.json", matrix.to_string()),
                ("log.txt", "1".to_owned()),
            ],
        );
        assert!(found.refused.is_empty());
        let found = found.results;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["bookworm-6.1", "trixie-6.12"]);
        assert!(found["bookworm-6.1"].stored.evidence.ok && !found["trixie-6.12"].stored.evidence.ok);
    }

    #[test]
    fn the_newest_result_of_a_cell_counts() {
        let (old, new) = (cell("bookworm-6.1", true, 5), cell("bookworm-6.1", false, 6));
        for (first, second) in [(&old, &new), (&new, &old)] {
            let files = [("a.json", first.to_string()), ("b.json", second.to_string())];
            assert!(!import("newest", &files).results["bookworm-6.1"].stored.evidence.ok);
        }
    }

    #[test]
    fn a_result_of_other_sources_is_outdated_and_counts_only_where_there_is_none_of_these() {
        let (mut other, mut nameless) = (cell("bookworm-6.1", true, 6), cell("trixie-6.12", true, 6));
        other["sources"] = json!("others");
        nameless["sources"] = json!(null);
        let old = ("b.json", cell("bookworm-6.1", false, 5).to_string());
        let mut found = import("sources", &[("a.json", other.to_string()), old]);
        assert_eq!(found.results["bookworm-6.1"].origin(Origin::Now), Origin::Now);
        assert!(
            !found.results["bookworm-6.1"].stored.evidence.ok,
            "the one of these sources"
        );
        assert!(found.complaints().is_empty());

        let files = [("a.json", other.to_string()), ("b.json", nameless.to_string())];
        let mut found = import("other-sources", &files);
        assert_eq!(found.results["bookworm-6.1"].origin(Origin::Now), Origin::OtherInputs);
        let [error] = &found.complaints()[..] else { panic!() };
        assert!(
            error.what.ends_with("outdated here: bookworm-6.1, trixie-6.12"),
            "{error}"
        );
        assert!(error.expected.as_deref().unwrap().contains("sources these"), "{error}");
        let said = error.found.as_deref().unwrap();
        assert!(
            said.contains("others in ") && said.contains("none or several in "),
            "{error}"
        );
    }

    #[test]
    fn results_of_another_firmware_are_left_out() {
        let mut other = cell("bookworm-6.1", true, 5);
        other["firmware"] = json!("535.113.01");
        let found = import("firmware", &[("a.json", other.to_string())]);
        assert!(found.results.is_empty() && found.refused.is_empty());
    }

    #[test]
    fn a_job_that_left_an_empty_file_left_no_result() {
        let files = [
            ("a.json", String::new()),
            ("b.json", cell("bookworm-6.1", true, 1).to_string()),
        ];
        let found = import("empty", &files);
        assert_eq!((found.results.len(), found.refused.len()), (1, 0));
    }

    #[test]
    fn what_is_no_result_is_refused_by_its_file_and_the_others_are_merged() {
        let (mut unknown, mut other) = (cell("bookworm-6.1", true, 1), cell("trixie-6.12", true, 1));
        unknown["cell"]["name"] = json!("fedora-9");
        other["cell"]["kernel"]["image"] = json!("linux-image-other");
        for (value, found) in [
            (json!({"schema": "novabridge-cell/0"}).to_string(), "novabridge-cell/0"),
            (json!({"ok": true}).to_string(), "no schema"),
            (
                json!({"schema": json::SCHEMA, "cells": [{"evidence": {"schema": "x"}}]}).to_string(),
                "schema x",
            ),
            ("{\"ok\":tr".to_owned(), "column"),
            (unknown.to_string(), "a.json"),
            (other.to_string(), "linux-image-other, linux-headers-amd64 from Trixie"),
        ] {
            let good = ("b.json", cell("bookworm-6.1", true, 1).to_string());
            let imported = import("refused", &[("a.json", value), good]);
            assert_eq!(imported.results.len(), 1, "{found}");
            let [error] = imported.refused.as_slice() else {
                panic!("{found}: {:?}", imported.refused)
            };
            assert!(error.found.as_deref().unwrap().contains(found), "{error}");
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of other machines: the JSON files that `novabridge cell --json` and `novabridge matrix --json` printed there.

use crate::cache::files_below;
use crate::error::{Error, PathContext, Result};
use crate::evidence::{self, Evidence};
use crate::matrix::{Cell, Matrix};
use crate::report::json;
use crate::results::Stored;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Results by cell.
pub type Results = BTreeMap<String, Stored>;

/// What is in a directory of results.
pub struct Imported {
    /// The newest of each cell.
    pub results: Results,
    /// What holds something else; it takes nothing away from the others.
    pub refused: Vec<Error>,
}

/// Reads all results below `dir` that are of the firmware release `firmware`.
///
/// # Errors
/// There is no such directory.
pub fn read(dir: &Path, matrix: &Matrix, firmware: &str) -> Result<Imported> {
    let mut imported = Imported {
        results: Results::new(),
        refused: Vec::new(),
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
                Ok(()) if evidence.firmware == firmware => imported.add(evidence),
                Ok(()) => {}
                Err(error) => imported.refused.push(error),
            }
        }
    }
    Ok(imported)
}

impl Imported {
    fn add(&mut self, evidence: Evidence) {
        let name = evidence.cell.name.clone();
        let known = self.results.get(&name);
        if known.is_none_or(|known| known.evidence.finished <= evidence.finished) {
            self.results.insert(name, Stored { evidence });
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
        serde_json::to_value(evidence).unwrap()
    }

    fn import(test: &str, files: &[(&str, String)]) -> Imported {
        let dir = Scratch::new(&format!("import-{test}"));
        fs::create_dir(dir.0.join("sub")).unwrap();
        for (name, text) in files {
            fs::write(dir.0.join(name), text).unwrap();
        }
        read(&dir.0, &Matrix::built_in().unwrap(), "570.144").unwrap()
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
        assert!(found["bookworm-6.1"].evidence.ok && !found["trixie-6.12"].evidence.ok);
    }

    #[test]
    fn the_newest_result_of_a_cell_counts() {
        let (old, new) = (cell("bookworm-6.1", true, 5), cell("bookworm-6.1", false, 6));
        for (first, second) in [(&old, &new), (&new, &old)] {
            let files = [("a.json", first.to_string()), ("b.json", second.to_string())];
            assert!(!import("newest", &files).results["bookworm-6.1"].evidence.ok);
        }
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

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of other machines: the JSON files that `novabridge cell --json` and `novabridge matrix --json` printed there.

use crate::cache::files_below;
use crate::error::{Error, PathContext, Result};
use crate::evidence::{self, Evidence};
use crate::matrix::Matrix;
use crate::report::json;
use crate::results::Stored;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Results by cell.
pub type Results = BTreeMap<String, Stored>;

/// Reads all results below `dir` that are of the firmware release `firmware`; of several of one cell, the newest.
///
/// # Errors
/// There is no such directory; a file holds something else than results, or the result of a cell that is not in `matrix`.
pub fn read(dir: &Path, matrix: &Matrix, firmware: &str) -> Result<Results> {
    let mut results = Results::new();
    for file in files_below(dir)? {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let path = dir.join(file);
        let text = fs::read_to_string(&path).on("read", &path)?;
        for evidence in evidences(&text).map_err(|found| not_a_result(&path, &found))? {
            let name = evidence.cell.name.clone();
            matrix
                .cell(&name)
                .map_err(|error| error.found(format!("its result in {}", path.display())))?;
            if evidence.firmware != firmware {
                continue;
            }
            let older = results
                .get(&name)
                .is_some_and(|known| known.evidence.finished > evidence.finished);
            if !older {
                results.insert(name, Stored { evidence });
            }
        }
    }
    Ok(results)
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
        let mut evidence = passed(&Matrix::built_in().unwrap().cells[0]).evidence;
        (evidence.cell.name, evidence.ok, evidence.finished) = (name.to_owned(), ok, finished);
        serde_json::to_value(evidence).unwrap()
    }

    fn import(test: &str, files: &[(&str, Value)]) -> Result<Results> {
        let dir = Scratch::new(&format!("import-{test}"));
        fs::create_dir(dir.0.join("sub")).unwrap();
        for (name, value) in files {
            fs::write(dir.0.join(name), value.to_string()).unwrap();
        }
        read(&dir.0, &Matrix::built_in().unwrap(), "570.144")
    }

    #[test]
    fn results_of_cells_and_of_matrices_are_merged() {
        let matrix = json!({"schema": json::SCHEMA, "cells": [
            {"name": "trixie-6.12", "evidence": cell("trixie-6.12", false, 5)},
            {"name": "sid-7.2", "evidence": null},
        ]});
        let found = import(
            "merge",
            &[
                ("a.json", cell("bookworm-6.1", true, 5)),
                ("sub/b.json", matrix),
                ("log.txt", json!(1)),
            ],
        );
        let found = found.unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["bookworm-6.1", "trixie-6.12"]);
        assert!(found["bookworm-6.1"].evidence.ok && !found["trixie-6.12"].evidence.ok);
    }

    #[test]
    fn the_newest_result_of_a_cell_counts() {
        let (old, new) = (cell("bookworm-6.1", true, 5), cell("bookworm-6.1", false, 6));
        for files in [
            [("a.json", old.clone()), ("b.json", new.clone())],
            [("a.json", new), ("b.json", old)],
        ] {
            assert!(!import("newest", &files).unwrap()["bookworm-6.1"].evidence.ok);
        }
    }

    #[test]
    fn results_of_another_firmware_are_left_out() {
        let mut other = cell("bookworm-6.1", true, 5);
        other["firmware"] = json!("535.113.01");
        assert!(import("firmware", &[("a.json", other)]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_result_is_refused_by_its_file() {
        for (value, found) in [
            (json!({"schema": "novabridge-cell/0"}), "novabridge-cell/0"),
            (json!({"ok": true}), "no schema"),
            (
                json!({"schema": json::SCHEMA, "cells": [{"evidence": {"schema": "x"}}]}),
                "schema x",
            ),
            (cell("fedora-9", true, 1), "a.json"),
        ] {
            let error = import("refused", &[("a.json", value)]).unwrap_err();
            assert!(error.found.as_deref().unwrap().contains(found), "{error}");
        }
    }
}

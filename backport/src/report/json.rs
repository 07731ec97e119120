// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results as JSON: everything that is known.

use super::{Row, Standing};
use serde_json::{json, Value};

/// Raised when a field changes its meaning or goes away; new fields do not count.
pub const SCHEMA: &str = "novabridge-matrix/2";

/// All rows with their evidence; `seconds` is the time of the run that asked.
pub fn to_json(rows: &[Row<'_>], seconds: f64) -> Value {
    let cells = rows.iter().map(|row| {
        json!({
            "name": row.cell.name,
            "cached": row.cached,
            "evidence": row.evidence(),
        })
    });
    let passed = |row: &Row<'_>| matches!(row.standing(), Standing::Ok | Standing::Cached);
    json!({
        "schema": SCHEMA,
        "ok": rows.iter().all(passed),
        "seconds": seconds,
        "cells": cells.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::report::tests::{passed, rows};

    #[test]
    fn a_matrix_is_ok_only_when_every_cell_has_passed() {
        let matrix = Matrix::built_in().unwrap();
        let stored = [passed(&matrix.cells[0])];
        let rows = rows(&matrix, &stored);
        assert_eq!(to_json(&rows, 1.0)["ok"], false);
        let one = to_json(&rows[..1], 1.0);
        assert_eq!(one["ok"], true);
        assert_eq!(one["cells"][0]["evidence"]["kernel"]["release"], "6.1.0-56-amd64");
    }
}

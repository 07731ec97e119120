// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results as JSON: everything that is known.

use super::{Origin, Row};
use serde_json::{json, Value};

/// Raised when a field changes its meaning or goes away; new fields do not count.
pub const SCHEMA: &str = "novabridge-matrix/3";

/// All rows with their evidence; `seconds` is the time of the run that made them, if there was one.
pub fn to_json(rows: &[Row<'_>], seconds: Option<f64>) -> Value {
    let cells = rows.iter().map(|row| {
        json!({
            "name": row.cell.name,
            "standing": row.standing(),
            "cached": row.origin != Origin::Now,
            "evidence": row.evidence(),
        })
    });
    let mut value = json!({
        "schema": SCHEMA,
        "ok": rows.iter().all(Row::passed),
        "cells": cells.collect::<Vec<_>>(),
    });
    if let Some(seconds) = seconds {
        value["seconds"] = json!(seconds);
    }
    value
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
        let all = to_json(&rows, None);
        assert_eq!((&all["ok"], all.get("seconds")), (&json!(false), None));
        let one = to_json(&rows[..1], Some(1.0));
        assert_eq!(one["ok"], true);
        assert_eq!(one["cells"][0]["standing"], "cached");
        assert_eq!(one["cells"][0]["evidence"]["kernel"]["release"], "6.1.0-56-amd64");
    }
}

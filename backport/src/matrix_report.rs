// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results of many cells, as a table, as JSON and as JUnit's XML.

use crate::report::{mark, Mark};
use crate::results::Stored;
use serde_json::{json, Value};
use std::fmt::Write as _;

/// Raised when a field changes its meaning or goes away; new fields do not count.
pub const SCHEMA: &str = "novabridge-matrix/1";

/// One cell's line.
pub struct Row<'a> {
    /// The cell.
    pub name: &'a str,
    /// Its result, if there is one.
    pub stored: Option<&'a Stored>,
    /// Whether the result is from an earlier run.
    pub cached: bool,
}

impl Row<'_> {
    fn ok(&self) -> bool {
        self.stored.is_some_and(Stored::ok)
    }

    /// The row as one line, `name` columns for its name.
    pub fn line(&self, name: usize, colour: bool) -> String {
        let Some(stored) = self.stored else {
            return format!("{} {:<name$}  no result", mark(Mark::Absent, colour), self.name);
        };
        let kind = match (stored.ok(), self.cached) {
            (false, _) => Mark::Failed,
            (true, true) => Mark::Cached,
            (true, false) => Mark::Ok,
        };
        let seconds = stored
            .evidence
            .get("seconds")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        let head = format!("{} {:<name$}  {seconds:>6.1} s", mark(kind, colour), self.name);
        if stored.ok() {
            format!("{head}  {}", facts(&stored.evidence))
        } else {
            let step = stored.text("/failure/step").unwrap_or("start");
            format!(
                "{head}  {step}: {}",
                stored.text("/failure/reason").unwrap_or("unknown")
            )
        }
    }
}

/// What the cell was made of, in a few words.
fn facts(evidence: &Value) -> String {
    let text = |pointer: &str| evidence.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let release = |text: &str| text.split_whitespace().nth(1).unwrap_or("?").to_owned();
    let compiler = text("/kernel/compiler/version")
        .rsplit(' ')
        .next()
        .unwrap_or("?")
        .to_owned();
    let probes = evidence.get("probes").and_then(Value::as_array);
    let lacking = probes.map_or(0, |all| {
        all.iter()
            .filter(|one| one.get("have") == Some(&Value::Bool(false)))
            .count()
    });
    format!(
        "{}, rustc {}, gcc {compiler}, {lacking} interfaces replaced",
        text("/kernel/release"),
        release(text("/core/rustc"))
    )
}

/// All rows and the count.
pub fn table(rows: &[Row<'_>], colour: bool) -> String {
    let name = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}", row.line(name, colour));
    }
    text
}

/// "24 cells: 22 passed (20 of them known before), 2 failed".
pub fn count(rows: &[Row<'_>]) -> String {
    let passed = rows.iter().filter(|row| row.ok()).count();
    let cached = rows.iter().filter(|row| row.ok() && row.cached).count();
    let absent = rows.iter().filter(|row| row.stored.is_none()).count();
    let mut text = format!(
        "{} cells: {passed} passed ({cached} of them known before), {} failed",
        rows.len(),
        rows.len() - passed - absent
    );
    if absent > 0 {
        let _ = write!(text, ", {absent} without a result");
    }
    text
}

/// All that is known, for programs.
pub fn to_json(rows: &[Row<'_>], seconds: f64) -> Value {
    let cells = rows.iter().map(|row| {
        json!({
            "name": row.name,
            "cached": row.cached,
            "evidence": row.stored.map(|stored| &stored.evidence),
        })
    });
    json!({
        "schema": SCHEMA,
        "ok": rows.iter().all(Row::ok),
        "seconds": seconds,
        "cells": cells.collect::<Vec<_>>(),
    })
}

/// A test suite of JUnit: a cell is a case.
pub fn to_junit(rows: &[Row<'_>]) -> String {
    let failed = rows.iter().filter(|row| row.stored.is_some() && !row.ok()).count();
    let absent = rows.iter().filter(|row| row.stored.is_none()).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuite name=\"novabridge\" tests=\"{}\" failures=\"{failed}\" skipped=\"{absent}\">",
        rows.len()
    );
    for row in rows {
        let seconds = row.stored.and_then(|stored| stored.evidence.get("seconds")?.as_f64());
        let _ = write!(
            text,
            "  <testcase classname=\"cell\" name=\"{}\" time=\"{:.1}\"",
            escaped(row.name),
            seconds.unwrap_or_default()
        );
        match row.stored {
            None => text.push_str("><skipped message=\"no result\"/></testcase>\n"),
            Some(stored) if stored.ok() => text.push_str("/>\n"),
            Some(stored) => {
                let part = |name: &str| stored.text(&format!("/failure/{name}")).unwrap_or_default();
                let lines = stored.evidence.pointer("/failure/last_lines").and_then(Value::as_array);
                let lines: Vec<&str> = lines.into_iter().flatten().filter_map(Value::as_str).collect();
                let _ = writeln!(
                    text,
                    "><failure message=\"{}: {}\">{}\nto repeat: {}</failure></testcase>",
                    escaped(part("step")),
                    escaped(part("reason")),
                    escaped(&lines.join("\n")),
                    escaped(stored.text("/repeat").unwrap_or_default())
                );
            }
        }
    }
    text.push_str("</testsuite>\n");
    text
}

/// For XML; control characters, which no escape makes legal, are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(evidence: Value) -> Stored {
        Stored { evidence }
    }

    #[test]
    fn each_kind_of_row_is_counted_and_shown() {
        let good = stored(
            json!({"ok": true, "seconds": 61.0, "kernel": {"release": "6.1.0-56-amd64",
            "compiler": {"version": "gcc-12 (Debian 12.2.0-14) 12.2.0"}}, "core": {"rustc": "rustc 1.95.0 (abc)"},
            "probes": [{"have": true}, {"have": false}]}),
        );
        let bad = stored(json!({"ok": false, "seconds": 2.0, "repeat": "novabridge cell b",
            "failure": {"step": "modules", "reason": "a < b & c", "last_lines": ["x\u{1b}[0m"]}}));
        let rows = [
            Row {
                name: "a-long",
                stored: Some(&good),
                cached: true,
            },
            Row {
                name: "b",
                stored: Some(&bad),
                cached: false,
            },
            Row {
                name: "c",
                stored: None,
                cached: false,
            },
        ];
        assert_eq!(
            table(&rows, false),
            "cached  a-long    61.0 s  6.1.0-56-amd64, rustc 1.95.0, gcc 12.2.0, 1 interfaces replaced\n\
             FAILED  b          2.0 s  modules: a < b & c\n\
             -       c       no result\n"
        );
        assert_eq!(
            count(&rows),
            "3 cells: 1 passed (1 of them known before), 1 failed, 1 without a result"
        );
        let junit = to_junit(&rows);
        assert!(junit.contains("tests=\"3\" failures=\"1\" skipped=\"1\""));
        assert!(junit.contains("modules: a &lt; b &amp; c") && !junit.contains('\u{1b}'));
        assert_eq!(to_json(&rows, 1.0)["ok"], false);
        assert_eq!(to_json(&rows[..1], 1.0)["cells"][0]["evidence"]["ok"], true);
    }
}

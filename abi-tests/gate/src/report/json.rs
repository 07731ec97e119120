// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! For programs.

use crate::check::Report;
use serde_json::{json, Value};

/// The report as JSON. `schema` is raised when a key changes its meaning or goes away.
pub fn json(report: &Report) -> Value {
    let findings = report.findings.iter().map(|f| {
        json!({
            "rule": f.change.rule.id,
            "class": f.change.rule.class,
            "subject": f.change.subject,
            "was": f.change.was,
            "now": f.change.now,
            "suffers": f.change.rule.suffers,
            "advice": f.change.rule.advice,
            "accepted": f.accepted,
        })
    });
    let drift = report
        .drift
        .iter()
        .map(|d| json!({ "source": d.source, "subject": d.subject, "header": d.header, "found": d.found }));
    let compared = report.compared.iter().map(|c| {
        let part = |(told, all): (usize, usize)| json!({ "compared": told, "of": all });
        json!({ "source": c.source, "functions": part(c.functions), "types": part(c.types) })
    });
    json!({
        "schema": 1,
        "class": report.class(),
        "version": {
            "was": report.was.map(|v| v.to_string()),
            "now": report.now.map(|v| v.to_string()),
            "needed": report.needed().map(|v| v.to_string()),
            "suffices": report.version_suffices(),
        },
        "changes": findings.collect::<Vec<_>>(),
        "disagreements": drift.collect::<Vec<_>>(),
        "compared": compared.collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! SARIF 2.1.0, which code review tools show beside the source.

use super::HEADER;
use crate::check::Report;
use crate::rules::{self, Class};
use serde_json::{json, Value};

/// The report as SARIF.
pub fn sarif(report: &Report) -> Value {
    let described = rules::all().values().map(|r| {
        json!({
            "id": r.id,
            "shortDescription": { "text": r.title },
            "fullDescription": { "text": format!("An old caller: {}.", r.suffers) },
            "help": { "text": format!("Instead: {}.", r.advice) },
            "properties": { "class": r.class },
        })
    });
    let changes = report.findings.iter().map(|f| {
        let c = &f.change;
        let text = format!("{}: {} (was `{}`, now `{}`)", c.subject, c.rule.title, c.was, c.now);
        let mut result = result(&c.rule.id, level(c.rule.class), text);
        if let Some(reason) = &f.accepted {
            result["suppressions"] = json!([{ "kind": "external", "justification": reason }]);
        }
        result
    });
    let drift = report.drift.iter().map(|d| result("disagree", "error", d.to_string()));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "novabridge abi", "rules": described.collect::<Vec<_>>() } },
            "results": changes.chain(drift).collect::<Vec<_>>(),
        }],
    })
}

fn result(rule: &str, level: &str, text: String) -> Value {
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": HEADER } } }],
    })
}

fn level(class: Class) -> &'static str {
    match class {
        Class::Identical | Class::Compatible => "note",
        Class::Additive => "warning",
        Class::Behavioural | Class::Breaking => "error",
    }
}

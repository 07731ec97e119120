// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! For people.

use crate::check::Report;
use crate::rules::{self, Class};
use std::fmt::Write as _;

/// The report as text.
pub fn words(report: &Report) -> String {
    let mut out = String::new();
    for drift in &report.drift {
        let _ = writeln!(out, "disagree     {drift}");
    }
    for finding in &report.findings {
        let c = &finding.change;
        let _ = writeln!(
            out,
            "{:<12} {}: {} [{}]",
            c.rule.class, c.subject, c.rule.title, c.rule.id
        );
        let arrow = match (c.was.is_empty(), c.now.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!("was {}", c.was),
            (true, false) => format!("now {}", c.now),
            (false, false) => format!("was {}, now {}", c.was, c.now),
        };
        if !arrow.is_empty() {
            let _ = writeln!(out, "             {arrow}");
        }
        match &finding.accepted {
            Some(reason) => {
                let _ = writeln!(out, "             accepted: {reason}");
            }
            None if c.rule.class > Class::Compatible => {
                let _ = writeln!(out, "             an old caller: {}", c.rule.suffers);
                let _ = writeln!(out, "             instead: {}", c.rule.advice);
            }
            None => {}
        }
    }
    for compared in &report.compared {
        let _ = writeln!(out, "compared     {compared}");
    }
    for note in &report.notes {
        let _ = writeln!(out, "note         {note}");
    }
    let _ = writeln!(out, "{}", verdict(report));
    out
}

fn verdict(report: &Report) -> String {
    let class = report.class();
    let versions = match (report.was, report.needed(), report.now) {
        (Some(was), _, Some(now)) if now < was => {
            format!("{was} -> {now}, which goes back: put {was} back or raise it")
        }
        (Some(was), Some(needed), Some(now)) if needed == was => format!("{was} -> {now}"),
        (Some(was), Some(needed), Some(now)) if now >= needed => format!("{was} -> {now}, which tells of it"),
        (Some(was), Some(needed), Some(now)) => format!(
            "{was} -> {now}, but this asks for {needed}: set NVB_ABI_MAJOR and NVB_ABI_MINOR, or undo the change"
        ),
        _ => "no version stated".to_owned(),
    };
    let drift = match report.drift.len() {
        0 => String::new(),
        n => format!("; the sources disagree in {n} places"),
    };
    format!("{class}: {versions}{drift}")
}

/// What a rule means, or all rules if `id` is none.
pub fn explain(id: Option<&str>) -> Option<String> {
    let mut out = String::new();
    match id {
        Some(id) => {
            let rule = rules::all().get(id)?;
            let _ = writeln!(out, "{}: {}", rule.id, rule.title);
            let _ = writeln!(
                out,
                "class:         {}, exit code {}",
                rule.class,
                rule.class.exit_code()
            );
            let _ = writeln!(out, "an old caller: {}", rule.suffers);
            let _ = writeln!(out, "instead:       {}", rule.advice);
        }
        None => {
            for rule in rules::all().values() {
                let _ = writeln!(out, "{:<12} {:<26} {}", rule.class, rule.id, rule.title);
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_what_is_and_what_to_do() {
        let read = |t: &str| crate::text::read(t, "test").expect("text");
        let version = "const NVB_ABI_MAJOR: i32 = 1\nconst NVB_ABI_MINOR: i32 = 0\n";
        let old = read(&format!("{version}fn nvb_a(n: u32)\n"));
        let new = read(&format!("{version}fn nvb_a(n: u64)\n"));
        let report = Report::of(&old, &new, &[], "2026-01-01");
        assert_eq!(
            words(&report),
            "breaking     nvb_a(n): a parameter has another type [parameter-type]\n             \
             was u32, now u64\n             \
             an old caller: passes something else than the core reads\n             \
             instead: add a function beside the old one\n\
             breaking: 1.0 -> 1.0, but this asks for 2.0: set NVB_ABI_MAJOR and NVB_ABI_MINOR, or undo the change\n"
        );
    }

    #[test]
    fn explains_rules() {
        assert!(explain(Some("field-moved")).expect("rule").contains("exit code 13"));
        assert!(explain(None).expect("rules").lines().count() > 40);
        assert!(explain(Some("nonsense")).is_none());
    }
}

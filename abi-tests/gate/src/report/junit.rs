// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! JUnit XML, which CI systems count.

use crate::check::Report;
use std::fmt::Write as _;

/// The report as JUnit: a test case per change and contradiction; those that the stated version does not tell of fail.
pub fn junit(report: &Report) -> String {
    let needed = report.was;
    let mut cases = String::new();
    let mut failures = 0;
    for finding in &report.findings {
        let c = &finding.change;
        let allowed = match (needed.map(|v| v.after(c.rule.class)), report.now) {
            (Some(needed), Some(now)) => now >= needed,
            _ => c.rule.class <= crate::rules::Class::Compatible,
        };
        let name = format!("{} {}", c.rule.id, c.subject);
        if allowed || finding.accepted.is_some() {
            let _ = writeln!(cases, "  <testcase classname=\"abi\" name=\"{}\"/>", escape(&name));
            continue;
        }
        failures += 1;
        let text = format!(
            "{}\nwas: {}\nnow: {}\ninstead: {}",
            c.rule.title, c.was, c.now, c.rule.advice
        );
        failed(&mut cases, &name, c.rule.class.word(), &text);
    }
    for drift in &report.drift {
        failures += 1;
        failed(
            &mut cases,
            &format!("disagree {}", drift.subject),
            "disagree",
            &drift.to_string(),
        );
    }
    let tests = report.findings.len() + report.drift.len();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"novabridge abi\" tests=\"{tests}\" \
         failures=\"{failures}\">\n{cases}</testsuite>\n"
    )
}

fn failed(cases: &mut String, name: &str, kind: &str, text: &str) {
    let (name, text) = (escape(name), escape(text));
    let _ = writeln!(
        cases,
        "  <testcase classname=\"abi\" name=\"{name}\">\n    <failure type=\"{kind}\">{text}</failure>\n  </testcase>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_escapes() {
        let read = |t: &str| crate::text::read(t, "test").expect("text");
        let old =
            read("const NVB_ABI_MAJOR: i32 = 1\nconst NVB_ABI_MINOR: i32 = 0\nfn nvb_a() -> i32\nfn nvb_b(n: u32)\n");
        let new =
            read("const NVB_ABI_MAJOR: i32 = 1\nconst NVB_ABI_MINOR: i32 = 0\nfn nvb_a() -> i64\nfn nvb_b(m: u32)\n");
        let xml = junit(&Report::of(&old, &new, &[], "2026-01-01"));
        assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
        assert!(xml.contains("-&gt; i32") || xml.contains("was: i32"), "{xml}");
    }
}

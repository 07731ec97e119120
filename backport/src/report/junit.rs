// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results as JUnit's XML, which CI systems read: a cell is a test case.

use super::steps::table;
use super::{count, details, Row, Standing};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// By which readers group the cases.
const CLASS: &str = "cell";

/// One suite with all rows. Whoever demands `all` of them takes one without a result, or without one of these sources, for an error;
/// else nobody asked for it.
///
/// # Errors
/// The text cannot be made.
pub fn to_junit(rows: &[Row<'_>], all: bool) -> Result<String> {
    let mut suite = TestSuite::new("novabridge matrix");
    suite.add_test_cases(rows.iter().map(|row| case(row, all)));
    suite.set_system_out(count(rows));
    let mut report = Report::new("novabridge");
    report.add_test_suite(suite);
    report
        .to_string()
        .map_err(|error| Error::cell("the results cannot be written as XML").found(error.to_string()))
}

fn case(row: &Row<'_>, all: bool) -> TestCase {
    let standing = row.standing();
    let mut status = match standing {
        Standing::Ok | Standing::Cached => TestCaseStatus::success(),
        Standing::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Unjudged => TestCaseStatus::non_success(NonSuccessKind::Error),
        Standing::Outdated | Standing::Absent if all => TestCaseStatus::non_success(NonSuccessKind::Error),
        Standing::Outdated | Standing::Absent => TestCaseStatus::skipped(),
    };
    let evidence = row.evidence();
    let failure = evidence.and_then(|evidence| Some((evidence, evidence.failure.as_ref()?)));
    match (standing, failure) {
        (Standing::Outdated, _) => drop(status.set_message("the result is of other sources or packages")),
        (Standing::Absent, _) => drop(status.set_message("no result")),
        (_, Some((evidence, failure))) => {
            status
                .set_type(failure.step.as_str())
                .set_message(format!("{}: {}", failure.step, failure.reason))
                .set_description(format!(
                    "{}{}\nto repeat: {}",
                    details(failure)
                        .map(|(label, text)| format!("{label}: {text}\n"))
                        .collect::<String>(),
                    failure.last_lines.join("\n"),
                    evidence.repeat
                ));
        }
        (_, None) => {}
    }
    let mut case = TestCase::new(row.cell.name.as_str(), status);
    case.set_classname(CLASS);
    if let Some(evidence) = evidence {
        case.set_time(Duration::try_from_secs_f64(evidence.seconds).unwrap_or_default())
            .set_system_out(output(evidence));
    }
    case
}

/// What the cell printed: its steps, and the guest's console.
fn output(evidence: &Evidence) -> String {
    let console = evidence.boot.as_ref().map_or("", |boot| &boot.console);
    format!("{}\n{console}", table(&evidence.steps, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::report::tests::{failed, passed, rows, unjudged};
    use crate::report::Origin;

    /// Read by another crate than the one that wrote it, and held to what readers of JUnit have in common: a suite with its counts,
    /// cases with name and class, and of each case's parts in this order at most one of failure, error and skipped, then system-out.
    #[test]
    fn a_reader_of_junit_finds_every_cell_its_reason_and_its_output() {
        let matrix = Matrix::built_in().unwrap();
        let stored = [
            passed(&matrix.cells[0]),
            failed(
                &matrix.cells[1],
                "a < b & \"c\" ]]>",
                "guest \u{1b}[31m says ]]> </system-out>",
            ),
            unjudged(&matrix.cells[2]),
        ];
        let mut rows = rows(&matrix, &stored);
        let text = to_junit(&rows[..4], false).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let names = |node: roxmltree::Node<'_, '_>| -> Vec<String> {
            let elements = node.children().filter(|child| child.is_element());
            elements.map(|child| child.tag_name().name().to_owned()).collect()
        };
        let suites = document.root_element();
        assert_eq!(
            (suites.tag_name().name(), names(suites)),
            ("testsuites", vec!["testsuite".to_owned()])
        );
        let suite = suites.first_element_child().unwrap();
        for (count, expected) in [("tests", "4"), ("failures", "1"), ("skipped", "1"), ("errors", "1")] {
            assert_eq!(suite.attribute(count), Some(expected), "{count}");
        }
        assert_eq!(
            names(suite),
            ["testcase", "testcase", "testcase", "testcase", "system-out"]
        );
        let cases: Vec<_> = suite
            .children()
            .filter(|child| child.has_tag_name("testcase"))
            .collect();
        for (case, row) in cases.iter().zip(&rows) {
            assert_eq!(case.attribute("name"), Some(row.cell.name.as_str()));
            assert_eq!(case.attribute("classname"), Some("cell"));
        }
        assert_eq!(names(cases[0]), ["system-out"]);
        assert_eq!(cases[0].attribute("time"), Some("61.000"));
        assert!(cases[0]
            .first_element_child()
            .unwrap()
            .text()
            .unwrap()
            .contains("Linux version"));
        assert_eq!(names(cases[1]), ["failure", "system-out"]);
        let failure = cases[1].first_element_child().unwrap();
        assert_eq!(failure.attribute("message"), Some("dma: a < b & \"c\" ]]>"));
        let said = failure.text().unwrap();
        for words in [
            "expected: DMA\nfound: none\nto mend it: mend it\n",
            "to repeat: novabridge cell",
        ] {
            assert!(said.contains(words), "{said}");
        }
        let output = cases[1].last_element_child().unwrap().text().unwrap();
        assert!(output.ends_with("says ]]> </system-out>"), "{output:?}");
        assert_eq!(
            names(cases[2]),
            ["error", "system-out"],
            "a machine's trouble is no failure"
        );
        assert_eq!(names(cases[3]), ["skipped"]);
        let mut demanded = [rows.pop().unwrap(), rows.swap_remove(0)];
        demanded[1].origin = Origin::OtherInputs;
        let demanded = to_junit(&demanded, true).unwrap();
        for message in ["no result", "the result is of other sources or packages"] {
            assert!(
                demanded.contains(&format!("<error message=\"{message}\"")),
                "{demanded}"
            );
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Results as one web page that needs nothing else: the grid of cells, each leading to its evidence.
//!
//! The page is `templates/report.html`. askama escapes whatever goes into it, and the page forbids scripts: a kernel's log, a
//! compiler's message and even a manifest may hold anything.

use super::table::facts;
use super::{count, counted, form, Row, Standing};
use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::hygiene::Findings;
use askama::Template;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    firmware: &'a str,
    count: String,
    /// The columns of the grid.
    forms: Vec<&'a str>,
    /// Its rows.
    kernels: Vec<KernelRow<'a>>,
    cells: Vec<Cell<'a>>,
}

struct KernelRow<'a> {
    name: &'a str,
    /// One a form; none where that is no cell.
    squares: Vec<Option<Cell<'a>>>,
}

#[derive(Clone)]
struct Cell<'a> {
    name: &'a str,
    standing: Standing,
    evidence: Option<&'a Evidence>,
}

/// A row of the table of objects.
struct Object<'a> {
    name: &'a str,
    bytes: Option<u64>,
    findings: &'a Findings,
}

/// The page.
///
/// # Errors
/// The template fails, which it does only when memory is out.
pub fn to_html(rows: &[Row<'_>], firmware: &str) -> Result<String> {
    let mut forms: Vec<&str> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        add_once(&mut forms, form(row.cell));
        add_once(&mut names, &row.cell.kernel.name);
    }
    let square = |kernel: &str, wanted: &str| {
        let found = rows
            .iter()
            .find(|row| row.cell.kernel.name == kernel && form(row.cell) == wanted);
        found.map(Cell::of)
    };
    let kernels = names.into_iter().map(|name| KernelRow {
        name,
        squares: forms.iter().map(|form| square(name, form)).collect(),
    });
    let page = Page {
        firmware,
        count: count(rows),
        kernels: kernels.collect(),
        cells: rows.iter().map(Cell::of).collect(),
        forms,
    };
    page.render()
        .map_err(|error| Error::cell("the page cannot be made").found(error.to_string()))
}

fn add_once<'a>(list: &mut Vec<&'a str>, name: &'a str) {
    if !list.contains(&name) {
        list.push(name);
    }
}

impl Standing {
    fn class(self) -> &'static str {
        match self {
            Standing::Ok => "ok",
            Standing::Cached => "cached",
            Standing::Failed => "failed",
            Standing::Unjudged => "unjudged",
            Standing::Outdated => "outdated",
            Standing::Absent => "absent",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Standing::Ok | Standing::Cached => "passed",
            Standing::Failed => "failed",
            Standing::Unjudged => "not judged",
            Standing::Outdated => "outdated",
            Standing::Absent => "no result",
        }
    }

    /// What tells the standings apart without colours.
    fn sign(self) -> &'static str {
        match self {
            Standing::Ok | Standing::Cached => "✓",
            Standing::Failed => "✗",
            Standing::Unjudged => "!",
            Standing::Outdated => "?",
            Standing::Absent => "–",
        }
    }
}

impl<'a> Cell<'a> {
    fn of(row: &'a Row<'a>) -> Self {
        Cell {
            name: &row.cell.name,
            standing: row.standing(),
            evidence: row.evidence(),
        }
    }

    /// A second line for the cell's square.
    fn short(&self) -> String {
        match self.evidence {
            None => "not run".to_owned(),
            Some(evidence) => match &evidence.failure {
                Some(failure) => failure.step.clone(),
                None => counted(evidence.shims.len(), "shim"),
            },
        }
    }

    fn facts(&self) -> String {
        self.evidence.map(facts).unwrap_or_default()
    }

    fn finished(&self) -> String {
        let time = UNIX_EPOCH + Duration::from_secs(self.evidence.map_or(0, |evidence| evidence.finished));
        humantime::format_rfc3339_seconds(time).to_string()
    }

    fn objects(&self) -> Vec<Object<'a>> {
        let Some(evidence) = self.evidence else {
            return Vec::new();
        };
        let core = evidence.core.iter().filter_map(|core| core.object.as_ref());
        let core = core.map(|findings| Object {
            name: "the core",
            bytes: None,
            findings,
        });
        let modules = evidence.modules.iter().map(|module| Object {
            name: &module.name,
            bytes: Some(module.bytes),
            findings: &module.object,
        });
        core.chain(modules).collect()
    }
}

/// "14.3 s". By reference, as templates hand everything.
fn seconds(seconds: &f64) -> String {
    format!("{seconds:.1} s")
}

/// "168 KiB".
fn size(bytes: &u64) -> String {
    match *bytes {
        bytes if bytes >= 10 << 20 => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 10 << 10 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::report::tests::{failed, passed, rows};
    use crate::results::Stored;

    const HOSTILE: &str = "</pre><script>alert(1)</script><img src=x onerror=\"alert(2)\">";

    fn page(stored: &[Stored]) -> String {
        let matrix = Matrix::built_in().unwrap();
        to_html(&rows(&matrix, stored), "570.144").unwrap()
    }

    fn cells() -> [crate::matrix::Cell; 2] {
        let mut cells = Matrix::built_in().unwrap().cells.into_iter();
        [cells.next().unwrap(), cells.next().unwrap()]
    }

    #[test]
    fn whatever_a_log_holds_is_shown_and_not_obeyed() {
        let [first, second] = cells();
        let mut hostile = failed(&second, &format!("no DMA {HOSTILE}"), HOSTILE);
        hostile.evidence.repeat = HOSTILE.into();
        hostile.evidence.probes[1].evidence = Some(HOSTILE.into());
        hostile.evidence.steps = vec![crate::step::Record {
            phase: crate::step::Phase::Build,
            name: HOSTILE.into(),
            outcome: crate::step::Outcome::Failed,
            seconds: 1.0,
            memory: None,
            made: None,
            note: HOSTILE.into(),
        }];
        let page = page(&[passed(&first), hostile]);
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "something was not escaped"
        );
        let shown = "&#60;script&#62;alert(1)&#60;/script&#62;";
        assert_eq!(page.matches(shown).count(), 6, "{page}");
        assert!(page.contains("no DMA &#60;/pre&#62;"));
        assert!(
            page.contains("default-src 'none'"),
            "the page forbids what escaping may miss"
        );
    }

    #[test]
    fn the_grid_has_a_square_for_each_cell_and_leads_to_its_evidence() {
        let [first, second] = cells();
        let page = page(&[passed(&first), failed(&second, "no DMA", "")]);
        for cell in &Matrix::built_in().unwrap().cells {
            assert_eq!(
                page.matches(&format!("href=\"#{}\"", cell.name)).count(),
                1,
                "{}",
                cell.name
            );
            assert_eq!(
                page.matches(&format!("id=\"{}\"", cell.name)).count(),
                1,
                "{}",
                cell.name
            );
        }
        for words in [
            "✓ passed",
            "✗ failed",
            "– no result",
            "no DMA",
            "NVB_HAVE_B",
            "x.c:9:2: error: no such thing",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert!(page.contains("novabridge cell"), "the command that repeats a cell");
    }

    #[test]
    fn sizes_are_in_the_unit_that_reads_best() {
        assert_eq!(
            [size(&900), size(&(20 << 10)), size(&(300 << 20))],
            ["900 B", "20 KiB", "300 MiB"]
        );
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a pipeline has to do, whoever runs it: a job a cell, a job a form of the core that several cells share, and for each
//! what its caches are named by.
//!
//! A name is a hash of the content: of everything a result depends on, or of every package that is fetched. So a cache is found
//! exactly as long as it is good, and two jobs that need the same share it.

use crate::cache::Key;
use crate::error::Result;
use crate::matrix::Cell;
use crate::results::{self, Common};
use crate::rust::library;
use crate::session::Session;
use serde::Serialize;

/// Sources of what makes the core's object and of what it is made of.
const CORE_SOURCES: [&str; 4] = ["backport/src/rust", "backport/kernel", "core-rs/src", "capi/src"];

/// The jobs of a pipeline.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// The GSP firmware release all cells run.
    pub firmware: String,
    /// The core in each form some of the cells need.
    pub cores: Vec<CoreJob>,
    /// The cells, in the manifest's order.
    pub cells: Vec<CellJob>,
}

/// Makes the core in one form.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CoreJob {
    /// The form, as names of cells end in.
    pub core: String,
    /// A cell that uses it.
    pub cell: String,
    /// Names the cache of the packages with its rustc.
    pub packages: String,
    /// Names the cache of what it makes.
    pub made: String,
}

/// Runs one cell.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CellJob {
    /// The cell.
    pub cell: String,
    /// The form of the core it uses.
    pub core: String,
    /// Names the cache of its packages.
    pub packages: String,
    /// Names the cache of what the core's job makes.
    pub made: String,
    /// Names the cache of its result.
    pub result: String,
}

impl Plan {
    /// Finds out the packages of all cells and names everything.
    ///
    /// # Errors
    /// The lists of what all cells share are not there.
    pub fn new(session: &Session, cells: &[&Cell], firmware: &str) -> Result<Self> {
        let common = Common::new(session, &results::sources(&session.source)?, firmware)?;
        let core_sources = results::sources_of(&session.source, &CORE_SOURCES)?;
        let mut plan = Plan {
            firmware: firmware.to_owned(),
            cores: Vec::new(),
            cells: Vec::new(),
        };
        for cell in cells {
            let name = &cell.name;
            let core = cell.core_name();
            let made = match plan.cores.iter().find(|job| job.core == core) {
                Some(job) => job.made.clone(),
                None => {
                    let job = core_job(session, cell, &core_sources);
                    let made = job.made.clone();
                    plan.cores.push(job);
                    made
                }
            };
            let (packages, result) = or_unknown(name, cell_hashes(session, &common, cell));
            plan.cells.push(CellJob {
                cell: name.clone(),
                core,
                packages: format!("novabridge-packages-{packages}"),
                made,
                result: format!("novabridge-result-{name}-{result}"),
            });
        }
        Ok(plan)
    }
}

/// `hashes`. Where they cannot be found out, say because a package has left its suite, the job is planned nevertheless: it fails
/// by itself and says why, and keeps nothing, as jobs that fail do.
fn or_unknown(job: &str, hashes: Result<(String, String)>) -> (String, String) {
    hashes.unwrap_or_else(|error| {
        eprintln!("{job}: will probably fail: {error}");
        let unknown = format!("unknown-{}", job.replace(' ', "-"));
        (unknown.clone(), unknown)
    })
}

/// The hashes of a cell's packages, and of everything its result depends on.
fn cell_hashes(session: &Session, common: &Common, cell: &Cell) -> Result<(String, String)> {
    let packages = common.packages(session, cell)?;
    let packages = Key::of("packages-1").with_all("package", packages).build();
    Ok((packages.as_str().to_owned(), common.inputs(session, cell)?))
}

fn core_job(session: &Session, cell: &Cell, sources: &str) -> CoreJob {
    let core = cell.core_name();
    let (packages, made) = or_unknown(&format!("core {core}"), core_hashes(session, cell, sources));
    CoreJob {
        packages: format!("novabridge-packages-{packages}"),
        made: format!("novabridge-core-{core}-{made}"),
        cell: cell.name.clone(),
        core,
    }
}

/// The hashes of the packages of the rustc, and of everything the core is made of.
fn core_hashes(session: &Session, cell: &Cell, sources: &str) -> Result<(String, String)> {
    let (packages, machine) = match &cell.rustc {
        Some(wanted) => (library::all_packages(session, wanted)?, String::new()),
        // Another machine's rustc gives the cache another name, and a machine without one cannot make a pipeline's core either.
        None => (Vec::new(), results::machine(session)?),
    };
    let key = || {
        Key::of("core-job-1")
            .with_all("package", packages.iter().map(|package| &package.sha256))
            .with("rustc", &machine)
    };
    let made = key().with("core", cell.core_name()).with("sources", sources).build();
    Ok((key().build().as_str().to_owned(), made.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_job_whose_packages_are_gone_has_names_that_no_other_job_has() {
        let gone = |job| or_unknown(job, Err(Error::setup("rustc 1.98 has left experimental")));
        assert_eq!(gone("core rust1.98").0, "unknown-core-rust1.98");
        assert_ne!(gone("a-1"), gone("a-2"));
        let known = ("1".to_owned(), "2".to_owned());
        assert_eq!(or_unknown("a-1", Ok(known.clone())), known);
    }
}

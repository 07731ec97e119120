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
use crate::rust::toolchain::Toolchain;
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
    /// The suites do not have what a cell names, or their lists are not there.
    pub fn new(session: &Session, cells: &[&Cell], firmware: &str) -> Result<Self> {
        let common = Common::new(session, &results::sources(session)?, firmware)?;
        let core_sources = results::sources_of(session, &CORE_SOURCES)?;
        let mut plan = Plan {
            firmware: firmware.to_owned(),
            cores: Vec::new(),
            cells: Vec::new(),
        };
        for cell in cells {
            let core = cell.core_name();
            let made = match plan.cores.iter().find(|job| job.core == core) {
                Some(job) => job.made.clone(),
                None => {
                    let job = core_job(session, cell, &core_sources)?;
                    let made = job.made.clone();
                    plan.cores.push(job);
                    made
                }
            };
            let packages = common.packages(session, cell)?;
            let packages = Key::of("packages-1").with_all("package", packages).build();
            plan.cells.push(CellJob {
                cell: cell.name.clone(),
                core,
                packages: format!("novabridge-packages-{}", packages.as_str()),
                made,
                result: format!("novabridge-result-{}-{}", cell.name, common.inputs(session, cell)?),
            });
        }
        Ok(plan)
    }
}

fn core_job(session: &Session, cell: &Cell, sources: &str) -> Result<CoreJob> {
    let core = cell.core_name();
    let (packages, machine) = match &cell.rustc {
        Some(wanted) => (Toolchain::packages(session, wanted)?, String::new()),
        // Another machine's rustc gives the cache another name, and a machine without one cannot make a pipeline's core either.
        None => (Vec::new(), Toolchain::find()?.verbose),
    };
    let key = || {
        Key::of("core-job-1")
            .with_all("package", packages.iter().map(|package| &package.sha256))
            .with("rustc", &machine)
    };
    let made = key().with("core", &core).with("sources", sources).build();
    Ok(CoreJob {
        packages: format!("novabridge-packages-{}", key().build().as_str()),
        made: format!("novabridge-core-{core}-{}", made.as_str()),
        cell: cell.name.clone(),
        core,
    })
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether what was built has the C interface that its source and the newest baseline state.

use crate::error::{Error, Result};
use novabridge_abi::check::{self, Inputs};
use novabridge_abi::read::kmodule::read_symvers;
use novabridge_abi::report;
use std::path::Path;

/// Holds what a build of `source` exports, and the versions its kernel gives the symbols, against the source and its newest
/// baseline. Returns what was compared.
///
/// # Errors
/// They disagree, or something could not be read.
pub fn hold_build(source: &Path, module: &Path) -> Result<String> {
    let unreadable = |error: novabridge_abi::Error| Error::cell(error.to_string());
    let symvers = module.with_file_name("Module.symvers");
    let versions = read_symvers(&symvers).map_err(unreadable)?;
    let inputs = Inputs {
        modules: vec![module.to_owned()],
        symvers: vec![symvers],
        ..Inputs::new(source)
    };
    let report = check::check(&inputs, None).map_err(unreadable)?;
    if report.check_exit() != 0 {
        let words = report::words(&report);
        return Err(
            Error::cell("what the module exports is not the C interface as its source or its baseline has it")
                .tail(words.lines().map(str::to_owned).collect())
                .fix("novabridge abi check says the same of the source alone, novabridge abi explain what a finding means"),
        );
    }
    Ok(match versions.iter().filter(|symbol| symbol.crc != 0).count() {
        0 => format!("{} exports; this kernel versions no symbols", versions.len()),
        versioned => format!(
            "{} exports, {versioned} symbol versions as in the baseline",
            versions.len()
        ),
    })
}

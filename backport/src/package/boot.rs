// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Modules out of a package, loaded and exercised in a boot of the kernel they are for: the exercise is that of the cells.

use crate::build::kbuild::Modules;
use crate::cell;
use crate::error::{PathContext, Result};
use crate::matrix::Matrix;
use crate::package::Maker;
use crate::vm::firmware::RELEASES;
use std::fs;
use std::path::Path;

/// Boots the kernel of `cell` with the modules in `dir`.
///
/// # Errors
/// A module is not loaded, or a step of the exercise fails.
pub fn exercise(maker: &Maker<'_>, cell: &str, dir: &Path) -> Result<()> {
    let matrix = Matrix::built_in()?;
    let modules = Modules::built_elsewhere(dir)?;
    let logs = dir.join("boot");
    fs::create_dir_all(&logs).on("create", &logs)?;
    cell::run_built(
        maker.session,
        maker.steps,
        matrix.cell(cell)?,
        &modules,
        RELEASES[0],
        &logs,
    )
}

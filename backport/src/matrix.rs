// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The manifest of cells, `backport/matrix.toml`.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

const MANIFEST: &str = include_str!("../matrix.toml");

/// All cells.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// In the manifest's order.
    #[serde(rename = "cell")]
    pub cells: Vec<Cell>,
}

/// One kernel with one form of the core and one C compiler.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// What it is called on the command line.
    pub name: String,
    /// How the core gets into the module.
    pub core: Core,
    /// What it is built for and booted in.
    pub kernel: Kernel,
}

/// A kernel as Debian packages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The suite it is taken from.
    pub suite: Suite,
    /// Package that brings the image.
    pub image: String,
    /// Package that brings the headers.
    pub headers: String,
    /// C compiler the headers ask for.
    pub compiler: String,
}

/// A suite kernels are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// Debian 12.
    Bookworm,
}

/// How the core gets into the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Core {
    /// Compiled by rustc for this cell.
    Rust,
    /// Assembled from the lowered form.
    Assembly,
}

impl Matrix {
    /// The manifest this tool was built with.
    ///
    /// # Errors
    /// It is malformed, which a test of this crate rules out.
    pub fn built_in() -> Result<Self> {
        toml::from_str(MANIFEST)
            .map_err(|error| Error::usage("the manifest of cells is malformed").found(error.to_string()))
    }

    /// The cell called `name`.
    ///
    /// # Errors
    /// There is none; the error names those there are.
    pub fn cell(&self, name: &str) -> Result<&Cell> {
        self.cells.iter().find(|cell| cell.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.cells.iter().map(|cell| cell.name.as_str()).collect();
            Error::usage(format!("no cell is called {name}")).expected(format!("one of: {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_manifest_is_well_formed_and_names_are_unique() {
        let matrix = Matrix::built_in().unwrap();
        let names: BTreeSet<&str> = matrix.cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names.len(), matrix.cells.len());
        assert!(names.contains("bookworm-6.1"));
    }

    #[test]
    fn an_unknown_cell_is_refused_with_the_known_ones() {
        let error = Matrix::built_in().unwrap().cell("bookworm-9.9").unwrap_err();
        assert_eq!(error.class, crate::error::Class::Usage);
        assert!(error.expected.as_deref().unwrap().contains("bookworm-6.1"));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        assert!(toml::from_str::<Matrix>("[[cell]]\nname = \"a\"\nkore = \"rust\"\n").is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The manifest of cells, `backport/matrix.toml`.

use crate::apt::{View, BOOKWORM, BULLSEYE, SID, TRIXIE};
use crate::error::{Error, PathContext, Result};
use novabridge_protocol::Step;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

const MANIFEST: &str = include_str!("../matrix.toml");

/// All cells.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// In the manifest's order.
    pub cells: Vec<Cell>,
    /// What is known not to work, and is therefore no cell.
    pub cannot: Vec<Cannot>,
    /// Names of those that every run of the tests tries.
    ci: Vec<String>,
}

/// What is known not to work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cannot {
    /// What, in words.
    pub what: String,
    /// What stands against it.
    pub why: String,
}

/// The manifest as it is written: axes, and which of their combinations are cells.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    kernel: Vec<Kernel>,
    #[serde(default)]
    rustc: Vec<Packaged>,
    #[serde(default)]
    clang: Vec<Packaged>,
    cells: Vec<Block>,
    #[serde(default)]
    cannot: Vec<Cannot>,
    #[serde(default)]
    ci: Subset,
}

/// Cells by their names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subset {
    cells: Vec<String>,
}

/// Some kernels, each with some forms of the core.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    kernels: Vec<String>,
    core: Core,
    /// Empty: the rustc of the machine.
    #[serde(default)]
    rustc: Vec<String>,
    /// None: the compiler the kernel was built with.
    clang: Option<String>,
}

/// One kernel, with one C compiler, with one form of the core.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Cell {
    /// What it is called on the command line.
    pub name: String,
    /// How the core gets into the module.
    pub core: Core,
    /// What compiles the core; `None`: the rustc of the machine.
    pub rustc: Option<Packaged>,
    /// What compiles the driver; `None`: the compiler the kernel was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clang: Option<Packaged>,
    /// What it is built for and booted in.
    pub kernel: Kernel,
}

/// A kernel as Debian packages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// What cells call it.
    pub name: String,
    /// The suite it is taken from.
    pub suite: Suite,
    /// Package that brings the image.
    pub image: String,
    /// Package that brings the headers, and with them the compiler.
    pub headers: String,
    /// Steps that cannot be tried, as this kernel does not offer what they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub lacks: Vec<Step>,
}

/// A compiler as Debian packages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Packaged {
    /// What cells call it.
    pub name: String,
    /// The suite it is taken from.
    pub suite: Suite,
    /// Package that brings it.
    pub package: String,
}

/// A suite things are taken from, always the newest it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// Debian 11.
    Bullseye,
    /// Debian 11 as released, where an update replaced what is wanted.
    BullseyeRelease,
    /// Debian 12.
    Bookworm,
    /// What newer releases have, built for Debian 12.
    BookwormBackports,
    /// Debian 13.
    Trixie,
    /// What newer releases have, built for Debian 13.
    TrixieBackports,
    /// Debian's development.
    Sid,
    /// What is tried before it gets there.
    Experimental,
}

impl Suite {
    /// The package lists to look in.
    pub fn view(self) -> View {
        match self {
            Suite::Bullseye | Suite::BullseyeRelease => BULLSEYE,
            Suite::Bookworm | Suite::BookwormBackports => BOOKWORM,
            Suite::Trixie | Suite::TrixieBackports => TRIXIE,
            Suite::Sid | Suite::Experimental => SID,
        }
    }

    /// The suite within those lists that is to be preferred, where that is not apt's own choice.
    pub fn target(self) -> Option<&'static str> {
        match self {
            Suite::BullseyeRelease => Some("bullseye"),
            Suite::BookwormBackports => Some("bookworm-backports"),
            Suite::TrixieBackports => Some("trixie-backports"),
            Suite::Experimental => Some("experimental"),
            Suite::Bullseye | Suite::Bookworm | Suite::Trixie | Suite::Sid => None,
        }
    }
}

/// How the core gets into the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Core {
    /// Compiled by rustc for this cell.
    Rust,
    /// Assembled from the lowered form, which is the same for all kernels.
    Assembly,
}

impl Matrix {
    /// The manifest this tool was built with.
    ///
    /// # Errors
    /// It is malformed, which a test of this crate rules out.
    pub fn built_in() -> Result<Self> {
        Self::parse(MANIFEST)
    }

    /// The manifest in a file of the user's, or the one this tool was built with.
    ///
    /// # Errors
    /// The file cannot be read or is malformed.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Self::built_in() };
        let text = fs::read_to_string(path).on("read", path)?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    /// The manifest in a text.
    ///
    /// # Errors
    /// It is malformed.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let mut cells: Vec<Cell> = Vec::new();
        for block in &manifest.cells {
            let rustcs: Vec<Option<&Packaged>> = if block.rustc.is_empty() {
                vec![None]
            } else {
                let named = |name: &String| find("rustc", &manifest.rustc, name).map(Some);
                block.rustc.iter().map(named).collect::<Result<_>>()?
            };
            let clang = block.clang.iter().map(|name| find("clang", &manifest.clang, name));
            let clang = clang.collect::<Result<Vec<_>>>()?.pop();
            for kernel in &block.kernels {
                let kernel = manifest
                    .kernel
                    .iter()
                    .find(|known| known.name == *kernel)
                    .ok_or_else(|| malformed(format!("no kernel is called {kernel}")))?;
                for rustc in &rustcs {
                    let cell = Cell::new(kernel, block.core, *rustc, clang);
                    if cells.iter().any(|known| known.name == cell.name) {
                        return Err(malformed(format!("{} is there twice", cell.name)));
                    }
                    cells.push(cell);
                }
            }
        }
        let ci = manifest.ci.cells;
        match ci.iter().find(|name| !cells.iter().any(|cell| cell.name == **name)) {
            Some(name) => Err(malformed(format!("no cell is called {name}"))),
            None => Ok(Matrix {
                cells,
                cannot: manifest.cannot,
                ci,
            }),
        }
    }

    /// The cells whose name matches one of `only` (all, if there is none) and none of `skip`; with `ci` of those that every run
    /// of the tests tries.
    ///
    /// # Errors
    /// A pattern matches no cell: it is misspelt, and a run without the cell it meant would look like a success. So would one of
    /// no cells at all.
    pub fn select(&self, only: &[String], skip: &[String], ci: bool) -> Result<Vec<&Cell>> {
        let mut cells: Vec<&Cell> = self.cells.iter().collect();
        cells.retain(|cell| !ci || self.ci.contains(&cell.name));
        if cells.is_empty() {
            return Err(Error::usage("the manifest has no cells for every run of the tests")
                .expected("[ci] with cells = [...]")
                .fix("leave out --ci, or name cells by --only"));
        }
        for pattern in only.iter().chain(skip) {
            if !cells.iter().any(|cell| matches(pattern, &cell.name)) {
                return Err(Error::usage(format!("no cell matches {pattern}"))
                    .expected("a name, or one with * for any characters; novabridge matrix --list shows the names"));
            }
        }
        let any = |patterns: &[String], cell: &Cell| patterns.iter().any(|pattern| matches(pattern, &cell.name));
        cells.retain(|cell| (only.is_empty() || any(only, cell)) && !any(skip, cell));
        if cells.is_empty() {
            return Err(Error::usage("no cell is left").found("--skip takes away all that --only chooses"));
        }
        Ok(cells)
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

fn malformed(found: String) -> Error {
    Error::usage("the manifest of cells is malformed").found(found)
}

/// One of an axis by its name.
fn find<'a>(axis: &str, among: &'a [Packaged], name: &str) -> Result<&'a Packaged> {
    let found = among.iter().find(|one| one.name == name);
    found.ok_or_else(|| malformed(format!("no {axis} is called {name}")))
}

impl Cell {
    fn new(kernel: &Kernel, core: Core, rustc: Option<&Packaged>, clang: Option<&Packaged>) -> Self {
        let mut cell = Cell {
            name: kernel.name.clone(),
            core,
            rustc: rustc.cloned(),
            clang: clang.cloned(),
            kernel: kernel.clone(),
        };
        if core != Core::Rust || rustc.is_some() {
            cell.name = format!("{}-{}", kernel.name, cell.core_name());
        }
        if let Some(clang) = clang {
            cell.name.push_str(&format!("-clang{}", clang.name));
        }
        cell
    }

    /// The form of the core, as names of cells end in: the same for all cells that can share one object.
    pub fn core_name(&self) -> String {
        let form = match self.core {
            Core::Rust => "rust",
            Core::Assembly => "asm",
        };
        let rustc = self.rustc.as_ref().map_or("", |rustc| rustc.name.as_str());
        format!("{form}{rustc}")
    }
}

/// Whether `name` is like `pattern`, in which a `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = "";
    let mut free = false;
    for part in parts {
        free = true;
        last = part;
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.is_empty() || (free && name.ends_with(last))
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

    const SMALL: &str = r#"
        [[kernel]]
        name = "k-1"
        suite = "sid"
        image = "linux-image-amd64"
        headers = "linux-headers-amd64"
        [[rustc]]
        name = "1.63"
        suite = "bookworm"
        package = "rustc"
        [[cells]]
        kernels = ["k-1"]
        core = "rust"
        [[clang]]
        name = "19"
        suite = "trixie"
        package = "clang-19"
        [[cells]]
        kernels = ["k-1"]
        core = "assembly"
        rustc = ["1.63"]
        [[cells]]
        kernels = ["k-1"]
        core = "rust"
        clang = "19"
        [ci]
        cells = ["k-1-asm1.63"]
    "#;

    #[test]
    fn cells_are_named_after_what_they_combine() {
        let matrix = Matrix::parse(SMALL).unwrap();
        let names: Vec<&str> = matrix.cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names, ["k-1", "k-1-asm1.63", "k-1-clang19"]);
    }

    #[test]
    fn the_tests_try_a_subset() {
        let matrix = Matrix::parse(SMALL).unwrap();
        let chosen = matrix.select(&[], &[], true).unwrap();
        let names: Vec<&str> = chosen.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names, ["k-1-asm1.63"]);
        // A cell outside of it is not silently left out.
        assert!(matrix.select(&["k-1".to_owned()], &[], true).is_err());
    }

    #[test]
    fn what_does_not_exist_or_is_there_twice_is_refused() {
        for (from, to, found) in [
            ("core =", "kore =", "kore"),
            ("kernels = [\"k-1\"]", "kernels = [\"k-2\"]", "k-2"),
            ("rustc = [\"1.63\"]", "rustc = [\"1.64\"]", "1.64"),
            ("clang = \"19\"", "clang = \"20\"", "20"),
            ("kernels = [\"k-1\"]", "kernels = [\"k-1\", \"k-1\"]", "twice"),
            ("cells = [\"k-1-asm1.63\"]", "cells = [\"k-1-asm\"]", "k-1-asm"),
        ] {
            let error = Matrix::parse(&SMALL.replacen(from, to, 1)).unwrap_err();
            assert!(error.found.as_deref().unwrap().contains(found), "{error}");
        }
    }

    #[test]
    fn patterns_choose_cells() {
        for (pattern, name, expected) in [
            ("a-1", "a-1", true),
            ("a-1", "a-1-asm", false),
            ("a-1*", "a-1-asm", true),
            ("*asm*", "a-1-asm1.63", true),
            ("*-asm", "a-asm-asm", true),
            ("*-asm", "a-asm1", false),
            ("a*b", "ab", true),
            ("a*b", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        let matrix = Matrix::parse(SMALL).unwrap();
        let chosen = |only: &[&str], skip: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            matrix
                .select(&owned(only), &owned(skip), false)
                .map(|cells| cells.len())
        };
        assert_eq!(chosen(&[], &[]).unwrap(), 3);
        assert_eq!(chosen(&["k*"], &["*asm*"]).unwrap(), 2);
        assert!(chosen(&["x*"], &[]).is_err());
        assert!(chosen(&["k-1"], &["k*"]).is_err(), "nothing tried is no success");
        let without = Matrix::parse(SMALL.split("[ci]").next().unwrap()).unwrap();
        assert!(without.select(&[], &[], true).is_err());
    }
}

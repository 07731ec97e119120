// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The manifest of packages and the templates beside it.

use crate::error::{Error, PathContext, Result};
use minijinja::value::merge_maps;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The version of all packages: that of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the manifest and the templates are, from the top of the source tree.
const PLACE: &str = "backport/packages";

/// What all packages are made from.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name, and the start of all packages' names.
    pub name: String,
    /// A line.
    pub summary: String,
    /// A paragraph.
    pub description: String,
    /// Who looks after the packages.
    pub maintainer: String,
    /// Where they are written to.
    pub email: String,
    /// Of the modules, as an SPDX expression.
    pub licence: String,
    /// What is in the packages, from the top of the source tree.
    pub files: Vec<PathBuf>,
    /// Where among these the modules are built.
    pub driver: PathBuf,
    /// The modules, without `.ko`, in the order they are loaded.
    pub modules: Vec<String>,
    /// The series for kernel trees.
    pub intree: InTree,
}

/// What the series for kernel trees is made of.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InTree {
    /// The driver's directory in a kernel tree.
    pub place: PathBuf,
    /// Where files go below that place.
    paths: Vec<Move>,
    /// What is not taken.
    without: Vec<PathBuf>,
    /// The patches, in order.
    pub patch: Vec<Patch>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Move {
    from: PathBuf,
    to: PathBuf,
}

/// One patch.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Its first line.
    pub subject: String,
    /// What it says below that.
    pub text: String,
    /// Beginnings of the paths it adds.
    files: Vec<PathBuf>,
    /// Whether it also changes the kernel's own files.
    #[serde(default)]
    pub hooks: bool,
}

impl InTree {
    /// Where a file of the source tree goes, below the driver's place.
    pub fn place_of(&self, file: &Path) -> Option<PathBuf> {
        if self.without.iter().any(|other| other == file) {
            return None;
        }
        self.paths
            .iter()
            .find_map(|way| Some(way.to.join(file.strip_prefix(&way.from).ok()?)))
    }
}

impl Patch {
    /// Whether it adds this file.
    pub fn has(&self, file: &Path) -> bool {
        self.files.iter().any(|start| file.starts_with(start))
    }
}

impl Manifest {
    /// Reads the manifest of the source tree at `source`.
    ///
    /// # Errors
    /// It is not there or malformed.
    pub fn read(source: &Path) -> Result<Self> {
        let path = source.join(PLACE).join("package.toml");
        let text = fs::read_to_string(&path).on("read", &path)?;
        toml::from_str(&text)
            .map_err(|error| Error::usage(format!("{} is malformed", path.display())).found(error.to_string()))
    }

    /// `novabridge-0.1.0`: what a package's directory is called everywhere.
    pub fn directory(&self) -> String {
        format!("{}-{VERSION}", self.name)
    }

    /// The template `name`, filled in with the manifest, the version and `more`.
    ///
    /// # Errors
    /// It is not there, or uses something that is not.
    pub fn render(&self, source: &Path, name: &str, more: Value) -> Result<String> {
        let path = source.join(PLACE).join(name);
        let text = fs::read_to_string(&path).on("read", &path)?;
        let version = minijinja::context! { version => VERSION };
        let values = merge_maps([version, more, Value::from_serialize(self)]);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_keep_trailing_newline(true);
        environment
            .render_str(&text, values)
            .map_err(|error| Error::cell(format!("{} cannot be filled in", path.display())).found(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_manifest_is_well_formed_and_names_what_is_there() {
        let manifest = Manifest::read(&top()).unwrap();
        for file in manifest.files.iter().chain([&manifest.driver]) {
            assert!(top().join(file).exists(), "{}", file.display());
        }
        assert_eq!(manifest.modules.len(), crate::build::kbuild::MODULES.len());
    }

    #[test]
    fn files_have_their_place_in_a_kernel_tree() {
        let intree = Manifest::read(&top()).unwrap().intree;
        let place = |path: &str| intree.place_of(Path::new(path));
        assert_eq!(place("c-vfio-driver/pf/main.c"), Some("pf/main.c".into()));
        assert_eq!(place("backport/kernel/head.S"), Some("kernel/head.S".into()));
        assert_eq!(place("c-vfio-driver/Makefile"), None);
        assert_eq!(place("backport/probes/Makefile"), None);
        let hooks = intree.patch.iter().filter(|patch| patch.hooks).count();
        assert_eq!(hooks, 1);
        assert!(intree.patch.iter().any(|patch| patch.has(Path::new("pf/main.c"))));
    }

    #[test]
    fn a_template_that_uses_what_is_not_there_is_refused() {
        let manifest = Manifest::read(&top()).unwrap();
        let error = manifest.render(&top(), "dkms/dkms.conf", Value::UNDEFINED).unwrap_err();
        assert!(error.what.contains("dkms.conf"), "{error}");
    }
}

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
    /// SPDX names.
    pub licences: Vec<String>,
    /// What is in the packages, from the top of the source tree.
    pub files: Vec<PathBuf>,
    /// Where among these the modules are built.
    pub driver: PathBuf,
    /// The modules, without `.ko`, in the order they are loaded.
    pub modules: Vec<String>,
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
    fn a_template_that_uses_what_is_not_there_is_refused() {
        let manifest = Manifest::read(&top()).unwrap();
        let error = manifest.render(&top(), "dkms/dkms.conf", Value::UNDEFINED).unwrap_err();
        assert!(error.what.contains("dkms.conf"), "{error}");
    }
}

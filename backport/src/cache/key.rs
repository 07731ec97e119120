// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Names of entries: hashes over everything they are made from.

use crate::error::{PathContext, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of an entry: a hash over named inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Starts a key for entries of one recipe; raise `recipe` when the way an entry is made changes.
    pub fn of(recipe: &str) -> KeyBuilder {
        KeyBuilder { hash: Sha256::new() }.with("recipe", recipe)
    }

    /// The key as a file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Collects the inputs of a [`Key`]. Each is hashed with its name and length, so no two lists of inputs run together.
pub struct KeyBuilder {
    hash: Sha256,
}

impl KeyBuilder {
    /// Adds one named value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [name.as_bytes(), value.as_ref()] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        self
    }

    /// Adds a list of values.
    #[must_use]
    pub fn with_all<S: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        values
            .into_iter()
            .fold(self, |key, value| key.with(name, value.as_ref()))
    }

    /// Adds the content of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn with_file(self, name: &str, path: &Path) -> Result<Self> {
        Ok(self.with(name, fs::read(path).on("read", path)?))
    }

    /// Adds names and contents of all files below `dir` for which `wanted` holds (given the path below `dir`).
    ///
    /// # Errors
    /// A directory or file cannot be read.
    pub fn with_tree(self, name: &str, dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Self> {
        files_below(dir)?
            .into_iter()
            .filter(|path| wanted(path))
            .try_fold(self, |key, path| {
                let label = format!("{name}/{}", path.display());
                key.with_file(&label, &dir.join(&path))
            })
    }

    /// The finished key; 80 bits are plenty for a cache of one user and keep paths short.
    pub fn build(self) -> Key {
        let digest = self.hash.finalize();
        Key(digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// All regular files below `dir`, as sorted paths relative to it. Symbolic links are not followed.
///
/// # Errors
/// A directory cannot be read.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(sub) = todo.pop() {
        let here = dir.join(&sub);
        for item in fs::read_dir(&here).on("read", &here)? {
            let item = item.on("read", &here)?;
            let path = sub.join(item.file_name());
            match item.file_type().on("read", &here)? {
                kind if kind.is_dir() => todo.push(path),
                kind if kind.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn inputs_do_not_run_together() {
        let a = Key::of("r").with("x", "ab").with("y", "c").build();
        let b = Key::of("r").with("x", "a").with("y", "bc").build();
        assert_ne!(a, b);
        assert_eq!(a, Key::of("r").with("x", "ab").with("y", "c").build());
        assert_eq!(a.as_str().len(), 20);
    }

    #[test]
    fn a_tree_is_known_by_names_and_contents() {
        let dir = Scratch::new("tree");
        fs::create_dir(dir.0.join("sub")).unwrap();
        fs::write(dir.0.join("sub/a"), "1").unwrap();
        let key = || Key::of("t").with_tree("src", &dir.0, |_| true).unwrap().build();
        let first = key();
        fs::rename(dir.0.join("sub/a"), dir.0.join("sub/b")).unwrap();
        assert_ne!(first, key());
        fs::rename(dir.0.join("sub/b"), dir.0.join("sub/a")).unwrap();
        assert_eq!(first, key());
        fs::write(dir.0.join("sub/a"), "2").unwrap();
        assert_ne!(first, key());
    }
}

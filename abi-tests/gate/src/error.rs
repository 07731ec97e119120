// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What can go wrong before there is anything to compare.

use std::path::{Path, PathBuf};

/// Result of everything that reads.
pub type Result<T> = std::result::Result<T, Error>;

/// A source could not be read. A difference between sources is not an error; see [`crate::diff`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Text that this crate wrote, or somebody edited, does not parse.
    #[error("{place}: expected {expected}, found `{found}`")]
    Syntax {
        /// File and line.
        place: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A Rust file does not parse or uses something the reader does not know.
    #[error("{place}: {message}")]
    Rust {
        /// File and line.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// A compiler could not be run or refused its input.
    #[error("{command} failed; fix the header or name another compiler with --cc:\n{stderr}")]
    Compiler {
        /// The command line.
        command: String,
        /// What it printed.
        stderr: String,
    },
    /// An object file is damaged or lacks what is needed.
    #[error("{path}: {message}")]
    Object {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A contract or suppression file says something it may not say.
    #[error("{path}: {message}")]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Error {
    /// For `map_err` on file operations.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// For `map_err` on object and DWARF readers.
    pub fn object<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error + '_ {
        move |e| Error::Object {
            path: path.to_owned(),
            message: e.to_string(),
        }
    }
}

/// Reads a text file.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(Error::io(path))
}

/// Writes a text file, and the directory it stands in.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    }
    std::fs::write(path, text).map_err(Error::io(path))
}

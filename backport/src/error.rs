// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The one error of the tool: what failed, what was expected and found, and what to do about it.
//!
//! Texts are lower-case fragments without a full stop, so that they can be joined. [`Class`] decides the exit code.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

/// Shorthand used throughout the tool.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose move it is after a failure; fixes the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The thing under test failed: a build, a check, a boot or a step in the guest.
    Cell,
    /// The command line asked for something that does not exist.
    Usage,
    /// This machine cannot do what was asked until something is installed or reachable.
    Setup,
    /// The user or the system stopped the run.
    Interrupted,
}

impl Class {
    /// The process exit code of this class; documented in `novabridge --help`.
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Cell => 1,
            Class::Usage => 2,
            Class::Setup => 3,
            Class::Interrupted => 130,
        }
    }
}

/// A failure; boxed, as it travels through every result.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(Box<Report>);

/// Everything the reader of a failure needs to act on it.
#[derive(Debug)]
pub struct Report {
    /// Decides the exit code.
    pub class: Class,
    /// The step it failed in, once that is known.
    pub step: Option<String>,
    /// What failed.
    pub what: String,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there instead.
    pub found: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The last lines of the output that explains it.
    pub tail: Vec<String>,
    /// The whole output, when it was kept.
    pub log: Option<PathBuf>,
}

impl Error {
    /// A failure of class `class`, to be completed by the methods below.
    pub fn new(class: Class, what: impl Into<String>) -> Self {
        Error(Box::new(Report {
            class,
            step: None,
            what: what.into(),
            expected: None,
            found: None,
            fix: None,
            tail: Vec::new(),
            log: None,
        }))
    }

    /// A failure of the thing under test.
    pub fn cell(what: impl Into<String>) -> Self {
        Self::new(Class::Cell, what)
    }

    /// Something this machine lacks.
    pub fn setup(what: impl Into<String>) -> Self {
        Self::new(Class::Setup, what)
    }

    /// A request that names something unknown.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Class::Usage, what)
    }

    /// The run was stopped from outside.
    pub fn interrupted() -> Self {
        Self::new(Class::Interrupted, "interrupted")
    }

    /// An operating-system error on a path.
    pub fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::setup(format!("cannot {action} {}: {error}", path.display()))
    }

    /// Says in which step it happened, unless a step inside that one has already said so.
    #[must_use]
    pub fn in_step(mut self, name: &str) -> Self {
        self.step.get_or_insert_with(|| name.to_owned());
        self
    }

    /// Says in which file of the user's it is.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.what = format!("{}: {}", path.display(), self.what);
        self
    }

    /// A failure of the thing under test becomes one of the set-up: it happened while getting the thing.
    #[must_use]
    pub fn during_setup(mut self) -> Self {
        if self.class == Class::Cell {
            self.class = Class::Setup;
        }
        self
    }

    /// Adds what should have been there.
    #[must_use]
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = Some(text.into());
        self
    }

    /// Adds what was there instead.
    #[must_use]
    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.found = Some(text.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix = Some(text.into());
        self
    }

    /// Adds the last lines of an output.
    #[must_use]
    pub fn tail(mut self, lines: Vec<String>) -> Self {
        self.tail = lines;
        self
    }

    /// Says where the whole output is.
    #[must_use]
    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some(path.to_path_buf());
        self
    }
}

impl Deref for Error {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for (label, text) in [
            ("expected", &self.expected),
            ("found", &self.found),
            ("to mend it", &self.fix),
        ] {
            if let Some(text) = text {
                write!(f, "\n  {label}: {text}")?;
            }
        }
        for line in &self.tail {
            write!(f, "\n  | {line}")?;
        }
        if let Some(log) = &self.log {
            write!(f, "\n  whole output: {}", log.display())?;
        }
        Ok(())
    }
}

/// Puts the action and the path in front of an I/O error.
pub trait PathContext<T> {
    /// `action` reads after "cannot": "create", "read".
    fn on(self, action: &str, path: &Path) -> Result<T>;
}

impl<T> PathContext<T> for io::Result<T> {
    fn on(self, action: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::io(action, path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_printed_in_reading_order() {
        let error = Error::setup("no C compiler")
            .expected("gcc-12")
            .found("nothing")
            .fix("apt-get install gcc-12");
        assert_eq!(
            error.to_string(),
            "no C compiler\n  expected: gcc-12\n  found: nothing\n  to mend it: apt-get install gcc-12"
        );
    }

    #[test]
    fn classes_have_the_documented_exit_codes() {
        let codes = [Class::Cell, Class::Usage, Class::Setup, Class::Interrupted].map(Class::exit_code);
        assert_eq!(codes, [1, 2, 3, 130]);
    }
}

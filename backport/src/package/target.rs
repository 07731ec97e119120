// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The suites of Debian that packages are proven in: their kernels, and their rustc.

use crate::error::Result;
use crate::matrix::Suite;
use crate::session::Session;
use clap::ValueEnum;
use serde::Serialize;

/// What brings the headers of the newest kernel of any suite.
pub const HEADERS: &str = "linux-headers-amd64";

/// A suite whose kernel packages are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Debian 11, Linux 5.10.
    Bullseye,
    /// Debian 12, Linux 6.1.
    Bookworm,
    /// Debian 13, Linux 6.12.
    Trixie,
    /// Debian 13 with its newest kernel.
    TrixieBackports,
}

impl Target {
    /// Its package lists.
    pub fn suite(self) -> Suite {
        match self {
            Target::Bullseye => Suite::Bullseye,
            Target::Bookworm => Suite::Bookworm,
            Target::Trixie => Suite::Trixie,
            Target::TrixieBackports => Suite::TrixieBackports,
        }
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Target::Bullseye => "bullseye",
            Target::Bookworm => "bookworm",
            Target::Trixie => "trixie",
            Target::TrixieBackports => "trixie-backports",
        }
    }

    /// The cell that boots its kernel.
    pub fn cell(self) -> &'static str {
        match self {
            Target::Bullseye => "bullseye-5.10",
            Target::Bookworm => "bookworm-6.1",
            Target::Trixie => "trixie-6.12",
            Target::TrixieBackports => "trixie-backports-7.3",
        }
    }

    /// The packages of its rustc that is new enough, with its library sources, as apt is to be asked for them.
    ///
    /// # Errors
    /// The suite does not have them.
    pub fn rust(self, session: &Session) -> Result<Vec<String>> {
        match self {
            // Its rustc proper is 1.48. Of rustc-web it has what it was released with; security's lists name newer ones whose files
            // the archive does not keep. All of them by version, as apt would take the newest of what only depends.
            Target::Bullseye => {
                let names = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"].map(|name| format!("{name}/bullseye"));
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let found = session.root(self.suite().view())?.exactly(&names)?;
                let pinned = |package: crate::apt::Package| format!("{}={}", package.name, package.version);
                Ok(found.into_iter().map(pinned).collect())
            }
            Target::Bookworm | Target::Trixie | Target::TrixieBackports => {
                Ok(vec!["rustc".to_owned(), "rust-src".to_owned()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn a_suites_cell_boots_its_newest_kernel() {
        let matrix = Matrix::built_in().unwrap();
        for target in Target::value_variants() {
            let cell = matrix.cell(target.cell()).unwrap();
            assert_eq!(cell.kernel.suite, target.suite());
            // The system has the headers of the same one.
            assert_eq!(cell.kernel.headers, HEADERS);
        }
    }
}

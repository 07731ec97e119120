// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Where this machine gets Debian from, read from its own apt configuration.

use crate::error::{Error, Result};
use crate::proc::Cmd;

/// The archives and the transport settings of this machine's apt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrors {
    main: String,
    security: Option<String>,
    /// Proxy and similar settings, as lines of an apt.conf.
    pub settings: Vec<String>,
}

impl Mirrors {
    /// Asks apt.
    ///
    /// # Errors
    /// apt is not there, or its sources name no Debian archive.
    pub fn of_this_machine() -> Result<Self> {
        // `--print-uris` says what an update would fetch, without fetching: the same for all forms of sources files.
        let planned = Cmd::new("apt-get")
            .args(["update", "--print-uris"])
            .query()
            .unwrap_or_default();
        let settings = Cmd::new("apt-config")
            .args(["dump", "Acquire"])
            .query()
            .unwrap_or_default();
        Self::parse(&planned, &settings).ok_or_else(|| {
            Error::setup("this machine's apt names no Debian archive")
                .expected("a source with one of Debian's suites in /etc/apt/sources.list or /etc/apt/sources.list.d")
                .fix("run on Debian, or in a Debian container")
        })
    }

    fn parse(planned: &str, settings: &str) -> Option<Self> {
        let mut main = None;
        let mut security = None;
        for line in planned.lines() {
            let Some((uri, _)) = line.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) else {
                continue;
            };
            let Some((base, suite)) = uri.strip_suffix("/InRelease").and_then(|uri| uri.split_once("/dists/")) else {
                continue;
            };
            let name = suite.split(['-', '/']).next().unwrap_or_default();
            if !KNOWN.contains(&name) {
                continue;
            }
            if suite.contains("security") || suite.ends_with("/updates") {
                security.get_or_insert_with(|| base.to_owned());
            } else {
                main.get_or_insert_with(|| base.to_owned());
            }
        }
        let settings = settings
            .lines()
            .filter(|line| is_transport(line))
            .map(str::to_owned)
            .collect();
        Some(Mirrors {
            main: main?,
            security,
            settings,
        })
    }

    /// The base of the archive everything but security updates comes from.
    pub fn archive(&self) -> &str {
        &self.main
    }

    /// What a private root's lists depend on.
    pub fn identity(&self) -> String {
        format!("{} {:?}", self.main, self.security)
    }

    /// The sources.list line of "suite component" or "source suite component".
    ///
    /// # Errors
    /// A security suite is wanted and this machine's apt has none to take the address from.
    pub fn source_line(&self, wanted: &str, keyring: &str) -> Result<String> {
        let (kind, wanted) = match wanted.strip_prefix("source ") {
            Some(rest) => ("deb-src", rest),
            None => ("deb", wanted),
        };
        let uri = if wanted.contains("-security") {
            self.security.as_ref().ok_or_else(|| {
                Error::setup("this machine's apt names no security archive")
                    .expected("a source with the suite bookworm-security")
                    .fix("add it to /etc/apt/sources.list.d (a default installation has it)")
            })?
        } else {
            &self.main
        };
        Ok(format!("{kind} [signed-by={keyring}] {uri} {wanted}"))
    }
}

/// Suites by which a Debian archive is recognised; other vendors' archives have none of them.
const KNOWN: [&str; 8] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "stable",
    "oldstable",
    "unstable",
];

/// Whether a line of `apt-config dump` says how to reach a server (proxy, retries, certificates).
fn is_transport(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    [
        "acquire::http",
        "acquire::https",
        "acquire::ftp",
        "acquire::retries",
        "acquire::forceipv",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANNED: &str = "'http://other.example/apt/dists/nodistro/InRelease' x 0 \n\
        'http://mirror.example/debian/dists/bookworm/InRelease' x_InRelease 0 \n\
        'http://mirror.example/debian/dists/bookworm-updates/InRelease' y 0 \n\
        'http://sec.example/debian-security/dists/bookworm-security/InRelease' z 0 \n\
        'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' p 0 \n";
    const SETTINGS: &str =
        "Acquire \"\";\nAcquire::http::Proxy \"http://proxy.example:3128\";\nAcquire::GzipIndexes \"true\";\n";

    #[test]
    fn archives_and_proxy_are_taken_and_the_rest_is_left() {
        let mirrors = Mirrors::parse(PLANNED, SETTINGS).unwrap();
        assert_eq!(mirrors.main, "http://mirror.example/debian");
        assert_eq!(mirrors.security.as_deref(), Some("http://sec.example/debian-security"));
        assert_eq!(
            mirrors.settings,
            ["Acquire::http::Proxy \"http://proxy.example:3128\";"]
        );
    }

    #[test]
    fn suites_go_to_their_archive() {
        let mirrors = Mirrors::parse(PLANNED, "").unwrap();
        let line = |suite| mirrors.source_line(suite, "/k").unwrap();
        assert_eq!(
            line("sid main"),
            "deb [signed-by=/k] http://mirror.example/debian sid main"
        );
        assert_eq!(
            line("bookworm-security main"),
            "deb [signed-by=/k] http://sec.example/debian-security bookworm-security main"
        );
        assert_eq!(
            line("source sid main"),
            "deb-src [signed-by=/k] http://mirror.example/debian sid main"
        );
    }

    #[test]
    fn a_machine_without_a_security_archive_is_told_so_only_when_it_matters() {
        let mirrors = Mirrors::parse("'http://m.example/debian/dists/sid/InRelease' x 0 ", "").unwrap();
        assert!(mirrors.source_line("sid main", "/k").is_ok());
        assert!(mirrors.source_line("bookworm-security main", "/k").is_err());
    }

    #[test]
    fn a_machine_of_another_vendor_is_refused() {
        assert_eq!(
            Mirrors::parse("'http://a.example/ubuntu/dists/noble/InRelease' x 0 ", ""),
            None
        );
    }
}

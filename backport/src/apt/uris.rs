// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The answers of `apt-get --print-uris` and `apt-cache madison`.

use crate::error::{Error, Result};
use std::fmt;

/// A file of the archive, with the hash the signed index gives for it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Package {
    /// Binary or source package name (for a source package's file: the file's name up to the first `_`).
    pub name: String,
    /// Version, epoch included.
    pub version: String,
    /// The file's own name.
    pub file: String,
    /// Where it is; not for reports, as it names the machine's mirror.
    #[serde(skip)]
    pub uri: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// In words, the first package whose name begins with `start`: the one that gives the thing its name, without its libraries.
pub fn named(packages: &[Package], start: &str) -> String {
    let found = packages.iter().find(|package| package.name.starts_with(start));
    found.map(Package::to_string).unwrap_or_default()
}

/// Reads lines of the form `'uri' name_version_arch.deb size SHA256:hash`; other lines are apt's talk.
///
/// # Errors
/// A file is named without a SHA-256.
pub fn parse(text: &str) -> Result<Vec<Package>> {
    text.lines()
        .filter(|line| line.starts_with('\''))
        .map(parse_line)
        .collect()
}

fn parse_line(line: &str) -> Result<Package> {
    let odd = || {
        Error::setup("unexpected answer of apt-get --print-uris")
            .expected("'uri' file size SHA256:hash")
            .found(line)
    };
    let (uri, rest) = line
        .strip_prefix('\'')
        .and_then(|rest| rest.split_once('\''))
        .ok_or_else(odd)?;
    let mut words = rest.split_whitespace();
    let file = words.next().ok_or_else(odd)?;
    let size = words.next().and_then(|size| size.parse().ok()).ok_or_else(odd)?;
    let sha256 = words.find_map(|word| word.strip_prefix("SHA256:")).ok_or_else(odd)?;
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(odd());
    }
    Ok(package(file, uri.to_owned(), size, sha256))
}

/// A package by the name of its file, `name_version_arch.deb`.
pub fn package(file: &str, uri: String, size: u64, sha256: &str) -> Package {
    let mut parts = file.split('_');
    let name = parts.next().unwrap_or_default();
    let version = parts.next().unwrap_or_default().replace("%3a", ":");
    Package {
        name: name.to_owned(),
        version,
        file: file.to_owned(),
        uri,
        size,
        sha256: sha256.to_owned(),
    }
}

/// The versions in a table `name | version | place`, in its order, each once.
pub fn madison(text: &str) -> Vec<String> {
    let mut versions: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(version) = line.split('|').nth(1).map(|version| version.trim().to_owned()) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b";

    #[test]
    fn files_are_found_among_the_talk() {
        let text = format!("Reading package lists...\n'http://m.example/a%2bb.deb' qemu_1%3a10.0+ds-2_amd64.deb 12 SHA256:{HASH}\nDone\n");
        let all = parse(&text).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].name.as_str(), all[0].version.as_str(), all[0].size),
            ("qemu", "1:10.0+ds-2", 12)
        );
        assert_eq!(all[0].uri, "http://m.example/a%2bb.deb");
        assert_eq!(all[0].sha256, HASH);
    }

    #[test]
    fn a_file_without_a_strong_hash_is_refused() {
        for tail in [
            "12 ",
            "12 MD5Sum:0622200043622b3176b3bca416b8793d",
            "12 SHA256:12",
            &format!("x SHA256:{HASH}"),
        ] {
            let error = parse(&format!("'http://m.example/a.deb' a_1_all.deb {tail}")).unwrap_err();
            assert!(error.what.contains("--print-uris"), "{tail}");
        }
    }

    #[test]
    fn a_thing_is_called_after_its_package_and_not_after_its_libraries() {
        let all = ["libc6_2_amd64.deb", "qemu_1%3a10_amd64.deb"].map(|file| package(file, String::new(), 1, HASH));
        assert_eq!(named(&all, "qemu"), "qemu 1:10");
        assert_eq!(named(&all, "linux-"), "");
    }

    #[test]
    fn versions_come_in_order_and_once() {
        let text = " rust-src | 1.96.1-2 | http://m.example sid/main amd64 Packages\n rust-src | 1.95.0-1 | x\n rust-src | 1.96.1-2 | y\n";
        assert_eq!(madison(text), ["1.96.1-2", "1.95.0-1"]);
    }
}

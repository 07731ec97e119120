// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Packages the archive holds and its lists no longer name, `backport/pool.toml`.

use super::{uris, Package, Root};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::sync::OnceLock;

const LIST: &str = include_str!("../../pool.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    package: Vec<Pinned>,
}

/// One package with the hash it must have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    /// Its path in the archive.
    file: String,
    size: u64,
    sha256: String,
    /// Names of packages it is of no use without.
    #[serde(default)]
    needs: Vec<String>,
}

impl Pinned {
    fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.file_name()
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('_'))
    }
}

/// The files to install for `name` on an empty system: from the pool as far as it has them, the rest as the root's lists say.
///
/// # Errors
/// A package is neither here nor there.
pub fn closure(root: &Root, name: &str, target: Option<&str>) -> Result<Vec<Package>> {
    let (pinned, rest) = split(pool()?, name);
    let mut packages: Vec<Package> = pinned
        .into_iter()
        .map(|pinned| uris::package(pinned.file_name(), root.uri(&pinned.file), pinned.size, &pinned.sha256))
        .collect();
    if !rest.is_empty() {
        packages.extend(root.closure(&rest, target)?);
    }
    Ok(packages)
}

/// What of `name` and all it needs is in the pool, and what is not.
fn split<'a>(pool: &'a Pool, name: &'a str) -> (Vec<&'a Pinned>, Vec<&'a str>) {
    let (mut pinned, mut rest) = (Vec::<&Pinned>::new(), Vec::new());
    let mut todo = vec![name];
    while let Some(name) = todo.pop() {
        match pool.package.iter().find(|package| package.is(name)) {
            Some(_) if pinned.iter().any(|known| known.is(name)) => {}
            Some(package) => {
                pinned.push(package);
                todo.extend(package.needs.iter().map(String::as_str));
            }
            None if rest.contains(&name) => {}
            None => rest.push(name),
        }
    }
    (pinned, rest)
}

fn pool() -> Result<&'static Pool> {
    static POOL: OnceLock<Result<Pool, toml::de::Error>> = OnceLock::new();
    POOL.get_or_init(|| toml::from_str(LIST))
        .as_ref()
        .map_err(|error| Error::usage("the list of pinned packages is malformed").found(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pinned_file_is_a_package_of_the_pool_with_a_whole_hash() {
        for package in &pool().unwrap().package {
            assert!(
                package.file.starts_with("pool/") && package.file.ends_with(".deb"),
                "{package:?}"
            );
            assert_eq!(package.file_name().split('_').count(), 3, "{package:?}");
            assert!(package.sha256.len() == 64 && package.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(package.size > 0);
        }
    }

    #[test]
    fn what_a_package_needs_comes_with_it_once() {
        let text = "[[package]]\nfile = 'pool/a+b_1_all.deb'\nsize = 1\nsha256 = ''\nneeds = ['c', 'gcc']\n\
                    [[package]]\nfile = 'pool/c_1_all.deb'\nsize = 1\nsha256 = ''\nneeds = ['a+b', 'gcc']\n";
        let pool: Pool = toml::from_str(text).unwrap();
        let (pinned, rest) = split(&pool, "a+b");
        let names: Vec<&str> = pinned.iter().map(|package| package.file_name()).collect();
        assert_eq!(names, ["a+b_1_all.deb", "c_1_all.deb"]);
        assert_eq!(rest, ["gcc"]);
        let (pinned, rest) = split(&pool, "a");
        assert!(
            pinned.is_empty() && rest == ["a"],
            "a prefix of a name is another package"
        );
    }
}

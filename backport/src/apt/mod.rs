// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Debian packages without touching the system: private apt roots in the cache.
//!
//! A [`View`] is a handful of suites that one question is put to (the kernel's suite, or the only suite that has a firmware), with
//! package lists of its own and an empty dpkg status, so that the answer is the same on every machine. The machine's own apt
//! configuration says where the archive is; signatures are verified with the archive keyring the system has.

pub mod mirror;
pub mod pool;
pub mod uris;

use crate::cache::{Cache, Key};
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use mirror::Mirrors;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
pub use uris::{named, Package};

/// Package lists are used for this long before the mirror is asked again.
const LISTS_LAST: Duration = Duration::from_secs(24 * 60 * 60);
/// Where Debian's `debian-archive-keyring` puts the keys of all its suites.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Suites that are asked together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The name of its directory.
    pub name: &'static str,
    /// Its suites, as "suite component", "source suite component" for source packages.
    pub suites: &'static [&'static str],
}

/// Debian 12 with updates and backports; the source index is for QEMU's headers.
pub const BOOKWORM: View = View {
    name: "bookworm",
    suites: &[
        "bookworm main",
        "bookworm-security main",
        "bookworm-backports main",
        "source bookworm-backports main",
    ],
};
/// The one place that has both GSP releases in one package.
pub const FIRMWARE: View = View {
    name: "firmware",
    suites: &["sid non-free-firmware"],
};
/// Debian 13 with updates and backports.
pub const TRIXIE: View = View {
    name: "trixie",
    suites: &["trixie main", "trixie-security main", "trixie-backports main"],
};
/// Debian's development, and what is tried before it: apt takes that only where it is asked to.
pub const SID: View = View {
    name: "sid",
    suites: &["sid main", "experimental main"],
};
/// Debian 11 with updates.
pub const BULLSEYE: View = View {
    name: "bullseye",
    suites: &["bullseye main", "bullseye-security main"],
};

/// Whether the network may be used and the lists are believed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Freshness {
    /// Ask the mirror although the lists are young.
    pub refresh: bool,
    /// Use nothing but the cache.
    pub offline: bool,
}

/// A private apt root for one view.
#[derive(Debug)]
pub struct Root {
    view: View,
    dir: PathBuf,
    archive: String,
    /// Set when the mirror could not be asked and older lists were used.
    pub note: Option<String>,
    /// Whether the lists were young enough.
    pub hit: bool,
}

/// Makes a root's directory. Its configuration has the path in it and is shared by all runs, also by those that reach the cache
/// through a link that may be gone tomorrow.
fn place(dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir).on("create", dir)?;
    fs::canonicalize(dir).on("find", dir)
}

impl Root {
    /// Opens the view's root; its lists are there and no older than a day, as far as the mirror can be reached.
    ///
    /// # Errors
    /// The machine's apt names no archive or has no keyring; the mirror cannot be reached and there are no lists yet.
    pub fn open(cache: &Cache, mirrors: &Mirrors, view: View, fresh: Freshness) -> Result<Self> {
        let key = Key::of("apt-root-1")
            .with("mirrors", mirrors.identity())
            .with_all("suites", view.suites)
            .build();
        let name = format!("{}-{}", view.name, key.as_str());
        let _lock = cache.lock(&format!("apt-{name}"))?;
        let dir = place(&cache.path("apt").join(name))?;
        let mut root = Root {
            view,
            dir,
            archive: mirrors.archive().to_owned(),
            note: None,
            hit: false,
        };
        root.prepare(mirrors)?;
        let stamp = root.dir.join("updated");
        let age = fs::metadata(&stamp)
            .and_then(|data| data.modified())
            .ok()
            .and_then(|t| SystemTime::now().duration_since(t).ok());
        match age {
            Some(age) if fresh.offline || (age < LISTS_LAST && !fresh.refresh) => root.hit = true,
            None if fresh.offline => {
                return Err(
                    Error::setup(format!("the package lists of {} are not in the cache", view.name))
                        .fix("run once without --offline"),
                )
            }
            _ => match root.update() {
                Ok(()) => fs::write(&stamp, "").on("write", &stamp)?,
                Err(error) if age.is_some() => {
                    root.note = Some(format!("older package lists used: {}", error.what));
                }
                Err(error) => return Err(error),
            },
        }
        Ok(root)
    }

    /// The configuration file to run apt's programs with.
    pub fn config(&self) -> PathBuf {
        self.dir.join("apt.conf")
    }

    /// The list of its sources.
    pub fn sources(&self) -> PathBuf {
        self.dir.join("etc/sources.list")
    }

    /// The suites it asks.
    pub fn suites(&self) -> &'static [&'static str] {
        self.view.suites
    }

    /// The packages to install for `names` on an empty system, without recommended ones; `target` is preferred over other suites.
    ///
    /// # Errors
    /// A package is not there, or its dependencies are not.
    pub fn closure(&self, names: &[&str], target: Option<&str>) -> Result<Vec<Package>> {
        let mut args = vec!["install", "--yes", "--no-install-recommends", "--print-uris"];
        if let Some(target) = target {
            args.extend(["-t", target]);
        }
        args.extend(names);
        self.ask("closure", &args)
    }

    /// Exactly the named packages (`name` or `name=version`).
    ///
    /// # Errors
    /// A package or version is not there.
    pub fn exactly(&self, names: &[&str]) -> Result<Vec<Package>> {
        let mut args = vec!["download", "--print-uris"];
        args.extend(names);
        self.ask("download", &args)
    }

    /// The files of a source package (`name=version`).
    ///
    /// # Errors
    /// The source package is not listed.
    pub fn source(&self, name: &str) -> Result<Vec<Package>> {
        self.ask("source", &["source", "--download-only", "--print-uris", name])
    }

    /// Where the archive has the file of this path.
    pub fn uri(&self, path: &str) -> String {
        format!("{}/{}", self.archive, path.replace('+', "%2b"))
    }

    /// All versions of `name` in this view, newest first.
    ///
    /// # Errors
    /// The lists cannot be read.
    pub fn versions(&self, name: &str) -> Result<Vec<String>> {
        Ok(uris::madison(&self.answer("apt-cache", &["madison", name])?))
    }

    /// The packages apt-get names in answer to one question.
    fn ask(&self, kind: &str, args: &[&str]) -> Result<Vec<Package>> {
        let options = ["-q", "-o", "Acquire::ForceHash=SHA256"];
        let found = uris::parse(&self.answer("apt-get", &[&options, args].concat())?)?;
        if found.is_empty() {
            return Err(self.explained(Error::setup(format!(
                "apt names no file for the {kind} of {}",
                args.join(" ")
            ))));
        }
        Ok(found)
    }

    /// What one of apt's programs says; kept as long as the lists are.
    fn answer(&self, program: &str, args: &[&str]) -> Result<String> {
        let lists = fs::metadata(self.dir.join("updated"))
            .and_then(|data| data.modified())
            .ok();
        let age = lists
            .and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map(|t| t.as_nanos())
            .unwrap_or_default();
        let key = Key::of("apt-answer-2")
            .with("lists", age.to_string())
            .with("program", program)
            .with_all("args", args)
            .build();
        let kept = self.dir.join("answers").join(key.as_str());
        if let Ok(text) = fs::read_to_string(&kept) {
            return Ok(text);
        }
        let what = format!("{program} has no answer for {}", args.join(" "));
        let text = Cmd::new(program)
            .env("APT_CONFIG", self.config())
            .args(args)
            .must(&what)
            .map_err(|error| self.explained(error))?;
        let fresh = kept.with_extension(format!("{}", std::process::id()));
        fs::write(&fresh, &text).on("write", &fresh)?;
        fs::rename(&fresh, &kept).on("rename", &fresh)?;
        Ok(text)
    }

    fn explained(&self, error: Error) -> Error {
        error
            .during_setup()
            .expected(format!("packages from: {}", self.view.suites.join(", ")))
            .fix("check the mirror, then run again with --refresh")
    }

    fn prepare(&self, mirrors: &Mirrors) -> Result<()> {
        for sub in ["etc/empty", "lists/partial", "cache/archives/partial", "answers"] {
            let path = self.dir.join(sub);
            fs::create_dir_all(&path).on("create", &path)?;
        }
        if !Path::new(KEYRING).exists() {
            return Err(Error::setup("package signatures cannot be checked")
                .expected(KEYRING)
                .fix("apt-get install debian-archive-keyring"));
        }
        let sources: Vec<String> = self
            .view
            .suites
            .iter()
            .map(|suite| mirrors.source_line(suite, KEYRING))
            .collect::<Result<_>>()?;
        let d = self.dir.display();
        let mut config = format!(
            "Dir::State \"{d}\";\nDir::State::lists \"{d}/lists\";\nDir::State::status \"{d}/status\";\nDir::Cache \"{d}/cache\";\n\
             Dir::Etc::sourcelist \"{d}/etc/sources.list\";\nDir::Etc::sourceparts \"{d}/etc/empty\";\n\
             Dir::Etc::preferences \"{d}/etc/none\";\nDir::Etc::preferencesparts \"{d}/etc/empty\";\nDir::Etc::parts \"{d}/etc/empty\";\n\
             Dir::Etc::main \"{d}/etc/none\";\n\
             Acquire::Languages \"none\";\nAcquire::PDiffs \"false\";\nAcquire::Check-Valid-Until \"false\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures \"amd64\";\nAPT::Sandbox::User \"root\";\nAPT::Get::List-Cleanup \"true\";\n"
        );
        for line in &mirrors.settings {
            config.push_str(line);
            config.push('\n');
        }
        for (name, text) in [
            ("status", String::new()),
            ("etc/sources.list", sources.join("\n") + "\n"),
            ("apt.conf", config),
        ] {
            let path = self.dir.join(name);
            if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                fs::write(&path, text).on("write", &path)?;
            }
        }
        Ok(())
    }

    fn update(&self) -> Result<()> {
        for old in fs::read_dir(self.dir.join("answers")).into_iter().flatten().flatten() {
            // An answer to a question about the old lists; if it stays, its key is never asked for again.
            let _ = fs::remove_file(old.path());
        }
        Cmd::new("apt-get")
            .env("APT_CONFIG", self.config())
            .args(["-q", "--error-on=any", "update"])
            .limit(Duration::from_secs(300))
            .must(&format!("the package lists of {} could not be fetched", self.view.name))
            .map(|_| ())
            .map_err(|error| self.explained(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn a_root_has_one_path_however_it_is_reached() {
        let dir = Scratch::new("root");
        let direct = place(&dir.0.join("apt/bookworm")).unwrap();
        let link = dir.0.join("link");
        std::os::unix::fs::symlink(dir.0.join("apt"), &link).unwrap();
        assert_eq!(place(&link.join("bookworm")).unwrap(), direct);
    }
}

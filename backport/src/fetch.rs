// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Files of the archive: downloaded by apt's own helper, verified, kept by their hash, unpacked into cached trees.

use crate::apt::{Package, Root};
use crate::cache::{Cache, Entry, Key};
use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Duration;

/// Downloads at a time; more gain nothing on one mirror.
const PARALLEL: usize = 3;
/// apt's downloader: honours proxies and retries, and checks the hash.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// What to take from the packages and where the network comes in.
pub struct Fetcher<'a> {
    /// Where the files are kept.
    pub cache: &'a Cache,
    /// The root whose settings are used for downloads.
    pub root: &'a Root,
    /// Whether a missing file may be downloaded.
    pub offline: bool,
}

impl Fetcher<'_> {
    /// The file of one package.
    ///
    /// # Errors
    /// It is not cached and cannot be downloaded, or does not have the hash the index gives.
    pub fn file(&self, package: &Package) -> Result<PathBuf> {
        let name = match package.file.rsplit_once('.') {
            Some((_, extension)) => format!("{}.{extension}", package.sha256),
            None => package.sha256.clone(),
        };
        let entry = self.cache.file("files", &name, |path| {
            if self.offline {
                return Err(
                    Error::setup(format!("{} {} is not in the cache", package.name, package.version))
                        .fix("run once without --offline"),
                );
            }
            Cmd::new(HELPER)
                .env("APT_CONFIG", self.root.config())
                .args(["download-file", &package.uri])
                .arg(path)
                .arg(format!("SHA256:{}", package.sha256))
                .limit(Duration::from_secs(600))
                .must(&format!("{} {} could not be downloaded", package.name, package.version))
                .map(|_| ())
                .map_err(|error| {
                    error
                        .during_setup()
                        .fix("run again with --refresh: the lists may be older than the mirror")
                })
        })?;
        Ok(entry.path)
    }

    /// The files of several packages, a few at a time.
    ///
    /// # Errors
    /// As [`Fetcher::file`], for the first that failed.
    pub fn files(&self, packages: &[Package]) -> Result<Vec<PathBuf>> {
        parallel(packages, |package| self.file(package))
    }

    /// One tree with the contents of several packages (only what matches `patterns`, tar's wildcards, if there are any), changed
    /// by `finish` before it is published.
    ///
    /// `recipe` names what `finish` does: another recipe is another tree.
    ///
    /// # Errors
    /// A download or an unpacking failed; what `finish` returns.
    pub fn tree(
        &self,
        recipe: &str,
        packages: &[Package],
        patterns: &[&str],
        finish: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Entry> {
        let key = Key::of(recipe)
            .with_all("package", packages.iter().map(|package| package.sha256.as_str()))
            .with_all("pattern", patterns)
            .build();
        self.cache.entry("trees", &key, |dir| {
            let files = self.files(packages)?;
            let named: Vec<_> = packages.iter().zip(files).collect();
            let unpack = |(package, file): &(&Package, PathBuf)| unpack(&package.file, file, patterns, dir);
            // With patterns tar makes the directories above a file by itself, and gives up when another tar is faster at one.
            match patterns.is_empty() {
                true => parallel(&named, unpack).map(|_| ())?,
                false => named.iter().try_for_each(unpack)?,
            }
            finish(dir)
        })
    }
}

/// Unpacks a Debian package or a tar archive; no maintainer script is run, no owner or special mode is kept.
fn unpack(name: &str, file: &Path, patterns: &[&str], dir: &Path) -> Result<()> {
    let tar = "tar -x --no-same-owner --wildcards -C \"$2\"";
    let unpack = if file.extension().is_some_and(|extension| extension == "deb") {
        format!("dpkg-deb --fsys-tarfile \"$1\" | {tar} \"${{@:3}}\"")
    } else {
        format!("{tar} -f \"$1\" \"${{@:3}}\"")
    };
    // Of several packages, not each has something for each pattern; whoever needs a file looks for it.
    let script = format!(
        "said=$({{ {unpack}; }} 2>&1) && exit\n\
         rest=$(grep -v -e ': Not found in archive$' -e 'Exiting with failure status' <<<\"$said\")\n\
         [ -n \"$said\" ] && [ -z \"$rest\" ] && exit 0\n\
         echo \"$said\" >&2; exit 1"
    );
    Cmd::new("bash")
        .args(["-o", "pipefail", "-c", &script, "unpack"])
        .args([file, dir])
        .args(patterns)
        .must(&format!("{name} could not be unpacked"))
        .map(|_| ())
        .map_err(|error| {
            error
                .during_setup()
                .fix("if the file is damaged, remove it and run again; tar needs xz-utils")
        })
}

/// Runs `work` on all `items`, a few at a time; the results are in the order of the items.
///
/// # Errors
/// The first failure; work not yet begun is left undone.
pub fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::new());
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(items.len()) {
            scope.spawn(|| loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { break };
                match work(item) {
                    Ok(result) => lock(&done).push((index, result)),
                    Err(error) => {
                        next.store(items.len(), Ordering::Relaxed);
                        lock(&failed).get_or_insert(error);
                        break;
                    }
                }
            });
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut done = std::mem::take(&mut *lock(&done));
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// A panicking worker ends the scope with its panic, so nobody reads what it left.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Makes every symbolic link below `dir` that points at an absolute path point at the same path inside `dir`.
///
/// # Errors
/// A directory cannot be read or a link not replaced.
pub fn make_links_relative(dir: &Path) -> Result<()> {
    let mut todo = vec![(dir.to_path_buf(), 0usize)];
    while let Some((here, depth)) = todo.pop() {
        for item in fs::read_dir(&here).on("read", &here)? {
            let item = item.on("read", &here)?;
            let path = item.path();
            let kind = item.file_type().on("read", &path)?;
            if kind.is_dir() {
                todo.push((path, depth + 1));
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).on("read", &path)?;
                if let Ok(inside) = target.strip_prefix("/") {
                    let up: PathBuf = std::iter::repeat_n("..", depth).collect();
                    fs::remove_file(&path).on("replace", &path)?;
                    std::os::unix::fs::symlink(up.join(inside), &path).on("link", &path)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<u64> = (0..20).collect();
        let doubled = parallel(&items, |n| {
            std::thread::sleep(Duration::from_millis(20 - n));
            Ok(n * 2)
        });
        assert_eq!(doubled.unwrap(), (0..20).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_ends_the_rest() {
        let begun = AtomicUsize::new(0);
        let items: Vec<u32> = (0..100).collect();
        let result = parallel(&items, |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Error::cell("no"))
        });
        assert_eq!(result.unwrap_err().what, "no");
        assert!(begun.load(Ordering::Relaxed) <= PARALLEL);
    }

    #[test]
    fn absolute_links_stay_inside_the_tree() {
        let dir = Scratch::new("links");
        fs::create_dir_all(dir.0.join("usr/lib")).unwrap();
        fs::write(dir.0.join("usr/file"), "here").unwrap();
        std::os::unix::fs::symlink("/usr/file", dir.0.join("usr/lib/link")).unwrap();
        make_links_relative(&dir.0).unwrap();
        assert_eq!(fs::read_to_string(dir.0.join("usr/lib/link")).unwrap(), "here");
        assert_eq!(
            fs::read_link(dir.0.join("usr/lib/link")).unwrap(),
            Path::new("../../usr/file")
        );
    }
}

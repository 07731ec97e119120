// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The cache: directories named by the hash of everything they were made from.
//!
//! An entry appears by one rename, after it is complete; an interrupted run leaves nothing but a directory under `tmp/` that the
//! next run removes. A file lock per entry lets two runs share the work instead of doing it twice.

use crate::cost::{self, Cost};
use crate::error::{Error, PathContext, Result};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where everything fetched and built lives between runs.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// A cached directory.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is; its contents must not be changed.
    pub path: PathBuf,
    /// Whether it was there already.
    pub hit: bool,
}

impl Cache {
    /// Opens `$XDG_CACHE_HOME/novabridge` (or `~/.cache/novabridge`) and removes what interrupted runs left.
    ///
    /// # Errors
    /// Neither variable is set, or the directory cannot be made.
    pub fn open() -> Result<Self> {
        let base = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
            (Some(dir), _) if Path::new(&dir).is_absolute() => PathBuf::from(dir),
            (_, Some(home)) => PathBuf::from(home).join(".cache"),
            _ => {
                return Err(Error::setup("no place for the cache")
                    .expected("XDG_CACHE_HOME or HOME in the environment")
                    .fix("export XDG_CACHE_HOME=/var/tmp/cache"))
            }
        };
        Self::at(&base.join("novabridge"))
    }

    /// Opens a cache at `root`.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn at(root: &Path) -> Result<Self> {
        for dir in ["tmp", "locks", "runs"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).on("create", &dir)?;
        }
        let tag = root.join("CACHEDIR.TAG");
        if !tag.exists() {
            // The agreed mark by which backup programs skip caches.
            fs::write(&tag, "Signature: 8a477f597d28d172789f06886806bc55\n").on("write", &tag)?;
        }
        let cache = Cache {
            root: root.to_path_buf(),
        };
        cache.sweep()?;
        Ok(cache)
    }

    /// A path below the cache that is not an entry (logs, package lists).
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The entry `kind`/`key`, made by `make` in a fresh directory when it is not there yet.
    ///
    /// # Errors
    /// What `make` returns; the file system refuses.
    pub fn entry(&self, kind: &str, key: &Key, make: impl FnOnce(&Path) -> Result<()>) -> Result<Entry> {
        let path = self.root.join(kind).join(key.as_str());
        let cost = self.root.join("costs").join(format!("{kind}-{}.json", key.as_str()));
        if path.is_dir() {
            return Ok(Entry::found(path, &cost));
        }
        let _lock = self.lock(&format!("{kind}-{}", key.as_str()))?;
        if path.is_dir() {
            return Ok(Entry::found(path, &cost));
        }
        let fresh = self
            .root
            .join("tmp")
            .join(format!("{kind}-{}.{}", key.as_str(), std::process::id()));
        fs::create_dir_all(&fresh).on("create", &fresh)?;
        let (made, account) = cost::measured(|| make(&fresh));
        let made = made.and_then(|()| {
            write_cost(&cost, &account.now)?;
            self.publish(&fresh, &path)
        });
        if made.is_err() {
            // The error to report is the one that made us stop.
            let _ = fs::remove_dir_all(&fresh);
        }
        made.map(|()| Entry { path, hit: false })
    }

    /// The cached file `kind`/`name`, made by `make` at a path in the same file system when it is not there yet.
    ///
    /// # Errors
    /// What `make` returns; the file system refuses.
    pub fn file(&self, kind: &str, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<Entry> {
        let path = self.root.join(kind).join(name);
        if path.is_file() {
            return Ok(Entry { path, hit: true });
        }
        let _lock = self.lock(&format!("{kind}-{name}"))?;
        if path.is_file() {
            return Ok(Entry { path, hit: true });
        }
        let fresh = self
            .root
            .join("tmp")
            .join(format!("{kind}-{name}.{}", std::process::id()));
        let made = make(&fresh).and_then(|()| self.publish(&fresh, &path));
        if made.is_err() {
            // As above; the file may not even exist.
            let _ = fs::remove_file(&fresh);
        }
        made.map(|()| Entry { path, hit: false })
    }

    /// Waits for the lock `name` and holds it until the value is dropped.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.root.join("locks").join(name);
        let file = File::create(&path).on("create", &path)?;
        file.lock().on("lock", &path)?;
        Ok(Lock { _file: file })
    }

    /// Waits for one of `places` turns at something that all runs together may do only so often at a time.
    ///
    /// # Errors
    /// A lock file cannot be made; the run was stopped.
    pub fn turn(&self, name: &str, places: usize) -> Result<Lock> {
        let files = (0..places).map(|place| {
            let path = self.root.join("locks").join(format!("{name}-{place}"));
            File::create(&path).on("create", &path)
        });
        let mut files: Vec<File> = files.collect::<Result<_>>()?;
        loop {
            if let Some(free) = files.iter().position(|file| file.try_lock().is_ok()) {
                return Ok(Lock {
                    _file: files.swap_remove(free),
                });
            }
            if crate::proc::stopped() {
                return Err(Error::interrupted());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn publish(&self, fresh: &Path, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).on("create", parent)?;
        }
        fs::rename(fresh, path).on("rename", fresh)
    }

    /// Removes what runs that no longer live left under `tmp/`; the number after the last dot is the process that made it.
    fn sweep(&self) -> Result<()> {
        let tmp = self.root.join("tmp");
        for item in fs::read_dir(&tmp).on("read", &tmp)?.flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            let maker = name.rsplit_once('.').map(|(_, pid)| pid.to_owned()).unwrap_or_default();
            if !maker.is_empty() && Path::new("/proc").join(&maker).exists() {
                continue;
            }
            let path = item.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.on("remove", &path)?;
        }
        Ok(())
    }
}

impl Entry {
    /// An entry that was there. What it cost goes to the account; an entry without that is no worse.
    fn found(path: PathBuf, cost: &Path) -> Self {
        let text = fs::read_to_string(cost).unwrap_or_default();
        if let Ok(cost) = serde_json::from_str::<Cost>(&text) {
            cost::answered(cost);
        }
        Entry { path, hit: true }
    }
}

fn write_cost(path: &Path, cost: &Cost) -> Result<()> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("create", dir)?;
    }
    let text = serde_json::to_string(cost).unwrap_or_default();
    fs::write(path, text).on("write", path)
}

/// A held file lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

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
pub mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A directory of the system's temporary directory that is removed at the end of the test.
    pub struct Scratch(pub PathBuf);

    impl Scratch {
        pub fn new(name: &str) -> Self {
            // Tests run side by side, and two of them may use one name.
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let unique = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(format!("novabridge-test-{name}-{unique}"));
            fs::create_dir_all(&path).unwrap();
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

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

    #[test]
    fn an_entry_is_made_once_and_a_failed_one_leaves_nothing() {
        let dir = Scratch::new("entry");
        let cache = Cache::at(&dir.0).unwrap();
        let key = Key::of("e").build();
        let failed = cache.entry("k", &key, |path| {
            fs::write(path.join("half"), "").unwrap();
            Err(Error::cell("no"))
        });
        assert_eq!(failed.unwrap_err().what, "no");
        assert_eq!(fs::read_dir(dir.0.join("tmp")).unwrap().count(), 0);
        let first = cache
            .entry("k", &key, |path| fs::write(path.join("whole"), "").on("write", path))
            .unwrap();
        let second = cache
            .entry("k", &key, |_| Err(Error::cell("must not be called")))
            .unwrap();
        assert!(!first.hit && second.hit);
        assert!(second.path.join("whole").exists() && !second.path.join("half").exists());
    }

    #[test]
    fn leftovers_of_dead_runs_are_removed_and_those_of_living_ones_kept() {
        let dir = Scratch::new("sweep");
        Cache::at(&dir.0).unwrap();
        // No process has number 0, and this one lives.
        let (dead, living) = (
            dir.0.join("tmp/k-1.0"),
            dir.0.join(format!("tmp/k-2.{}", std::process::id())),
        );
        fs::create_dir(&dead).unwrap();
        fs::create_dir(&living).unwrap();
        Cache::at(&dir.0).unwrap();
        assert!(!dead.exists() && living.exists());
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The cache: directories named by the hash of everything they were made from.
//!
//! An entry appears by one rename, after it is complete; an interrupted run leaves nothing but a directory under `tmp/` that the
//! next run removes. Each entry has a lock: who makes it holds that alone, so that two runs share the work instead of doing it twice;
//! who uses it shares the lock until the end of the run, so that nobody removes it meanwhile.

pub mod command;
pub mod kept;
mod key;
mod lock;

use crate::cost::{self, Cost};
use crate::error::{Error, PathContext, Result};
use crate::namespaces;
pub use key::{files_below, Key};
use lock::Hold;
pub use lock::Lock;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

/// Where everything fetched and built lives between runs.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    /// Locks of all entries that this run uses, by their names.
    used: Arc<Mutex<BTreeMap<String, Lock>>>,
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
        for dir in ["tmp", "locks", kept::RUNS] {
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
            used: Arc::default(),
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
        let name = format!("{kind}-{}", key.as_str());
        let path = self.root.join(kind).join(key.as_str());
        let cost = self.cost(&name);
        let made = self.once(&name, &path, |fresh| {
            fs::create_dir_all(fresh).on("create", fresh)?;
            let (made, account) = cost::measured(|| make(fresh));
            made.and_then(|()| write_cost(&cost, &account.now))
        })?;
        Ok(match made {
            true => Entry { path, hit: false },
            false => Entry::found(path, &cost),
        })
    }

    /// The cached file `kind`/`name`, made by `make` at a path in the same file system when it is not there yet.
    ///
    /// # Errors
    /// What `make` returns; the file system refuses.
    pub fn file(&self, kind: &str, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<Entry> {
        let path = self.root.join(kind).join(name);
        let made = self.once(&format!("{kind}-{name}"), &path, make)?;
        Ok(Entry { path, hit: !made })
    }

    /// Has `path` made unless it is there, and keeps it for the rest of the run. Says whether it was made now.
    fn once(&self, name: &str, path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<bool> {
        // Whoever makes it keeps sharing the lock to the end of the run: to wait for that would take hours, and forever where two runs
        // wait for what the other has. So the wait is for the entry or the lock, whichever comes first.
        let alone = loop {
            if self.uses(name, path)? {
                return Ok(false);
            }
            match Lock::attempt(&self.lock_path(name), Hold::Alone)? {
                Some(alone) => break alone,
                None => Lock::pause()?,
            }
        };
        let mut made = false;
        if !path.exists() {
            self.make(name, path, make)?;
            made = true;
        }
        drop(alone);
        if self.uses(name, path)? {
            return Ok(made);
        }
        // Removing takes the lock as well, and takes only what nobody has used for a while.
        Err(Error::setup(format!("{} was removed while it was being made", path.display())).fix("run it again"))
    }

    fn make(&self, name: &str, path: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let fresh = self.fresh(name);
        // Of a process that had this number.
        remove(&fresh)?;
        let made = make(&fresh).and_then(|()| self.publish(&fresh, path));
        if made.is_err() {
            // The error to report is the one that made us stop.
            let _ = remove(&fresh);
        }
        made
    }

    /// Whether an entry is there; if so, it stays until the end of the run.
    fn uses(&self, name: &str, path: &Path) -> Result<bool> {
        if !path.exists() {
            self.used().remove(name);
            return Ok(false);
        }
        if self.used().contains_key(name) {
            return Ok(true);
        }
        let lock = Lock::wait(&self.lock_path(name), Hold::Shared)?;
        if !path.exists() {
            return Ok(false);
        }
        // For whoever looks for what is not used any more; a cache that cannot be written still answers.
        let _ = File::open(path).and_then(|entry| entry.set_modified(SystemTime::now()));
        self.used().insert(name.to_owned(), lock);
        Ok(true)
    }

    fn used(&self) -> MutexGuard<'_, BTreeMap<String, Lock>> {
        // Locks are added and taken out whole, so what was there before a panic is good.
        self.used.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// An empty directory for the logs of a run of `name`, which stays at least until the process ends or asks for it again.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn run_dir(&self, name: &str) -> Result<PathBuf> {
        let unique = format!("{name}.{}", std::process::id());
        let lock_name = format!("{}-{unique}", kept::RUNS);
        let dir = self.root.join(kept::RUNS).join(unique);
        // A bisection runs several times in one process, which would wait for itself.
        let held = self.used().contains_key(&lock_name);
        if !held {
            let lock = self.lock(&lock_name)?;
            self.used().insert(lock_name, lock);
        }
        // Left by another process that had this number.
        remove(&dir)?;
        fs::create_dir_all(&dir).on("create", &dir)?;
        Ok(dir)
    }

    /// Waits for the lock `name` and holds it alone until the value is dropped.
    ///
    /// # Errors
    /// The lock file cannot be made; the run was stopped.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        Lock::wait(&self.lock_path(name), Hold::Alone)
    }

    /// Waits for one of `places` turns at something that all runs on this machine together may do only so often at a time.
    ///
    /// # Errors
    /// A lock file cannot be made; the run was stopped.
    pub fn turn(&self, name: &str, places: usize) -> Result<Lock> {
        let machine = machine()?;
        let paths: Vec<PathBuf> = (0..places)
            .map(|place| self.lock_path(&format!("{name}-{machine}-{place}")))
            .collect();
        Lock::wait_for_one(&paths, Hold::Alone)
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(name)
    }

    fn cost(&self, name: &str) -> PathBuf {
        self.root.join("costs").join(format!("{name}.json"))
    }

    /// Where this process makes the entry with the lock `name`.
    fn fresh(&self, name: &str) -> PathBuf {
        self.root.join("tmp").join(format!("{name}.{}", std::process::id()))
    }

    fn publish(&self, fresh: &Path, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).on("create", parent)?;
        }
        fs::rename(fresh, path).on("rename", fresh)
    }

    /// Removes what runs that no longer live left under `tmp/`. A name there is that of a lock, and the number of the process that
    /// holds it. The number says nothing where other machines or containers share the cache; there the lock does.
    fn sweep(&self) -> Result<()> {
        let tmp = self.root.join("tmp");
        for item in fs::read_dir(&tmp).on("read", &tmp)?.flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            let (name, maker) = name.rsplit_once('.').unwrap_or((&name, ""));
            if !maker.is_empty() && Path::new("/proc").join(maker).exists() {
                continue;
            }
            if let Some(_free) = Lock::attempt(&self.lock_path(name), Hold::Alone)? {
                remove(&item.path())?;
            }
        }
        Ok(())
    }
}

/// Removes a file or directory; that it is gone already is what is wanted.
fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        // A system made by a user who is not root has files of other ids.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && path.is_dir() => namespaces::remove(path),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// What tells this machine, until it is started anew, from others that share the cache; all containers on it are the same one.
fn machine() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let id = fs::read_to_string(path).on("read", path)?;
    Ok(id.trim().to_owned())
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

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

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
    fn a_process_gets_its_directory_of_logs_again_and_empty() {
        let dir = Scratch::new("run-dir");
        let cache = Cache::at(&dir.0).unwrap();
        let logs = cache.run_dir("matrix").unwrap();
        fs::write(logs.join("a.log"), "").unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(cache.run_dir("matrix").unwrap()));
        let again = receiver.recv_timeout(std::time::Duration::from_secs(20));
        assert_eq!(again, Ok(logs.clone()), "it waits for itself");
        assert!(!logs.join("a.log").exists());
    }

    #[test]
    fn who_waits_for_an_entry_gets_it_while_its_maker_goes_on_using_it() {
        let dir = Scratch::new("share");
        let (first, second) = (Cache::at(&dir.0).unwrap(), Cache::at(&dir.0).unwrap());
        let key = Key::of("e").build();
        let (say, hear) = std::sync::mpsc::channel();
        let waiter = key.clone();
        let made = first.entry("k", &key, |_| {
            std::thread::spawn(move || {
                say.send(second.entry("k", &waiter, |_| Err(Error::cell("must not be called"))))
            });
            // Until it waits; if it comes later, it finds the entry, which is right as well.
            std::thread::sleep(Duration::from_millis(200));
            Ok(())
        });
        assert!(!made.unwrap().hit);
        let other = hear
            .recv_timeout(Duration::from_secs(60))
            .expect("it waits for the end of the first run");
        assert!(other.unwrap().hit);
        drop(first);
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
        // As that of a process of another machine that shares the cache.
        let elsewhere = dir.0.join("tmp/k-3.0");
        fs::create_dir(&elsewhere).unwrap();
        let held = Lock::wait(&dir.0.join("locks/k-3"), Hold::Alone).unwrap();
        Cache::at(&dir.0).unwrap();
        assert!(!dead.exists() && living.exists() && elsewhere.exists());
        drop(held);
        Cache::at(&dir.0).unwrap();
        assert!(!elsewhere.exists());
    }

    #[test]
    fn what_is_gone_already_is_removed() {
        let dir = Scratch::new("remove");
        remove(&dir.0.join("nothing")).unwrap();
        // Not what cannot be removed.
        assert!(remove(Path::new("/proc/self/status")).is_err());
    }
}

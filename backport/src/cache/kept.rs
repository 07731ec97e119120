// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the cache keeps, and the removal of what nobody has used for a while.

use super::lock::{Hold, Lock};
use super::{remove, Cache};
use crate::error::{PathContext, Result};
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Logs of runs, which nothing is made from.
pub(super) const RUNS: &str = "runs";
/// How the cache itself works; of no size.
const OWN: [&str; 3] = ["locks", "tmp", "costs"];
/// Package lists have locks, but only while they are brought; they are used without.
const LISTS: &str = "apt";

/// A file or directory of the cache.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The directory of the cache it is in.
    pub kind: String,
    /// What it takes on the disk.
    pub bytes: u64,
    /// When it was last used.
    pub used: SystemTime,
    /// Its lock, if it is an entry, which comes back when it is needed and is not there.
    lock: Option<String>,
    path: PathBuf,
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Kind and size of each.
    pub removed: Vec<(String, u64)>,
    /// How many were old enough, but in use.
    pub in_use: usize,
}

impl Kept {
    /// Whether it can be removed: results and package lists are no entries.
    pub fn is_entry(&self) -> bool {
        self.lock.is_some()
    }
}

impl Cache {
    /// Everything in the cache, by its kind.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn kept(&self) -> Result<Vec<Kept>> {
        let mut all = Vec::new();
        for (kind, dir, _) in items(&self.root)?.into_iter().filter(|(_, _, meta)| meta.is_dir()) {
            if OWN.contains(&kind.as_str()) {
                continue;
            }
            for (name, path, meta) in items(&dir)? {
                let lock = format!("{kind}-{name}");
                // Whoever makes or uses an entry leaves its lock.
                let is_entry = kind == RUNS || (kind != LISTS && self.lock_path(&lock).exists());
                all.push(Kept {
                    kind: kind.clone(),
                    bytes: size(&path, &meta)?,
                    used: meta.modified().on("read", &path)?,
                    lock: is_entry.then_some(lock),
                    path,
                });
            }
        }
        all.sort_by(|a, b| (&a.kind, &a.path).cmp(&(&b.kind, &b.path)));
        Ok(all)
    }

    /// Removes entries that nobody uses and nobody has used for `age`; only says which, if `dry_run`.
    ///
    /// # Errors
    /// The cache cannot be read, or something cannot be removed.
    pub fn prune(&self, age: Duration, dry_run: bool) -> Result<Pruned> {
        let is_old = |used: SystemTime| used.elapsed().is_ok_and(|since| since >= age);
        let mut pruned = Pruned::default();
        let mut locks = BTreeSet::new();
        for kept in self.kept()? {
            let Some(name) = &kept.lock else { continue };
            locks.insert(name.clone());
            if !is_old(kept.used) {
                continue;
            }
            let Some(lock) = Lock::attempt(&self.lock_path(name), Hold::Alone)? else {
                pruned.in_use += 1;
                continue;
            };
            // It may have been used until just now.
            match fs::symlink_metadata(&kept.path).and_then(|meta| meta.modified()) {
                Ok(used) if is_old(used) => {}
                _ => continue,
            }
            if !dry_run {
                // It vanishes whole, also if the removal is interrupted.
                let aside = self.fresh(name);
                fs::rename(&kept.path, &aside).on("rename", &kept.path)?;
                remove(&aside)?;
                remove(&self.cost(name))?;
                lock.remove()?;
            }
            pruned.removed.push((kept.kind, kept.bytes));
        }
        if !dry_run {
            self.prune_locks(&locks, is_old)?;
        }
        Ok(pruned)
    }

    /// Removes locks of what is no longer there.
    fn prune_locks(&self, known: &BTreeSet<String>, is_old: impl Fn(SystemTime) -> bool) -> Result<()> {
        for (name, path, meta) in items(&self.root.join("locks"))? {
            if known.contains(&name) || !meta.modified().is_ok_and(&is_old) {
                continue;
            }
            if let Some(lock) = Lock::attempt(&path, Hold::Alone)? {
                lock.remove()?;
            }
        }
        Ok(())
    }
}

/// Name, path and metadata of everything in a directory. What goes away meanwhile is not there.
fn items(dir: &Path) -> Result<Vec<(String, PathBuf, Metadata)>> {
    let found = fs::read_dir(dir).on("read", dir)?.flatten();
    let with_metadata = found.filter_map(|item| {
        let meta = item.metadata().ok()?;
        Some((item.file_name().to_string_lossy().into_owned(), item.path(), meta))
    });
    Ok(with_metadata.collect())
}

/// What a file, or a directory with all below it, takes on the disk. Symbolic links are not followed.
fn size(path: &Path, meta: &Metadata) -> Result<u64> {
    /// The unit of `st_blocks`, whatever the file system's own is.
    const BLOCK: u64 = 512;
    let mut bytes = meta.blocks() * BLOCK;
    if meta.is_dir() {
        for (_, path, meta) in items(path)? {
            bytes += size(&path, &meta)?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use crate::cache::Key;
    use std::fs::File;

    const DAY: Duration = Duration::from_secs(86400);

    fn with_old_entry(dir: &Path) -> PathBuf {
        let cache = Cache::at(dir).unwrap();
        let make = |path: &Path| fs::write(path.join("f"), [1; 5000]).on("write", path);
        let entry = cache.entry("k", &Key::of("old").build(), make).unwrap();
        cache.entry("k", &Key::of("new").build(), make).unwrap();
        fs::create_dir_all(dir.join("results")).unwrap();
        fs::write(dir.join("results/r.json"), "{}").unwrap();
        for path in [entry.path.clone(), dir.join("results/r.json")] {
            File::open(path)
                .unwrap()
                .set_modified(SystemTime::now() - 3 * DAY)
                .unwrap();
        }
        entry.path
    }

    #[test]
    fn what_was_not_used_for_long_is_removed_and_results_are_not() {
        let dir = Scratch::new("prune");
        let old = with_old_entry(&dir.0);
        let cache = Cache::at(&dir.0).unwrap();
        let kept = cache.kept().unwrap();
        let of = |kind: &str| kept.iter().filter(|one| one.kind == kind).count();
        assert_eq!((of("k"), of("results"), of("locks")), (2, 1, 0));
        assert!(kept.iter().all(|one| one.is_entry() == (one.kind == "k")));
        assert!(kept[0].bytes >= 5000);

        assert_eq!(cache.prune(4 * DAY, false).unwrap(), Pruned::default());
        let would = cache.prune(2 * DAY, true).unwrap();
        assert!(old.exists() && would.removed.len() == 1 && would.in_use == 0);
        assert_eq!(cache.prune(2 * DAY, false).unwrap(), would);
        assert!(!old.exists() && dir.0.join("results/r.json").exists());
        assert_eq!(cache.kept().unwrap().len(), 2);
        assert_eq!(fs::read_dir(dir.0.join("costs")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.0.join("locks")).unwrap().count(), 1);
    }

    #[test]
    fn what_another_run_uses_stays() {
        let dir = Scratch::new("prune-used");
        let old = with_old_entry(&dir.0);
        let user = Cache::at(&dir.0).unwrap();
        let entry = user.entry("k", &Key::of("old").build(), |_| unreachable!()).unwrap();
        assert!(entry.hit && entry.path == old);
        let cache = Cache::at(&dir.0).unwrap();
        // Using it has made it young; as if it were a run of many days.
        assert!(cache.prune(2 * DAY, false).unwrap().removed.is_empty());
        File::open(&old)
            .unwrap()
            .set_modified(SystemTime::now() - 3 * DAY)
            .unwrap();
        assert_eq!(cache.prune(2 * DAY, false).unwrap().in_use, 1);
        drop(user);
        assert_eq!(cache.prune(2 * DAY, false).unwrap().removed.len(), 1);
        assert!(!old.exists());
    }

    #[test]
    fn a_runs_directory_is_its_own_until_its_end() {
        let dir = Scratch::new("prune-run");
        let run = Cache::at(&dir.0).unwrap();
        let logs = run.run_dir("cell").unwrap();
        let cache = Cache::at(&dir.0).unwrap();
        assert_eq!(cache.prune(Duration::ZERO, false).unwrap().in_use, 1);
        drop(run);
        assert_eq!(cache.prune(Duration::ZERO, false).unwrap().removed.len(), 1);
        assert!(!logs.exists());
    }
}

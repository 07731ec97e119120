// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Locks of the cache: files below `locks/`, which hold between the processes of a machine, and between machines and containers that
//! share the cache where their file system's locks do.

use crate::error::{Error, PathContext, Result};
use crate::proc::stopped;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Short against whatever a lock is held for.
const PAUSE: Duration = Duration::from_millis(20);

/// A held lock; let go of when it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// By those who use something.
    Shared,
    /// By the one who makes or removes it.
    Alone,
}

impl Lock {
    /// Waits for the lock at `path`.
    ///
    /// # Errors
    /// Its file cannot be made; the run was stopped.
    pub fn wait(path: &Path, hold: Hold) -> Result<Self> {
        Self::wait_for_one(std::slice::from_ref(&path), hold)
    }

    /// Waits for whichever of these locks is free first.
    ///
    /// # Errors
    /// A file cannot be made; the run was stopped.
    pub fn wait_for_one<P: AsRef<Path>>(paths: &[P], hold: Hold) -> Result<Self> {
        loop {
            for path in paths {
                if let Some(lock) = Self::attempt(path.as_ref(), hold)? {
                    return Ok(lock);
                }
            }
            Self::pause()?;
        }
    }

    /// Lets some time pass before another attempt.
    ///
    /// # Errors
    /// The run was stopped: a lock may be held for minutes, and whoever interrupts the run does not wait for that.
    pub fn pause() -> Result<()> {
        if stopped() {
            return Err(Error::interrupted());
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// The lock at `path` if it is free now.
    ///
    /// # Errors
    /// Its file cannot be made or locked.
    pub fn attempt(path: &Path, hold: Hold) -> Result<Option<Self>> {
        let file = File::create(path).on("create", path)?;
        let tried = match hold {
            Hold::Shared => file.try_lock_shared(),
            Hold::Alone => file.try_lock(),
        };
        match tried {
            Ok(()) if is_at(&file, path) => Ok(Some(Lock {
                file,
                path: path.to_path_buf(),
            })),
            // Who held it has removed the file, and others may lock a new one by now.
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path, &error)),
        }
    }

    /// Removes the file with the lock.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).on("remove", &self.path)?;
        drop(self.file);
        Ok(())
    }
}

/// Whether the open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(open), Ok(named)) if same(&open, &named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    #[test]
    fn users_share_and_a_remover_waits_for_them() {
        let dir = Scratch::new("lock");
        let path = dir.0.join("l");
        let free = |hold| Lock::attempt(&path, hold).unwrap();
        let (first, second) = (free(Hold::Shared).unwrap(), free(Hold::Shared).unwrap());
        assert!(free(Hold::Alone).is_none());
        drop((first, second));
        let alone = free(Hold::Alone).unwrap();
        assert!(free(Hold::Shared).is_none());
        alone.remove().unwrap();
        assert!(!path.exists() && free(Hold::Alone).is_some());
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_none() {
        let dir = Scratch::new("lock");
        let path = dir.0.join("l");
        let old = File::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&old, &path));
        File::create(&path).unwrap();
        assert!(!is_at(&old, &path));
    }
}

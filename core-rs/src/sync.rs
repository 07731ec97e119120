// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A mutex over the platform's sleeping lock.

use crate::error::Result;
use crate::platform::{Platform, RawLock};
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

/// Data behind a sleeping lock of the platform. Not recursive.
pub struct Mutex<P: Platform, T> {
    lock: RawLock,
    platform: P,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached only with the lock held (or through `&mut self`), so a shared mutex hands out one access at a time.
unsafe impl<P: Platform + Sync, T: Send> Sync for Mutex<P, T> {}
// SAFETY: the lock's identity may be used from any thread (`Platform`).
unsafe impl<P: Platform + Send, T: Send> Send for Mutex<P, T> {}

impl<P: Platform, T> Mutex<P, T> {
    /// Makes a lock around `data`.
    pub fn new(platform: &P, data: T) -> Result<Self> {
        let lock = platform.lock_create()?;
        Ok(Mutex {
            lock,
            platform: platform.clone(),
            data: UnsafeCell::new(data),
        })
    }

    /// Takes the lock; may sleep.
    pub fn lock(&self) -> Guard<'_, P, T> {
        self.platform.lock_acquire(self.lock);
        Guard { mutex: self }
    }

    /// The data, when nobody else can hold the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<P: Platform, T> Drop for Mutex<P, T> {
    fn drop(&mut self) {
        // SAFETY: the lock came from `lock_create`; a guard borrows `self`, so it is not held.
        unsafe { self.platform.lock_destroy(self.lock) };
    }
}

/// The held lock; released when dropped.
pub struct Guard<'a, P: Platform, T> {
    mutex: &'a Mutex<P, T>,
}

impl<P: Platform, T> Deref for Guard<'_, P, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the lock is held for as long as the guard lives.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<P: Platform, T> DerefMut for Guard<'_, P, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; `&mut self` makes it the only reference.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<P: Platform, T> Drop for Guard<'_, P, T> {
    fn drop(&mut self) {
        // SAFETY: a guard exists only while the lock is held.
        unsafe { self.mutex.platform.lock_release(self.mutex.lock) };
    }
}

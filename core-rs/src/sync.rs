// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A mutex over the platform's sleeping lock.

use crate::error::Result;
use crate::platform::{Platform, RawLock};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// Data behind a sleeping lock of the platform. Not recursive.
pub struct Mutex<P: Platform, T> {
    lock: RawLock,
    platform: P,
    data: UnsafeCell<T>,
}

// SAFETY: `data` is reached only with the lock held, so a shared mutex hands out one access at a time.
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
        Guard {
            mutex: self,
            _here: PhantomData,
        }
    }
}

impl<P: Platform, T> Drop for Mutex<P, T> {
    fn drop(&mut self) {
        // SAFETY: the lock came from `lock_create`; a guard borrows `self`, so it is not held.
        unsafe { self.platform.lock_destroy(self.lock) };
    }
}

/// The held lock; released when dropped.
///
/// It stays with the thread that took the lock, which is who may release it (`Platform`), and is not shared with others either: all
/// that a mutex promises of `T` is that it may be used by one thread after another.
pub struct Guard<'a, P: Platform, T> {
    mutex: &'a Mutex<P, T>,
    /// Neither `Send` nor `Sync`.
    _here: PhantomData<*mut ()>,
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

/// A value that comes and goes while others use it.
///
/// Users [`enter`](Gate::enter) and hold a [`Pass`] while they use the value; [`close`](Gate::close) lets no more in, waits until
/// all have left, and takes the value out. A user must not close the gate it is in.
pub struct Gate<P: Platform, T> {
    state: Mutex<P, GateState>,
    value: UnsafeCell<Option<T>>,
    platform: P,
}

struct GateState {
    open: bool,
    inside: u32,
}

/// How long a closing gate sleeps at most between two looks; the last user wakes it.
const GATE_RECHECK_US: u64 = 1_000_000;

// SAFETY: the value is shared (`&T`) among those inside, and written or taken only while nobody is (see `open` and `close`).
unsafe impl<P: Platform + Sync, T: Send + Sync> Sync for Gate<P, T> {}
// SAFETY: a gate owns its value.
unsafe impl<P: Platform + Send, T: Send> Send for Gate<P, T> {}

impl<P: Platform, T> Gate<P, T> {
    /// A closed gate with nothing behind it.
    ///
    /// # Errors
    ///
    /// What the platform's `lock_create` fails with.
    pub fn new(platform: &P) -> Result<Self> {
        Ok(Gate {
            state: Mutex::new(platform, GateState { open: false, inside: 0 })?,
            value: UnsafeCell::new(None),
            platform: platform.clone(),
        })
    }

    /// Puts `value` behind the gate and opens it. `Err` gives the value back: the gate is open already.
    pub fn open(&self, value: T) -> core::result::Result<(), T> {
        let mut state = self.state.lock();
        if state.open || state.inside != 0 {
            return Err(value);
        }
        // SAFETY: the gate is closed and nobody is inside, so there is no reference to the value; the lock keeps it so.
        unsafe { *self.value.get() = Some(value) };
        state.open = true;
        Ok(())
    }

    /// Goes in; `None` if the gate is closed.
    pub fn enter(&self) -> Option<Pass<'_, P, T>> {
        let mut state = self.state.lock();
        if !state.open {
            return None;
        }
        // SAFETY: while the gate is open the value is there and only shared references to it exist; it stays until `inside` is 0
        // again, which the pass we return delays.
        let value = unsafe { (*self.value.get()).as_ref() }?;
        state.inside = state.inside.checked_add(1)?;
        Some(Pass { gate: self, value })
    }

    /// Closes the gate, waits until all have left, and takes the value; `None` if the gate was closed.
    pub fn close(&self) -> Option<T> {
        {
            let mut state = self.state.lock();
            if !state.open {
                return None;
            }
            state.open = false;
        }
        loop {
            let token = self.platform.event_token();
            let state = self.state.lock();
            if state.inside == 0 {
                // SAFETY: the gate is closed and nobody is inside; the lock keeps it so.
                return unsafe { (*self.value.get()).take() };
            }
            drop(state);
            self.platform.event_wait(token, GATE_RECHECK_US);
        }
    }
}

/// The right to use what is behind a [`Gate`]; ends when dropped.
pub struct Pass<'a, P: Platform, T> {
    gate: &'a Gate<P, T>,
    value: &'a T,
}

impl<P: Platform, T> Deref for Pass<'_, P, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value
    }
}

impl<P: Platform, T> Drop for Pass<'_, P, T> {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        state.inside = state.inside.saturating_sub(1);
        if state.inside == 0 && !state.open {
            self.gate.platform.event_signal();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Machine;
    use static_assertions::assert_not_impl_any;
    use std::sync::Arc;

    assert_not_impl_any!(Guard<'static, Machine, u32>: Send, Sync);

    #[test]
    fn a_closed_gate_lets_nobody_in() {
        let gate = Gate::new(&Machine::new()).unwrap();
        assert!(gate.enter().is_none() && gate.close().is_none());
        assert!(gate.open(7).is_ok());
        assert_eq!(gate.open(8), Err(8));
        assert_eq!(gate.enter().as_deref(), Some(&7));
        assert_eq!(gate.close(), Some(7));
        assert!(gate.enter().is_none());
        assert!(gate.open(9).is_ok());
    }

    #[test]
    fn closing_waits_for_those_inside() {
        let machine = Machine::realtime();
        let gate = Arc::new(Gate::new(&machine).unwrap());
        assert!(gate.open(1).is_ok());
        let pass = gate.enter().unwrap();
        let closer = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.close())
        };
        // Nobody gets in while it closes; the value stays for those inside.
        while gate.enter().is_some() {
            std::thread::yield_now();
        }
        assert_eq!(*pass, 1);
        assert!(!closer.is_finished());
        drop(pass);
        assert_eq!(closer.join().unwrap(), Some(1));
    }
}

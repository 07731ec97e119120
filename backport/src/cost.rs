// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What work costs: its time and the memory of its largest process.
//!
//! The children of a step are started on the step's own thread, so the account is kept per thread and nobody has to hand it on.
//! An answer from the cache costs nothing now; what making it took is kept beside it and goes to the account as such.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::time::Instant;

/// Time and memory of finished work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// How long it took.
    pub seconds: f64,
    /// Peak resident memory, in bytes, of its largest process; none when it started none.
    pub memory: Option<u64>,
}

/// What was measured around a piece of work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// What it cost now.
    pub now: Cost,
    /// What making the cached things it used cost once.
    pub before: Option<Cost>,
}

thread_local! {
    static ACCOUNT: RefCell<Account> = RefCell::default();
}

/// Does `work` and measures it. Within other measured work, what it costs counts there too.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Account) {
    let outer = ACCOUNT.take();
    let begin = Instant::now();
    let result = work();
    let mut own = ACCOUNT.replace(outer);
    own.now.seconds = begin.elapsed().as_secs_f64();
    if let Some(bytes) = own.now.memory {
        process_ended(bytes);
    }
    if let Some(before) = own.before {
        answered(before);
    }
    (result, own)
}

/// A child of the work under way ended; `bytes` is the most it had in memory.
pub fn process_ended(bytes: u64) {
    ACCOUNT.with_borrow_mut(|account| account.now.memory = account.now.memory.max(Some(bytes)));
}

/// The cache answered with something that cost this when it was made.
pub fn answered(cost: Cost) {
    ACCOUNT.with_borrow_mut(|account| {
        let before = account.before.get_or_insert_default();
        before.seconds += cost.seconds;
        before.memory = before.memory.max(cost.memory);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Cmd;

    #[test]
    fn the_largest_process_counts_and_cached_costs_stay_apart() {
        let ((), outer) = measured(|| {
            process_ended(5);
            let ((), inner) = measured(|| {
                process_ended(7);
                process_ended(3);
                answered(Cost {
                    seconds: 2.0,
                    memory: Some(100),
                });
                answered(Cost {
                    seconds: 1.0,
                    memory: None,
                });
            });
            assert_eq!(inner.now.memory, Some(7));
        });
        assert_eq!(outer.now.memory, Some(7));
        assert_eq!(
            outer.before,
            Some(Cost {
                seconds: 3.0,
                memory: Some(100)
            })
        );
        let ((), next) = measured(|| ());
        assert_eq!((next.now.memory, next.before), (None, None));
    }

    #[test]
    fn a_childs_memory_is_measured() {
        // 64 MiB of shell variable, which no shell keeps in less.
        let (done, cost) = measured(|| {
            Cmd::new("sh")
                .args(["-c", "x=$(head -c 67108864 /dev/zero | tr '\\0' x); echo ${#x}"])
                .run()
        });
        assert_eq!(done.unwrap().output, "67108864\n");
        assert!(cost.now.memory.unwrap() > 64 << 20, "{cost:?}");
    }
}

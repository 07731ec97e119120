// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! `cache`: what is kept, and the removal of what nobody needs any more.

use super::kept::{Kept, Pruned};
use super::Cache;
use crate::cli::CacheArgs;
use crate::error::Result;
use crate::output::{print_json, say};
use indicatif::HumanBytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// All of one kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Kind {
    count: u64,
    bytes: u64,
    /// Those that come back when they are needed and are not there, and that `--prune` therefore may remove.
    prunable: u64,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Listing<'a> {
    cache: &'a Path,
    bytes: u64,
    kinds: BTreeMap<String, Kind>,
}

/// What is printed of a removal.
#[derive(Debug, Serialize)]
struct Removal {
    dry_run: bool,
    bytes: u64,
    in_use: usize,
    kinds: BTreeMap<String, Kind>,
}

/// Lists, or removes.
///
/// # Errors
/// The cache cannot be read, or something cannot be removed.
pub fn run(args: &CacheArgs) -> Result<()> {
    let cache = Cache::open()?;
    if args.prune {
        let age = Duration::from_secs(args.older_than.saturating_mul(24 * 60 * 60));
        let removal = Removal::of(cache.prune(age, args.dry_run)?, args.dry_run);
        return print(args.json, &removal, Removal::text);
    }
    let kept = cache.kept()?;
    let listing = Listing {
        cache: &cache.root,
        bytes: kept.iter().map(|one| one.bytes).sum(),
        kinds: kinds(
            kept.iter()
                .map(|one| (one.kind.as_str(), one.bytes, Kept::is_entry(one))),
        ),
    };
    print(args.json, &listing, Listing::text)
}

fn print<T: Serialize>(json: bool, result: &T, text: impl Fn(&T) -> String) -> Result<()> {
    if json {
        return print_json(result);
    }
    say(&text(result))
}

fn kinds<'a>(all: impl Iterator<Item = (&'a str, u64, bool)>) -> BTreeMap<String, Kind> {
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for (kind, bytes, prunable) in all {
        let sum = kinds.entry(kind.to_owned()).or_default();
        sum.count += 1;
        sum.bytes += bytes;
        sum.prunable += u64::from(prunable);
    }
    kinds
}

fn table(kinds: &BTreeMap<String, Kind>) -> String {
    let mut text = String::new();
    for (kind, Kind { count, bytes, prunable }) in kinds {
        let stays = if *prunable == 0 { "  kept" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{kind:<15} {count:>6} {:>12}{stays}",
            HumanBytes(*bytes).to_string()
        );
    }
    text
}

impl Listing<'_> {
    fn text(&self) -> String {
        format!(
            "{}{} in {}; --prune removes what was not used for long, but not what is \"kept\"\n",
            table(&self.kinds),
            HumanBytes(self.bytes),
            self.cache.display()
        )
    }
}

impl Removal {
    fn of(pruned: Pruned, dry_run: bool) -> Self {
        let removed = pruned.removed.iter().map(|(kind, bytes)| (kind.as_str(), *bytes, true));
        Removal {
            dry_run,
            bytes: pruned.removed.iter().map(|(_, bytes)| bytes).sum(),
            in_use: pruned.in_use,
            kinds: kinds(removed),
        }
    }

    fn text(&self) -> String {
        let done = if self.dry_run { "would be removed" } else { "removed" };
        let in_use = match self.in_use {
            0 => String::new(),
            count => format!("; {count} in use by another run"),
        };
        format!("{}{} {done}{in_use}\n", table(&self.kinds), HumanBytes(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_added_up_and_what_stays_is_said() {
        let kinds = kinds([("trees", 2048, true), ("apt", 1024, false), ("trees", 1024, true)].into_iter());
        assert_eq!(
            kinds["trees"],
            Kind {
                count: 2,
                bytes: 3072,
                prunable: 2
            }
        );
        let text = table(&kinds);
        assert!(
            text.starts_with("apt ") && text.lines().next().unwrap().ends_with("kept"),
            "{text}"
        );
        assert!(text.lines().nth(1).unwrap().ends_with("3.00 KiB"), "{text}");
    }

    #[test]
    fn a_trial_says_that_it_removed_nothing() {
        let pruned = Pruned {
            removed: vec![("k".into(), 1024)],
            in_use: 1,
        };
        let text = |dry_run| Removal::of(pruned.clone(), dry_run).text();
        assert!(
            text(true).ends_with("1.00 KiB would be removed; 1 in use by another run\n"),
            "{}",
            text(true)
        );
        assert!(text(false).contains("1.00 KiB removed;"));
    }
}

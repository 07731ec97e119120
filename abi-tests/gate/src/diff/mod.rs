// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What changed between two versions of an ABI.

mod constants;
mod contract;
mod functions;
mod types;

use crate::model::Abi;
use crate::rules::{rule, Class, Rule};
use std::collections::{BTreeMap, BTreeSet};

pub use functions::compare_signature;

/// A difference.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its kind.
    pub rule: &'static Rule,
    /// What changed: a name, or `struct.field`, or `function(parameter)`.
    pub subject: String,
    /// What the old version says; empty if it says nothing.
    pub was: String,
    /// What the new version says; empty if it says nothing.
    pub now: String,
}

impl Change {
    /// A change of the kind `id`.
    pub fn new(id: &str, subject: impl Into<String>, was: impl ToString, now: impl ToString) -> Self {
        Change {
            rule: rule(id),
            subject: subject.into(),
            was: was.to_string(),
            now: now.to_string(),
        }
    }
}

/// All differences, heaviest first. A part that one side does not know at all (a library knows no macros) is not compared.
pub fn compare(old: &Abi, new: &Abi) -> Vec<Change> {
    let mut changes = Vec::new();
    constants::compare(old, new, &mut changes);
    if !old.types.is_empty() && !new.types.is_empty() {
        types::compare(old, new, &mut changes);
    }
    if !old.functions.is_empty() && !new.functions.is_empty() {
        functions::compare(old, new, &mut changes);
    }
    exports(old, new, &mut changes);
    contract::compare(old, new, &mut changes);
    changes.sort_by(|a, b| {
        let key = |c: &Change| (std::cmp::Reverse(c.rule.class), c.subject.clone(), c.rule.id.clone());
        key(a).cmp(&key(b))
    });
    changes
}

/// The class of the heaviest change.
pub fn class(changes: &[Change]) -> Class {
    changes.iter().map(|c| c.rule.class).max().unwrap_or(Class::Identical)
}

/// Names on the old side only, on both with what they name, and on the new side only.
type Partition<'a, T> = (Vec<&'a str>, Vec<(&'a str, &'a T, &'a T)>, Vec<&'a str>);

fn partition<'a, T>(old: &'a BTreeMap<String, T>, new: &'a BTreeMap<String, T>) -> Partition<'a, T> {
    let gone = old.keys().filter(|k| !new.contains_key(*k)).map(String::as_str);
    let both = old.iter().filter_map(|(k, o)| new.get(k).map(|n| (k.as_str(), o, n)));
    let added = new.keys().filter(|k| !old.contains_key(*k)).map(String::as_str);
    (gone.collect(), both.collect(), added.collect())
}

fn exports(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    if old.exports.is_empty() || new.exports.is_empty() {
        return;
    }
    // A function that is gone is reported as such; here are those that are declared and cannot be linked to.
    let declared = |abi: &Abi, name: &String| abi.functions.is_empty() || abi.functions.contains_key(name);
    let removed: BTreeSet<_> = old.exports.difference(&new.exports).collect();
    for name in removed {
        if declared(new, name) {
            changes.push(Change::new("export-removed", name, "exported", "not exported"));
        }
    }
    for name in new.exports.difference(&old.exports) {
        if declared(old, name) {
            changes.push(Change::new("export-added", name, "not exported", "exported"));
        }
    }
    for (name, was, now) in partition(&old.crcs, &new.crcs).1 {
        // Kernels compute CRCs in several ways, and a build shows one of them.
        for crc in now.difference(was) {
            let hex = |crc: &u32| format!("{crc:#010x}");
            let known: Vec<String> = was.iter().map(hex).collect();
            changes.push(Change::new("symbol-crc", name, known.join(" or "), hex(crc)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the comparison of two texts says, one line per change.
    pub(super) fn said(old: &str, new: &str) -> Vec<String> {
        let read = |text| crate::text::read(text, "test").expect("test text");
        let changes = compare(&read(old), &read(new));
        changes.iter().map(|c| format!("{} {}", c.rule.id, c.subject)).collect()
    }

    #[test]
    fn nothing_changed() {
        assert!(said(
            "fn nvb_a()\nconst NVB_A: i32 = 1\n",
            "fn nvb_a()\nconst NVB_A: i32 = 1\n"
        )
        .is_empty());
    }

    #[test]
    fn heaviest_first() {
        let old = "const NVB_A: i32 = 1\nfn nvb_a()\nfn nvb_b()\n";
        let new = "const NVB_A: i32 = 1\nconst NVB_B: i32 = 1\nfn nvb_a()\n";
        assert_eq!(said(old, new), ["function-removed nvb_b", "constant-added NVB_B"]);
    }

    #[test]
    fn exports_and_crcs() {
        let old = "fn nvb_a()\nfn nvb_b()\nexport nvb_a crc 0x00000001\nexport nvb_b\n";
        assert_eq!(
            said(old, "fn nvb_a()\nfn nvb_b()\nexport nvb_a crc 0x00000002\n"),
            ["symbol-crc nvb_a", "export-removed nvb_b"]
        );
        // Reported once, as a function.
        assert_eq!(
            said(old, "fn nvb_a()\nexport nvb_a crc 0x00000001\n"),
            ["function-removed nvb_b"]
        );
    }
}

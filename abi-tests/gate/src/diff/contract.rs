// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The contract: what types do not show.

use super::{partition, Change};
use crate::contract::*;
use crate::model::Abi;
use std::collections::{BTreeMap, BTreeSet};

pub fn compare(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    failures(old, new, changes);
    // A function that came or went is reported as such.
    for (name, was, now) in partition(&old.contract, &new.contract).1 {
        if was == now {
            continue;
        }
        let pair = Pair { name, was, now };
        let before = changes.len();
        pair.errors(&old.contract, &new.contract, changes);
        pair.success(changes);
        pair.pointers(changes);
        pair.surroundings(!old.functions.contains_key(name), changes);
        let (was, now) = (words(was), words(now));
        if changes.len() == before && was != now {
            changes.push(Change::new("contract-wording", name, was, now));
        }
    }
}

/// The core's failures. One that is gone and one that is new and has its errno are taken for one that was renamed.
fn failures(old: &Abi, new: &Abi, changes: &mut Vec<Change>) {
    // Sources other than the core's own tell nothing of them.
    if old.failures.is_empty() || new.failures.is_empty() {
        return;
    }
    let (gone, both, mut added) = partition(&old.failures, &new.failures);
    for (kind, was, now) in both.into_iter().filter(|(_, was, now)| was != now) {
        changes.push(Change::new("failure-errno", kind, was, now));
    }
    for kind in gone {
        let errno = &old.failures[kind];
        match added.iter().position(|name| new.failures[*name] == *errno) {
            Some(at) => changes.push(Change::new("failure-renamed", kind, kind, added.remove(at))),
            None => changes.push(Change::new("failure-removed", kind, errno, "")),
        }
    }
    for kind in added {
        changes.push(Change::new("failure-added", kind, "", &new.failures[kind]));
    }
}

/// The words of a contract, for a reader to compare.
fn words(contract: &Contract) -> String {
    let causes = contract
        .errors
        .iter()
        .map(|(errno, causes)| format!("{errno}: {}", causes.join("; ")));
    let all: Vec<String> = contract.success.iter().cloned().chain(causes).collect();
    all.join(" | ")
}

struct Pair<'a> {
    name: &'a str,
    was: &'a Contract,
    now: &'a Contract,
}

impl Pair<'_> {
    fn errors(&self, old: &Contracts, new: &Contracts, changes: &mut Vec<Change>) {
        let moved = self.moved_causes();
        for (cause, was, now) in &moved {
            let subject = format!("{}: {cause}", self.name);
            changes.push(Change::new("errno-cause", subject, was, now));
        }
        let told = |errno: &str| moved.iter().any(|(_, was, now)| was == errno || now == errno);
        let (was, now) = (errnos(self.was, old, self.name), errnos(self.now, new, self.name));
        for errno in now.difference(&was).filter(|e| !told(e)) {
            changes.push(Change::new("errno-added", self.name, "", errno));
        }
        for errno in was.difference(&now).filter(|e| !told(e)) {
            changes.push(Change::new("errno-removed", self.name, errno, ""));
        }
    }

    /// Causes that stand under another errno: cause, old errno, new errno.
    fn moved_causes(&self) -> Vec<(String, String, String)> {
        let by_cause = |contract: &Contract| -> BTreeMap<String, BTreeSet<String>> {
            let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (errno, causes) in &contract.errors {
                for cause in causes.iter().filter(|c| !c.is_empty()) {
                    map.entry(cause.clone()).or_default().insert(errno.clone());
                }
            }
            map
        };
        let (was, now) = (by_cause(self.was), by_cause(self.now));
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        let both = partition(&was, &now).1;
        let moved = both.into_iter().filter(|(_, a, b)| a != b);
        moved
            .map(|(cause, a, b)| (cause.to_owned(), list(a), list(b)))
            .collect()
    }

    fn success(&self, changes: &mut Vec<Change>) {
        let (was, now) = (success_values(self.was), success_values(self.now));
        if was != now {
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
            changes.push(Change::new("return-values", self.name, list(&was), list(&now)));
        }
    }

    fn pointers(&self, changes: &mut Vec<Change>) {
        for (param, was, now) in partition(&self.was.pointers, &self.now.pointers).1 {
            let subject = format!("{}({param})", self.name);
            if was.null != now.null {
                let id = match now.null {
                    Null::Refused => "null-refused",
                    Null::AllowedIfEmpty if was.null != Null::Refused => "null-refused",
                    _ => "null-relaxed",
                };
                changes.push(Change::new(id, subject.clone(), word(&was.null), word(&now.null)));
            }
            if was.ownership != now.ownership {
                changes.push(Change::new(
                    "ownership",
                    subject,
                    word(&was.ownership),
                    word(&now.ownership),
                ));
            }
        }
    }

    /// Context and threads. What is asked of a callback weighs the other way round: there the core is the caller.
    fn surroundings(&self, callback: bool, changes: &mut Vec<Change>) {
        if self.was.context != self.now.context {
            let wider = (self.now.context == Context::Any) != callback;
            let id = if wider { "context-relaxed" } else { "context-narrowed" };
            changes.push(Change::new(
                id,
                self.name,
                word(&self.was.context),
                word(&self.now.context),
            ));
        }
        if self.was.threads != self.now.threads {
            let wider = self.now.threads == Threads::Many;
            let id = if wider { "threads-relaxed" } else { "threads-narrowed" };
            changes.push(Change::new(
                id,
                self.name,
                word(&self.was.threads),
                word(&self.now.threads),
            ));
        }
    }
}

/// Errno values a function may return; `the platform's` stands for those of the caller's own platform.
fn errnos(contract: &Contract, all: &Contracts, name: &str) -> BTreeSet<String> {
    // Inherited ones count where the inheritance is: a change of theirs is reported with the function it is from.
    let inherited = contract.errors_of.iter().map(|f| format!("those of {f}()"));
    let own = all.get(name).into_iter().flat_map(|c| c.errors.keys().cloned());
    let platform = contract.platform_errors.then(|| "the platform's".to_owned());
    own.chain(inherited).chain(platform).collect()
}

/// Numbers and constants that success is told by.
fn success_values(contract: &Contract) -> BTreeSet<String> {
    let first = |clause: &String| {
        let word = clause.split([':', ' ', ',']).next().unwrap_or_default().to_owned();
        (word == "0" || word.starts_with("NVB_")).then_some(word)
    };
    contract.success.iter().filter_map(first).collect()
}

/// How the contract's file spells it.
fn word<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::docs;

    /// What is said of two documentations of one function.
    fn said(was: &str, now: &str) -> Vec<String> {
        let signature: syn::Signature = syn::parse_str("fn nvb_x(gpu: *mut nvb_gpu, buf: *mut u8)").expect("signature");
        let read = |text: &str| {
            let mut abi = Abi::default();
            abi.functions.insert(
                "nvb_x".into(),
                crate::ty::parse_signature("(gpu: *mut nvb_gpu, buf: *mut u8)").expect("signature"),
            );
            let contract = docs::function(&format!("nvb_x() - x\n{text}"), &signature);
            abi.contract.insert("nvb_x".into(), contract);
            abi
        };
        let mut changes = Vec::new();
        compare(&read(was), &read(now), &mut changes);
        changes.iter().map(|c| c.rule.id.clone()).collect()
    }

    #[test]
    fn errors() {
        let was = "Return: 0; -EBUSY if it runs; -EIO if it is broken.";
        assert_eq!(said(was, "Return: 0; -EBUSY if it runs."), ["errno-removed"]);
        assert_eq!(said(was, &format!("{was}; -EPERM if not allowed")), ["errno-added"]);
        assert_eq!(
            said(was, "Return: 0; -EAGAIN if it runs; -EIO if it is broken."),
            ["errno-cause"]
        );
        assert_eq!(
            said(was, "Return: 0; -EIO if it runs; -EBUSY if it is broken."),
            ["errno-cause", "errno-cause"]
        );
        assert_eq!(
            said(was, "Return: 0; -EBUSY if it is running; -EIO if it is broken."),
            ["contract-wording"]
        );
        assert_eq!(
            said(was, "Return: NVB_DONE; -EBUSY if it runs; -EIO if it is broken."),
            ["return-values"]
        );
    }

    #[test]
    fn pointers_and_surroundings() {
        assert_eq!(said("@buf: may be NULL if empty", "@buf: bytes"), ["null-refused"]);
        assert_eq!(
            said("@buf: bytes", "@buf: bytes; NULL is nothing to do"),
            ["null-relaxed"]
        );
        assert_eq!(
            said("@gpu: the GPU", "@gpu: the handle, invalid afterwards"),
            ["ownership"]
        );
        assert_eq!(said("Context: any", "Words."), ["context-narrowed"]);
        assert_eq!(said("Words.", "Context: any"), ["context-relaxed"]);
        assert_eq!(said("Words.", "No other call may run."), ["threads-narrowed"]);
        assert_eq!(said("No other call may run.", "Words."), ["threads-relaxed"]);
    }

    #[test]
    fn callbacks_weigh_the_other_way() {
        let read = |text: &str| {
            let mut abi = Abi::default();
            abi.contract.insert("nvb_platform.now".into(), docs::callback(text));
            abi
        };
        let mut changes = Vec::new();
        compare(
            &read("@now: time; may sleep"),
            &read("@now: time; any context"),
            &mut changes,
        );
        assert_eq!(changes[0].rule.id, "context-narrowed");
    }

    #[test]
    fn failures_keep_their_errno() {
        let read = |failures: &[(&str, &str)]| Abi {
            failures: failures.iter().map(|(k, e)| ((*k).into(), (*e).into())).collect(),
            ..Abi::default()
        };
        let said = |now: &[(&str, &str)]| {
            let mut changes = Vec::new();
            compare(
                &read(&[("Halt", "EIO"), ("Timeout", "ETIMEDOUT")]),
                &read(now),
                &mut changes,
            );
            let words = changes.iter().map(|c| format!("{} {}", c.rule.id, c.subject));
            words.collect::<Vec<_>>()
        };
        assert_eq!(said(&[("Halt", "EIO"), ("Timeout", "EIO")]), ["failure-errno Timeout"]);
        assert_eq!(
            said(&[("Halt", "EIO"), ("Stuck", "EIO")]),
            ["failure-removed Timeout", "failure-added Stuck"]
        );
        assert_eq!(
            said(&[("Halt", "EIO"), ("Late", "ETIMEDOUT")]),
            ["failure-renamed Timeout"]
        );
        assert!(said(&[]).is_empty());
    }
}

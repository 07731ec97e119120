// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The contract: what a function promises beside its types. Types cannot show it, so no compiler keeps it; it is read from
//! the documentation ([`crate::read::docs`]), kept as TOML beside each baseline, and generated tests hold the code to it.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What one function, or one callback, promises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Where it may be called from.
    #[serde(default)]
    pub context: Context,
    /// Who else may call meanwhile.
    #[serde(default)]
    pub threads: Threads,
    /// What success looks like, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<String>,
    /// Functions whose errors this one has too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors_of: Vec<String>,
    /// Whether errors of the caller's own platform are handed through.
    #[serde(default, skip_serializing_if = "is_false")]
    pub platform_errors: bool,
    /// Causes by errno name, in words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// Pointer parameters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pointers: BTreeMap<String, Pointer>,
}

fn is_false(b: &bool) -> bool {
    !b
}

/// Where a function may be called from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// Where sleeping is allowed.
    #[default]
    MaySleep,
    /// Anywhere, also in a hard interrupt.
    Any,
}

/// Who else may call while a function runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threads {
    /// Any number of threads.
    #[default]
    Many,
    /// Nobody: no other call on the same object may be under way.
    Exclusive,
}

/// What holds for a pointer parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// What NULL means.
    pub null: Null,
    /// Whose it is.
    pub ownership: Ownership,
}

/// What passing NULL does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Null {
    /// Refused with `-EINVAL`.
    Refused,
    /// Nothing is done, and that is success.
    Nothing,
    /// Means something of its own.
    Allowed,
    /// Allowed when the length that goes with it is 0, else refused.
    AllowedIfEmpty,
}

/// Who owns what a pointer points to, after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// The caller's, and only looked at during the call.
    Borrowed,
    /// The caller's, and written to.
    Filled,
    /// A new object is handed to the caller, who ends it.
    Created,
    /// Ends with the call.
    Consumed,
    /// The caller's, and kept by the core after the call.
    Kept,
}

/// Contracts by function name, and by callback as `type` or `struct.member`.
pub type Contracts = BTreeMap<String, Contract>;

const HEADING: &str = "\
# What the functions of the C ABI promise beside their types, as `novabridge abi snapshot` read it from their documentation.
# Generated C tests hold the code to it. Callbacks are what the core asks of its caller.
";

/// Writes the TOML form.
pub fn write(contracts: &Contracts) -> String {
    // Cannot fail: the keys are strings and the values plain data.
    let body = toml::to_string_pretty(contracts).unwrap_or_default();
    format!("{HEADING}\n{body}")
}

/// Reads the TOML form.
pub fn read(path: &Path) -> Result<Contracts> {
    let text = crate::error::read_text(path)?;
    toml::from_str(&text).map_err(|e| Error::Data {
        path: path.to_owned(),
        message: e.to_string(),
    })
}

/// What a contract says, fact by fact, each by its place in the TOML form.
pub fn facts(contract: &Contract) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    // Cannot fail: the keys are strings and the values plain data.
    tell(
        String::new(),
        &serde_json::to_value(contract).unwrap_or_default(),
        &mut facts,
    );
    facts
}

fn tell(place: String, value: &Value, facts: &mut BTreeMap<String, String>) {
    let words = match value {
        Value::Object(parts) => {
            for (name, part) in parts {
                let dot = if place.is_empty() { "" } else { "." };
                tell(format!("{place}{dot}{name}"), part, facts);
            }
            return;
        }
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    facts.insert(place, words);
}

/// All errors that a function may return: its own and those it takes over from others.
pub fn all_errors<'a>(contracts: &'a Contracts, name: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut errors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut pending = vec![name];
    let mut seen = Vec::new();
    while let Some(next) = pending.pop() {
        let contract = match contracts.get(next) {
            Some(contract) if !seen.contains(&next) => contract,
            _ => continue,
        };
        seen.push(next);
        for (errno, causes) in &contract.errors {
            errors
                .entry(errno)
                .or_default()
                .extend(causes.iter().map(String::as_str));
        }
        pending.extend(contract.errors_of.iter().map(String::as_str));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_inherited_once() {
        let mut contracts = Contracts::new();
        let with = |errno: &str, of: &[&str]| Contract {
            errors: [(errno.to_owned(), vec!["why".to_owned()])].into_iter().collect(),
            errors_of: of.iter().map(|s| (*s).to_owned()).collect(),
            ..Contract::default()
        };
        contracts.insert("a".into(), with("EIO", &["b"]));
        contracts.insert("b".into(), with("EBUSY", &["a"]));
        let all = all_errors(&contracts, "a");
        assert_eq!(all.keys().copied().collect::<Vec<_>>(), ["EBUSY", "EIO"]);
        assert_eq!(all["EIO"], ["why"]);
    }

    #[test]
    fn toml_form_reads_back() {
        let mut contract = Contract {
            context: Context::Any,
            ..Contract::default()
        };
        let pointer = Pointer {
            null: Null::AllowedIfEmpty,
            ownership: Ownership::Filled,
        };
        contract.pointers.insert("text".into(), pointer);
        let contracts = Contracts::from([("nvb_x".to_owned(), contract)]);
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), write(&contracts)).expect("write");
        assert_eq!(read(file.path()).expect("toml"), contracts);
    }
}

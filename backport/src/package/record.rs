// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The record of the C ABI that every package carries: its version and the hash of all that the ABI gate knows of it.
//!
//! Whoever holds a package and the core's baselines can tell whether they belong together: the hash is that of `abi.txt` and
//! `contract.toml`, one after the other, as `novabridge abi snapshot` writes them.

use crate::error::{Error, Result};
use novabridge_abi::check::{self, Inputs};
use novabridge_abi::{contract, text};
use sha2::{Digest, Sha256};
use std::path::Path;

/// What `modinfo -F nvb_abi` says of modules from a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(String);

impl Record {
    /// `1.0-` and 16 hexadecimal digits.
    pub fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn new(version: &str, model: &str, contract: &str) -> Self {
        let digest = Sha256::new().chain_update(model).chain_update(contract).finalize();
        // 64 bits tell ABIs apart; names of packages have to stay readable.
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Record(format!("{version}-{digits}"))
    }
}

/// Reads the ABI of the source tree.
///
/// # Errors
/// It cannot be read, its sources contradict each other, or its header states no version.
pub fn of_tree(source: &Path) -> Result<Record> {
    let unreadable = |found: String| Error::cell("the C ABI cannot be recorded").found(found);
    let (abi, drift) = check::current(&Inputs::new(source)).map_err(|error| unreadable(error.to_string()))?;
    if !drift.is_empty() {
        return Err(unreadable("header and Rust source contradict each other".to_owned()).fix("novabridge abi check"));
    }
    let version = abi
        .version()
        .ok_or_else(|| unreadable("the header states no version".to_owned()))?;
    Ok(Record::new(
        &version.to_string(),
        &text::write(&abi),
        &contract::write(&abi.contract),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_abis_apart() {
        let record = Record::new("1.0", "fn nvb_a()\n", "[nvb_a]\n");
        assert_eq!(record.text(), "1.0-55e413e76b5e4e6f");
        assert_ne!(record, Record::new("1.0", "fn nvb_b()\n", "[nvb_a]\n"));
        assert_ne!(record, Record::new("1.0", "fn nvb_a()\n", ""));
    }

    #[test]
    fn the_record_is_the_hash_of_what_a_snapshot_writes() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let dir = crate::cache::tests::Scratch::new("record");
        let (abi, _) = check::current(&Inputs::new(&top)).unwrap();
        check::write_baseline(&abi, &top.join("capi/include/novabridge.h"), &dir.0).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.0.join(name)).unwrap();
        let expected = Record::new("1.0", &read("abi.txt"), &read("contract.toml"));
        assert_eq!(of_tree(&top).unwrap(), expected);
    }
}

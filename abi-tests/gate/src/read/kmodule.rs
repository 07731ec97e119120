// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Kernel modules: what they export to other modules, and the CRCs that the module loader compares (MODVERSIONS).

use super::elf::Elf;
use crate::model::{Abi, PREFIX};
use crate::{Error, Result};
use std::path::Path;

/// A line of `Module.symvers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symvers {
    /// CRC of the symbol's type, 0 for kernels without MODVERSIONS.
    pub crc: u32,
    /// The symbol.
    pub symbol: String,
}

/// Reads the symbols of the ABI in a `Module.symvers`.
pub fn read_symvers(path: &Path) -> Result<Vec<Symvers>> {
    let text = crate::error::read_text(path)?;
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split('\t').collect();
        let parsed = match fields.as_slice() {
            [crc, symbol, _module, _export, ..] => {
                let crc = u32::from_str_radix(crc.trim_start_matches("0x"), 16).ok();
                crc.map(|crc| (crc, *symbol))
            }
            _ => None,
        };
        let (crc, symbol) = parsed.ok_or_else(|| Error::Syntax {
            place: format!("{}:{}", path.display(), i + 1),
            expected: "CRC, symbol, module and kind of export, separated by tabs".into(),
            found: line.to_owned(),
        })?;
        if symbol.starts_with(PREFIX) {
            found.push(Symvers {
                crc,
                symbol: symbol.to_owned(),
            });
        }
    }
    Ok(found)
}

/// Adds the CRCs that a `Module.symvers` tells.
pub fn add_crcs(abi: &mut Abi, symvers: &Path) -> Result<()> {
    for line in read_symvers(symvers)? {
        if line.crc != 0 {
            abi.crcs.entry(line.symbol).or_default().insert(line.crc);
        }
    }
    Ok(())
}

/// Reads a module. Functions and types are known if it has debug information.
pub fn read(module: &Path) -> Result<Abi> {
    let bytes = std::fs::read(module).map_err(Error::io(module))?;
    let elf = Elf::parse(&bytes, module)?;
    let mut abi = super::dwarf::read(&elf)?;
    // A module's functions are all global to its linker; what others can use has an entry in the export table.
    let names = elf.symbol_names();
    abi.exports = names.iter().filter_map(|n| exported(n)).collect();
    super::archive::exporting(abi, module)
}

/// The symbol that an entry of the export table is about.
fn exported(entry: &str) -> Option<String> {
    let symbol = entry.strip_prefix("__ksymtab_")?;
    symbol.starts_with(PREFIX).then(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symvers_lines() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let text = "0x1a2b3c4d\tnvb_gpu_boot\t/x/novabridge\tEXPORT_SYMBOL_GPL\t\n0x00000000\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n";
        std::fs::write(file.path(), text).expect("write");
        let read = read_symvers(file.path()).expect("symvers");
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].crc, read[0].symbol.as_str()), (0x1a2b_3c4d, "nvb_gpu_boot"));

        std::fs::write(file.path(), "what\n").expect("write");
        assert!(read_symvers(file.path())
            .unwrap_err()
            .to_string()
            .contains(":1: expected CRC"));
    }

    #[test]
    fn export_table_names() {
        assert_eq!(exported("__ksymtab_nvb_gpu_boot").as_deref(), Some("nvb_gpu_boot"));
        assert_eq!(exported("__ksymtab_other"), None);
        assert_eq!(exported("nvb_gpu_boot"), None);
    }
}

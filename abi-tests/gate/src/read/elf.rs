// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! ELF files as the readers need them: sections with their relocations applied, and the symbols others can link to.

use crate::{Error, Result};
use object::read::{Object, ObjectSection, ObjectSymbol, RelocationTarget};
use object::{RelocationKind, SymbolKind, SymbolScope};
use std::collections::BTreeSet;
use std::path::Path;

/// An ELF file in memory.
pub struct Elf<'a> {
    file: object::File<'a>,
    path: &'a Path,
}

impl<'a> Elf<'a> {
    /// Parses `bytes`; `path` is for errors.
    pub fn parse(bytes: &'a [u8], path: &'a Path) -> Result<Self> {
        let file = object::File::parse(bytes).map_err(Error::object(path))?;
        Ok(Elf { file, path })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        self.path
    }

    /// Bytes of a section with its relocations applied, empty if there is none. An object that was not linked says in
    /// relocations what a linked one says in bytes.
    pub fn section(&self, name: &str) -> Result<Vec<u8>> {
        let section = match self.file.section_by_name(name) {
            Some(section) => section,
            None => return Ok(Vec::new()),
        };
        let data = section.uncompressed_data().map_err(Error::object(self.path))?;
        let mut data = data.into_owned();
        for (at, relocation) in section.relocations() {
            let target = match relocation.target() {
                RelocationTarget::Symbol(index) => self.file.symbol_by_index(index).map_or(0, |s| s.address()),
                _ => 0,
            };
            let value = target.wrapping_add(relocation.addend() as u64);
            let absolute = relocation.kind() == RelocationKind::Absolute;
            let (at, bytes) = (at as usize, usize::from(relocation.size()) / 8);
            if let (true, Some(place)) = (absolute, data.get_mut(at..at + bytes)) {
                place.copy_from_slice(&value.to_le_bytes()[..bytes]);
            }
        }
        Ok(data)
    }

    /// Bytes of a data symbol.
    pub fn data_of(&self, name: &str) -> Option<Vec<u8>> {
        let symbol = self.file.symbol_by_name(name)?;
        let section = self.file.section_by_index(symbol.section_index()?).ok()?;
        let size = symbol.size() as usize;
        let start = (symbol.address() - section.address()) as usize;
        match section.data().ok()? {
            // .bss
            [] => Some(vec![0; size]),
            data => data.get(start..start + size).map(<[u8]>::to_vec),
        }
    }

    /// Functions that others can link to. Of a shared object, those in its dynamic table.
    pub fn exported_functions(&self) -> BTreeSet<String> {
        let is_shared = self.file.dynamic_symbols().next().is_some();
        let mut names = BTreeSet::new();
        let mut add = |symbol: object::Symbol<'_, '_>| {
            let linkable = matches!(symbol.scope(), SymbolScope::Linkage | SymbolScope::Dynamic);
            if symbol.is_definition() && linkable && symbol.kind() == SymbolKind::Text {
                if let Ok(name) = symbol.name() {
                    names.insert(name.to_owned());
                }
            }
        };
        if is_shared {
            self.file.dynamic_symbols().for_each(&mut add);
        } else {
            self.file.symbols().for_each(&mut add);
        }
        names
    }

    /// Names of all symbols, defined here or not.
    pub fn symbol_names(&self) -> BTreeSet<String> {
        let names = self.file.symbols().filter_map(|s| s.name().ok().map(str::to_owned));
        names.filter(|n| !n.is_empty()).collect()
    }

    /// Value of an absolute symbol.
    pub fn absolute(&self, name: &str) -> Option<u64> {
        self.file.symbol_by_name(name).map(|s| s.address())
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Sizes and offsets of C types, from the DWARF of one compilation unit.

use anyhow::{anyhow, bail, Context, Result};
use gimli::{AttributeValue, LittleEndian, Reader as _, UnitOffset};
use object::{Object, ObjectSection};
use std::collections::HashMap;
use std::sync::Arc;

type Reader = gimli::EndianReader<LittleEndian, Arc<[u8]>>;
type Entry<'a> = gimli::DebuggingInformationEntry<'a, 'a, Reader>;

/// Where a member lies and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// From the start of the outermost struct.
    pub offset: u64,
    /// Elements when it is an array (0: a flexible one), else 1.
    pub count: u64,
    /// Bytes of one element.
    pub stride: u64,
}

/// The types of one compilation unit.
pub struct Types {
    dwarf: gimli::Dwarf<Reader>,
    unit: gimli::Unit<Reader>,
    named: HashMap<String, UnitOffset>,
    enumerators: HashMap<String, u64>,
}

impl Types {
    /// Reads the object's debug information; it has to hold a single unit.
    pub fn read(object: &[u8]) -> Result<Self> {
        let file = object::File::parse(object)?;
        let dwarf = gimli::Dwarf::load(|id| -> Result<Reader> {
            let data = match file.section_by_name(id.name()) {
                Some(section) => relocated(&file, &section)?,
                None => Vec::new(),
            };
            Ok(Reader::new(Arc::from(data), LittleEndian))
        })?;
        let header = dwarf.units().next()?.context("the object has no debug information")?;
        let unit = dwarf.unit(header)?;
        let mut types = Types {
            dwarf,
            unit,
            named: HashMap::new(),
            enumerators: HashMap::new(),
        };
        types.index()?;
        Ok(types)
    }

    fn index(&mut self) -> Result<()> {
        let (mut named, mut enumerators) = (HashMap::new(), HashMap::new());
        let mut entries = self.unit.entries();
        while let Some((_, entry)) = entries.next_dfs()? {
            let Some(name) = self.name(entry)? else { continue };
            match entry.tag() {
                gimli::DW_TAG_typedef => {
                    named.insert(name, entry.offset());
                }
                gimli::DW_TAG_structure_type if entry.attr_value(gimli::DW_AT_byte_size)?.is_some() => {
                    named.entry(name).or_insert(entry.offset());
                }
                gimli::DW_TAG_enumerator => {
                    let value = entry
                        .attr(gimli::DW_AT_const_value)?
                        .and_then(|a| a.udata_value().or_else(|| a.sdata_value().map(|v| v as u64)));
                    enumerators.insert(name, value.context("an enumerator has no value")?);
                }
                _ => {}
            }
        }
        self.named = named;
        self.enumerators = enumerators;
        Ok(())
    }

    /// The value of an enumerator.
    pub fn enumerator(&self, name: &str) -> Option<u64> {
        self.enumerators.get(name).copied()
    }

    /// `sizeof(name)`; `None` when the headers know no such type.
    pub fn size(&self, name: &str) -> Result<Option<u64>> {
        self.named.get(name).map(|&at| self.size_at(at)).transpose()
    }

    /// The member `path` (`a.b`) of the struct `name`; `None` when it has no such member.
    pub fn member(&self, name: &str, path: &str) -> Result<Option<Member>> {
        let mut at = *self.named.get(name).ok_or_else(|| anyhow!("no type `{name}`"))?;
        let mut offset = 0;
        for part in path.split('.') {
            match self.find(at, part)? {
                Some((inner, kind)) => {
                    offset += inner;
                    at = kind;
                }
                None => return Ok(None),
            }
        }
        let at = self.resolve(at)?;
        let entry = self.unit.entry(at)?;
        let (count, stride) = if entry.tag() == gimli::DW_TAG_array_type {
            (self.elements(at)?, self.size_at(self.kind(&entry)?)?)
        } else {
            (1, self.size_at(at)?)
        };
        Ok(Some(Member { offset, count, stride }))
    }

    /// Offset and type of member `name` of the struct at `at`, also through unnamed structs and unions.
    fn find(&self, at: UnitOffset, name: &str) -> Result<Option<(u64, UnitOffset)>> {
        let mut tree = self.unit.entries_tree(Some(self.resolve(at)?))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() != gimli::DW_TAG_member {
                continue;
            }
            let offset = entry
                .attr(gimli::DW_AT_data_member_location)?
                .and_then(|a| a.udata_value())
                .unwrap_or(0);
            let kind = self.kind(entry)?;
            match self.name(entry)? {
                Some(n) if n == name => return Ok(Some((offset, kind))),
                Some(_) => {}
                None => {
                    if let Some((inner, kind)) = self.find(kind, name)? {
                        return Ok(Some((offset + inner, kind)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The type behind typedefs and qualifiers.
    fn resolve(&self, mut at: UnitOffset) -> Result<UnitOffset> {
        loop {
            let entry = self.unit.entry(at)?;
            match entry.tag() {
                gimli::DW_TAG_typedef | gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type => {
                    at = self.kind(&entry)?
                }
                _ => return Ok(at),
            }
        }
    }

    fn size_at(&self, at: UnitOffset) -> Result<u64> {
        let at = self.resolve(at)?;
        let entry = self.unit.entry(at)?;
        if entry.tag() == gimli::DW_TAG_array_type {
            return Ok(self.elements(at)? * self.size_at(self.kind(&entry)?)?);
        }
        match entry.attr(gimli::DW_AT_byte_size)?.and_then(|a| a.udata_value()) {
            Some(size) => Ok(size),
            None => bail!("a type of tag {} has no size", entry.tag()),
        }
    }

    /// Elements of the array at `at`, over all dimensions.
    fn elements(&self, at: UnitOffset) -> Result<u64> {
        let mut tree = self.unit.entries_tree(Some(at))?;
        let mut children = tree.root()?.children();
        let mut elements = 1;
        while let Some(child) = children.next()? {
            if child.entry().tag() == gimli::DW_TAG_subrange_type {
                let bound = child
                    .entry()
                    .attr(gimli::DW_AT_upper_bound)?
                    .and_then(|a| a.udata_value());
                elements *= bound.map_or(0, |b| b + 1);
            }
        }
        Ok(elements)
    }

    fn kind(&self, entry: &Entry<'_>) -> Result<UnitOffset> {
        match entry.attr_value(gimli::DW_AT_type)? {
            Some(AttributeValue::UnitRef(at)) => Ok(at),
            other => bail!("expected a type, found {other:?}"),
        }
    }

    fn name(&self, entry: &Entry<'_>) -> Result<Option<String>> {
        match entry.attr_value(gimli::DW_AT_name)? {
            Some(value) => Ok(Some(
                self.dwarf.attr_string(&self.unit, value)?.to_string()?.into_owned(),
            )),
            None => Ok(None),
        }
    }
}

/// A section's bytes with its relocations applied: in an object file, names are reached through them.
fn relocated<'a>(file: &object::File<'a>, section: &object::Section<'a, '_>) -> Result<Vec<u8>> {
    use object::{ObjectSymbol, RelocationTarget};
    let mut data = section.uncompressed_data()?.into_owned();
    for (at, relocation) in section.relocations() {
        let base = match relocation.target() {
            RelocationTarget::Symbol(symbol) => file.symbol_by_index(symbol)?.address(),
            _ => 0,
        };
        let value = (base as i64).wrapping_add(relocation.addend());
        let len = usize::from(relocation.size() / 8);
        let at = at as usize;
        data.get_mut(at..at + len)
            .context("a relocation lies outside its section")?
            .copy_from_slice(&value.to_le_bytes()[..len]);
    }
    Ok(data)
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! DWARF entries as a plain tree, free of the reader's types: only the attributes that describe an interface.

use super::elf::Elf;
use crate::{Error, Result};
use gimli::{AttributeValue, DwAt, DwTag, EndianSlice, LittleEndian};
use std::collections::HashMap;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// A debugging information entry.
#[derive(Debug)]
pub struct Die {
    /// What it describes.
    pub tag: DwTag,
    /// `DW_AT_name`.
    pub name: String,
    /// `DW_AT_linkage_name`, the symbol, where it is not the name.
    pub symbol: Option<String>,
    /// Index of the type's entry.
    pub ty: Option<usize>,
    /// Indices of the entries inside.
    pub children: Vec<usize>,
    /// `DW_AT_byte_size`.
    pub size: Option<u64>,
    /// `DW_AT_alignment`.
    pub align: Option<u64>,
    /// `DW_AT_data_member_location`.
    pub offset: Option<u64>,
    /// `DW_AT_data_bit_offset` and `DW_AT_bit_size`.
    pub bits: Option<(u64, u64)>,
    /// Elements of an array dimension.
    pub count: Option<u64>,
    /// `DW_AT_encoding` of a base type.
    pub encoding: u64,
    /// `DW_AT_const_value` of an enumerator.
    pub value: Option<i128>,
    /// Has no definition here.
    pub declaration: bool,
}

/// All entries of a file.
pub struct Dies {
    entries: Vec<Die>,
}

impl Dies {
    /// Reads the entries of all units but those of the Rust standard library and of assemblers. Empty without debug information.
    pub fn read(elf: &Elf<'_>) -> Result<Self> {
        let path = elf.path();
        let sections = gimli::DwarfSections::load(|id| elf.section(id.name()))?;
        let dwarf = sections.borrow(|data| EndianSlice::new(data, LittleEndian));
        let mut dies = Dies { entries: Vec::new() };
        // Where an entry refers to its type, by section offset; the index is known when all are read.
        let mut types: Vec<(usize, usize)> = Vec::new();
        let mut index: HashMap<usize, usize> = HashMap::new();
        let mut units = dwarf.units();
        while let Some(header) = units.next().map_err(Error::object(path))? {
            let unit = dwarf.unit(header).map_err(Error::object(path))?;
            let foreign = unit.comp_dir.is_some_and(|dir| dir.slice().starts_with(b"/rustc/"));
            let root = unit.entry(unit.header.root_offset()).map_err(Error::object(path))?;
            // Assemblers name functions too, and know nothing of their types.
            let assembler = AttributeValue::Language(gimli::DW_LANG_Mips_Assembler);
            let assembled = root.attr_value(gimli::DW_AT_language) == Some(assembler);
            if !foreign && !assembled {
                dies.read_unit(&dwarf, &unit, &mut types, &mut index)
                    .map_err(Error::object(path))?;
            }
        }
        for (die, offset) in types {
            dies.entries[die].ty = index.get(&offset).copied();
        }
        Ok(dies)
    }

    fn read_unit(
        &mut self,
        dwarf: &gimli::Dwarf<Slice<'_>>,
        unit: &gimli::Unit<Slice<'_>>,
        types: &mut Vec<(usize, usize)>,
        index: &mut HashMap<usize, usize>,
    ) -> gimli::Result<()> {
        let base = unit.header.debug_info_offset().map_or(0, |o| o.0);
        let mut parents: Vec<(isize, usize)> = Vec::new();
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            let mut die = Die::new(entry.tag());
            let here = self.entries.len();
            for attribute in entry.attrs() {
                match (attribute.name(), attribute.value()) {
                    (gimli::DW_AT_type, AttributeValue::UnitRef(at)) => types.push((here, base + at.0)),
                    (gimli::DW_AT_type, AttributeValue::DebugInfoRef(at)) => types.push((here, at.0)),
                    (name, value) => die.take(name, value, |v| {
                        let text = dwarf.attr_string(unit, v).ok()?;
                        Some(text.to_string_lossy().into_owned())
                    }),
                }
            }
            while parents.last().is_some_and(|(depth, _)| *depth >= entry.depth()) {
                parents.pop();
            }
            if let Some((_, parent)) = parents.last() {
                self.entries[*parent].children.push(here);
            }
            parents.push((entry.depth(), here));
            index.insert(base + entry.offset().0, here);
            self.entries.push(die);
        }
        Ok(())
    }

    /// The entry at `index`.
    pub fn get(&self, index: usize) -> &Die {
        &self.entries[index]
    }

    /// All entries with their indices.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Die)> {
        self.entries.iter().enumerate()
    }

    /// The entries inside `die` that have one of the tags.
    pub fn children<'a>(&'a self, die: &'a Die, tags: &'a [DwTag]) -> impl Iterator<Item = &'a Die> {
        let children = die.children.iter().map(move |i| &self.entries[*i]);
        children.filter(move |child| tags.contains(&child.tag))
    }

    /// Whether there is any debug information.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Die {
    fn new(tag: DwTag) -> Self {
        Die {
            tag,
            name: String::new(),
            symbol: None,
            ty: None,
            children: Vec::new(),
            size: None,
            align: None,
            offset: None,
            bits: None,
            count: None,
            encoding: 0,
            value: None,
            declaration: false,
        }
    }

    fn take<'a>(
        &mut self,
        name: DwAt,
        value: AttributeValue<Slice<'a>>,
        text: impl Fn(AttributeValue<Slice<'a>>) -> Option<String>,
    ) {
        let number = value.udata_value();
        match name {
            gimli::DW_AT_name => self.name = text(value).unwrap_or_default(),
            gimli::DW_AT_linkage_name => self.symbol = text(value),
            gimli::DW_AT_byte_size => self.size = number,
            gimli::DW_AT_alignment => self.align = number,
            gimli::DW_AT_data_member_location => self.offset = number,
            gimli::DW_AT_data_bit_offset => self.bits = Some((number.unwrap_or(0), self.bits.map_or(0, |b| b.1))),
            gimli::DW_AT_bit_size => self.bits = Some((self.bits.map_or(0, |b| b.0), number.unwrap_or(0))),
            gimli::DW_AT_count => self.count = number,
            gimli::DW_AT_upper_bound => self.count = number.map(|last| last + 1),
            gimli::DW_AT_encoding => {
                self.encoding = match value {
                    AttributeValue::Encoding(e) => u64::from(e.0),
                    _ => number.unwrap_or(0),
                }
            }
            gimli::DW_AT_const_value => {
                self.value = value.sdata_value().map(i128::from).or(number.map(i128::from));
            }
            gimli::DW_AT_declaration => self.declaration = value == AttributeValue::Flag(true),
            _ => {}
        }
    }
}

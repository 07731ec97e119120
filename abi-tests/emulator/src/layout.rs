// SPDX-License-Identifier: MIT
//! Struct layouts and numbers of the firmware releases, read from the data files in `layouts/`.

use crate::bytes::{get, put};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::OnceLock};

/// The releases the emulator speaks, oldest first.
pub(crate) fn releases() -> &'static [Release] {
    static ALL: OnceLock<Vec<Release>> = OnceLock::new();
    ALL.get_or_init(|| {
        [
            include_str!("../layouts/535.113.01.toml"),
            include_str!("../layouts/570.144.toml"),
        ]
        .into_iter()
        .map(|text| toml::from_str(text).expect("a committed layout file parses"))
        .collect()
    })
}

/// The release of that name.
pub(crate) fn release(name: &str) -> Option<&'static Release> {
    releases().iter().find(|r| r.release == name)
}

/// One firmware release. The data files explain each value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub release: String,
    pub vgpu_version: [u64; 2],
    pub event_lockdown_notice: u32,
    pub event_end: u32,
    pub mc_engine_gsp: u16,
    pub engines: u32,
    pub heap_carveout_mib: u64,
    pub heap_min_mib: u64,
    pub heap_max_mib: u64,
    pub heap_vgpu_mib: u64,
    pub heap_vgpu_max_mib: u64,
    pub scrubber: bool,
    pub plugin_kernel_log: u64,
    structs: BTreeMap<String, Struct>,
}

impl Release {
    /// The layout of struct `name`, which the data file has.
    pub fn layout(&self, name: &str) -> &Struct {
        &self.structs[name]
    }

    /// Bytes of struct `name`.
    pub fn size(&self, name: &str) -> usize {
        self.structs[name].size
    }

    /// Looks at `bytes` as struct `name`.
    pub fn view<'a>(&'a self, name: &str, bytes: &'a [u8]) -> View<'a> {
        View {
            layout: &self.structs[name],
            bytes,
        }
    }
}

/// Size and fields of one struct.
#[derive(Debug, Deserialize)]
pub(crate) struct Struct {
    pub size: usize,
    /// Offset and size by name.
    fields: BTreeMap<String, (usize, usize)>,
}

impl Struct {
    /// Where a field is; `None` when this release has no such field.
    pub fn offset(&self, field: &str) -> Option<usize> {
        self.fields.get(field).map(|f| f.0)
    }

    /// A zeroed struct.
    pub fn zeroed(&self) -> Vec<u8> {
        vec![0; self.size]
    }

    /// Sets a field, which the layout has, of a struct in `bytes`.
    pub fn set(&self, bytes: &mut [u8], field: &str, value: u64) {
        let (at, size) = self.fields[field];
        put(bytes, at, &value.to_le_bytes()[..size]);
    }

    /// Sets a field if this release has it.
    pub fn set_if(&self, bytes: &mut [u8], field: &str, value: u64) {
        if self.fields.contains_key(field) {
            self.set(bytes, field, value);
        }
    }

    /// Sets a text field; the last byte stays NUL.
    pub fn set_text(&self, bytes: &mut [u8], field: &str, text: &str) {
        let (at, size) = self.fields[field];
        let n = text.len().min(size - 1);
        put(bytes, at, &text.as_bytes()[..n]);
    }

    /// Copies bytes into a field.
    pub fn set_bytes(&self, bytes: &mut [u8], field: &str, value: &[u8]) {
        let (at, size) = self.fields[field];
        let n = value.len().min(size);
        put(bytes, at, &value[..n]);
    }
}

/// A struct in a buffer. What lies beyond the buffer's end reads as zero.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    layout: &'a Struct,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// A number field, which the layout has.
    pub fn get(&self, field: &str) -> u64 {
        self.opt(field).expect("the layout has the field")
    }

    /// A 32-bit field.
    pub fn get32(&self, field: &str) -> u32 {
        self.get(field) as u32
    }

    /// A number field if this release has it.
    pub fn opt(&self, field: &str) -> Option<u64> {
        let (at, size) = *self.layout.fields.get(field)?;
        let wide = u64::from_le_bytes(get(self.bytes, at));
        Some(if size < 8 {
            wide & !(u64::MAX << (8 * size))
        } else {
            wide
        })
    }

    /// The bytes of a field, cut where the buffer ends.
    pub fn bytes(&self, field: &str) -> &'a [u8] {
        let (at, size) = self.layout.fields[field];
        let from = self.bytes.get(at..).unwrap_or_default();
        &from[..size.min(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_sane() {
        assert_eq!(releases().len(), 2);
        for release in releases() {
            for (name, layout) in &release.structs {
                for (field, (at, size)) in &layout.fields {
                    assert!(at + size <= layout.size, "{} {name}.{field}", release.release);
                }
            }
        }
    }

    #[test]
    fn fields_are_set_and_read() {
        let r570 = release("570.144").unwrap();
        let layout = r570.layout("GspFwWprMeta");
        let mut bytes = layout.zeroed();
        layout.set(&mut bytes, "gspFwHeapVfPartitionCount", 0x1ff);
        layout.set(&mut bytes, "verified", u64::MAX);
        assert_eq!(r570.view("GspFwWprMeta", &bytes).get("gspFwHeapVfPartitionCount"), 0xff);
        assert_eq!(bytes[241], 0, "one byte is one byte");
        assert_eq!(r570.view("GspFwWprMeta", &bytes[..100]).get("verified"), 0);
        assert_eq!(
            release("535.113.01").unwrap().view("GspFwWprMeta", &bytes).opt("flags"),
            None
        );
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The guest's root file system as a cpio archive (format `newc`, see `buffer-format.rst` in the kernel's documentation).
//!
//! Not compressed: the emulated processor would take longer to unpack it than the host takes to read it.

use crate::error::{PathContext, Result};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
const CHARACTER_DEVICE: u32 = 0o020_600;
const ALIGNMENT: usize = 4;

/// Writes an archive; parents of each file are added by themselves.
pub struct Archive<W: Write> {
    out: W,
    known: BTreeSet<String>,
    inode: u32,
    written: usize,
}

impl Archive<BufWriter<fs::File>> {
    /// An archive in a new file.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Archive::new(BufWriter::new(fs::File::create(path).on("create", path)?)))
    }
}

impl<W: Write> Archive<W> {
    /// An archive into `out`.
    pub fn new(out: W) -> Self {
        Archive {
            out,
            known: BTreeSet::new(),
            inode: 0,
            written: 0,
        }
    }

    /// Adds a program.
    ///
    /// # Errors
    /// The output refuses.
    pub fn program(&mut self, name: &str, data: &[u8]) -> std::io::Result<()> {
        self.parents(name)?;
        self.item(name, PROGRAM, (0, 0), data)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// The output refuses.
    pub fn file(&mut self, name: &str, data: &[u8]) -> std::io::Result<()> {
        self.parents(name)?;
        self.item(name, FILE, (0, 0), data)
    }

    /// Adds an empty directory.
    ///
    /// # Errors
    /// The output refuses.
    pub fn directory(&mut self, name: &str) -> std::io::Result<()> {
        self.parents(&format!("{name}/"))
    }

    /// Adds a character device.
    ///
    /// # Errors
    /// The output refuses.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) -> std::io::Result<()> {
        self.parents(name)?;
        self.item(name, CHARACTER_DEVICE, (major, minor), &[])
    }

    /// Writes the end mark.
    ///
    /// # Errors
    /// The output refuses.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.inode = 0;
        self.item("TRAILER!!!", 0, (0, 0), &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn parents(&mut self, name: &str) -> std::io::Result<()> {
        let ends: Vec<usize> = name.match_indices('/').map(|(at, _)| at).collect();
        for end in ends {
            let parent = name.get(..end).unwrap_or_default();
            if !parent.is_empty() && self.known.insert(parent.to_owned()) {
                let parent = parent.to_owned();
                self.item(&parent, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    /// One header, name and content; all numbers are eight hexadecimal digits.
    fn item(&mut self, name: &str, mode: u32, device: (u32, u32), data: &[u8]) -> std::io::Result<()> {
        let too_large = |_| std::io::Error::new(std::io::ErrorKind::FileTooLarge, "a file for the guest is over 4 GiB");
        self.inode += 1;
        let size = u32::try_from(data.len()).map_err(too_large)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_large)?;
        let links = if mode == DIRECTORY { 2 } else { 1 };
        let fields = [
            self.inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            header.push_str(&format!("{field:08x}"));
        }
        header.push_str(name);
        header.push('\0');
        self.padded(header.as_bytes())?;
        self.padded(data)
    }

    fn padded(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len();
        let padding = self.written.next_multiple_of(ALIGNMENT) - self.written;
        self.written += padding;
        self.out.write_all([0; ALIGNMENT].get(..padding).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        archive.program("init", b"#!").unwrap();
        archive.file("lib/firmware/a.bin", &[7; 5]).unwrap();
        archive.file("lib/firmware/b.bin", b"").unwrap();
        archive.device("dev/console", 5, 1).unwrap();
        archive.directory("proc").unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn headers_are_aligned_and_complete() {
        let bytes = sample();
        assert_eq!(bytes.len() % ALIGNMENT, 0);
        assert!(bytes.starts_with(b"07070100000001000081ed"));
        let names = [
            "init",
            "lib",
            "lib/firmware",
            "lib/firmware/a.bin",
            "lib/firmware/b.bin",
            "dev",
            "dev/console",
            "proc",
            "TRAILER!!!",
        ];
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(text.matches("070701").count(), names.len());
        let mut from = 0;
        for name in names {
            from += text[from..]
                .find(&format!("{name}\0"))
                .unwrap_or_else(|| panic!("{name} in order"));
        }
    }
}

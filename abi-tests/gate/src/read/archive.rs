// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Static libraries. A Rust archive holds hundreds of members, most of them the standard library's; only those that define
//! something of the ABI are looked into.

use super::elf::Elf;
use crate::model::{Abi, PREFIX};
use crate::{Error, Result};
use object::read::archive::ArchiveFile;
use std::path::Path;

/// Whether `bytes` are an archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"!<arch>\n")
}

/// Reads an object, an archive or a shared object.
pub fn read(path: &Path) -> Result<Abi> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    if !is_archive(&bytes) {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(Error::Object {
                path: path.to_owned(),
                message:
                    "expected an object, a shared object or an archive of objects, found neither ELF's mark nor ar's"
                        .into(),
            });
        }
        return exporting(super::dwarf::read(&Elf::parse(&bytes, path)?)?, path);
    }
    let archive = ArchiveFile::parse(bytes.as_slice()).map_err(Error::object(path))?;
    let mut abi = Abi::default();
    for member in archive.members() {
        let member = member.map_err(Error::object(path))?;
        let data = member.data(bytes.as_slice()).map_err(Error::object(path))?;
        // Rust archives carry metadata members that are no objects.
        if !data.starts_with(b"\x7fELF") {
            continue;
        }
        // Members start at even addresses; the parser wants better aligned ones.
        let data = data.to_vec();
        let elf = Elf::parse(&data, path)?;
        if elf.exported_functions().iter().any(|name| name.starts_with(PREFIX)) {
            merge(&mut abi, super::dwarf::read(&elf)?);
        }
    }
    exporting(abi, path)
}

/// Refuses what exports nothing of the ABI: all that could be said of it is that it does not differ.
pub(super) fn exporting(abi: Abi, path: &Path) -> Result<Abi> {
    match abi.exports.is_empty() {
        false => Ok(abi),
        true => Err(Error::Object {
            path: path.to_owned(),
            message: format!(
                "expected it to export {PREFIX}* functions, found none; is it the right file, and are they visible?"
            ),
        }),
    }
}

fn merge(into: &mut Abi, from: Abi) {
    into.functions.extend(from.functions);
    into.types.extend(from.types);
    into.exports.extend(from.exports);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused_in_words() {
        let dir = tempfile::tempdir().expect("directory");
        for (content, words) in [
            (&b""[..], "expected an object"),
            (b"hello\n", "expected an object"),
            (b"\x7fELF", "file"),
            (b"!<arch>\n", "expected it to export nvb_*"),
        ] {
            let path = dir.path().join("library");
            std::fs::write(&path, content).expect("write");
            let error = read(&path).expect_err("refused").to_string();
            assert!(error.contains("library: ") && error.contains(words), "{error}");
        }
    }
    #[test]
    fn a_library_without_the_abi_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        let built = |source: &str| {
            let (file, object) = (dir.path().join("x.c"), dir.path().join("x.so"));
            std::fs::write(&file, source).expect("write");
            let mut cc = std::process::Command::new("cc");
            let status = cc.args(["-shared", "-fPIC", "-o"]).arg(&object).arg(&file).status();
            assert!(status.expect("cc").success());
            read(&object)
        };
        assert_eq!(built("int nvb_x(void) { return 0; }").expect("object").exports.len(), 1);
        for hidden in [
            "int other(void) { return 0; }",
            "__attribute__((visibility(\"hidden\"))) int nvb_x(void) { return 0; }",
        ] {
            let error = built(hidden).expect_err("refused").to_string();
            assert!(error.contains("expected it to export nvb_*"), "{error}");
        }
    }
}

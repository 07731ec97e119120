// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A kernel without its own decompressor: on an emulated processor that takes seconds of each boot, on the host a moment, once.
//!
//! A bootable file holds the kernel as a compressed ELF file (`Documentation/arch/x86/boot.rst`, `payload_offset`). QEMU starts such
//! a file itself if a note in it names the entry for that (PVH); a kernel without the note is booted as it comes.

use crate::error::{Error, PathContext, Result};
use crate::proc::Cmd;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::Endianness;
use std::fs;
use std::path::Path;

/// Fields of the header at the start of a bootable file.
const SETUP_SECTORS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
/// The version of the header that brought the payload's fields.
const WITH_PAYLOAD: u16 = 0x208;
const SECTOR: usize = 512;
/// The kernel's build puts the unpacked size behind the compressed data.
const SIZE_FIELD: usize = 4;

/// `XEN_ELFNOTE_PHYS32_ENTRY`: the kernel can be entered as QEMU does it.
const PVH_ENTRY: u32 = 18;

/// How the payload is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Xz,
    Zstd,
}

/// Unpacks `vmlinuz` to `to`. False, and no file: this kernel has to be booted by its own decompressor.
///
/// # Errors
/// A file cannot be read or written; what says it is compressed data is none.
pub fn unpack(vmlinuz: &Path, to: &Path) -> Result<bool> {
    let image = fs::read(vmlinuz).on("read", vmlinuz)?;
    let Some((form, data)) = payload(&image) else {
        return Ok(false);
    };
    match form {
        Form::Zstd => {
            let mut kernel = Vec::new();
            ruzstd::decoding::StreamingDecoder::new(data)
                .map_err(|error| error.to_string())
                .and_then(|mut decoder| {
                    std::io::Read::read_to_end(&mut decoder, &mut kernel).map_err(|error| error.to_string())
                })
                .map_err(|error| damaged(vmlinuz).found(error))?;
            fs::write(to, kernel).on("write", to)?;
        }
        Form::Xz => {
            let packed = to.with_extension("xz");
            fs::write(&packed, data).on("write", &packed)?;
            Cmd::new("sh")
                .args(["-c", "xz --decompress --stdout \"$1\" >\"$2\" && rm \"$1\"", "xz"])
                .args([packed.as_path(), to])
                .must("the kernel's image cannot be decompressed")
                .map_err(Error::during_setup)?;
        }
    }
    let kernel = fs::read(to).on("read", to)?;
    if has_pvh_entry(&kernel).ok_or_else(|| damaged(vmlinuz).expected("an ELF file in it"))? {
        return Ok(true);
    }
    fs::remove_file(to).on("remove", to)?;
    Ok(false)
}

fn damaged(vmlinuz: &Path) -> Error {
    Error::setup(format!("{} cannot be unpacked", vmlinuz.display()))
}

/// The compressed kernel in a bootable file, if it is of a form known here.
fn payload(image: &[u8]) -> Option<(Form, &[u8])> {
    let at = |offset: usize, len: usize| image.get(offset..offset + len);
    let number = |offset| Some(u32::from_le_bytes(at(offset, 4)?.try_into().ok()?) as usize);
    let version = u16::from_le_bytes(at(VERSION, 2)?.try_into().ok()?);
    if at(MAGIC, 4)? != b"HdrS" || version < WITH_PAYLOAD {
        return None;
    }
    // 0 stands for 4, from when the field was made.
    let setup = match image.get(SETUP_SECTORS)? {
        0 => 4,
        sectors => usize::from(*sectors),
    };
    let start = (setup + 1) * SECTOR + number(PAYLOAD_OFFSET)?;
    let data = image
        .get(start..)?
        .get(..number(PAYLOAD_LENGTH)?.checked_sub(SIZE_FIELD)?)?;
    let forms = [(&b"\xfd7zXZ"[..], Form::Xz), (&b"\x28\xb5\x2f\xfd"[..], Form::Zstd)];
    let (_, form) = forms.into_iter().find(|(magic, _)| data.starts_with(magic))?;
    Some((form, data))
}

/// Whether QEMU finds an entry in the kernel; `None`: it is no ELF file.
fn has_pvh_entry(kernel: &[u8]) -> Option<bool> {
    let file = ElfFile64::<Endianness>::parse(kernel).ok()?;
    let endian = file.elf_header().endian().ok()?;
    for segment in file.elf_program_headers() {
        let Some(mut notes) = segment.notes(endian, kernel).ok()? else {
            continue;
        };
        while let Some(note) = notes.next().ok()? {
            if note.name() == b"Xen" && note.n_type(endian) == PVH_ENTRY {
                return Some(true);
            }
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;

    /// A bootable file with one sector of setup and this payload.
    fn bootable(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 2 * SECTOR + 16];
        image[SETUP_SECTORS] = 1;
        image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        image[VERSION..VERSION + 2].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
        let length = u32::try_from(payload.len() + SIZE_FIELD).unwrap();
        image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        image.extend(payload);
        image.extend([0xff; 64]);
        image
    }

    /// An ELF file with nothing but one note.
    fn elf(name: &[u8; 4], kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(16, &[2, 0, 62, 0, 1]);
        put(32, &64_u64.to_le_bytes());
        put(52, &[64, 0, 56, 0, 1]);
        put(64, &object::elf::PT_NOTE.to_le_bytes());
        put(64 + 8, &120_u64.to_le_bytes());
        put(64 + 32, &20_u64.to_le_bytes());
        for word in [4, 4, kind] {
            file.extend(word.to_le_bytes());
        }
        file.extend(name);
        file.extend([0; 4]);
        file
    }

    #[test]
    fn the_payload_is_found_without_the_size_behind_it() {
        let image = bootable(b"\x28\xb5\x2f\xfdxyz");
        assert_eq!(payload(&image), Some((Form::Zstd, &b"\x28\xb5\x2f\xfdxyz"[..])));
        assert_eq!(payload(&bootable(b"\x1f\x8bgzip")), None);
        assert_eq!(payload(&image[..image.len() - 70]), None, "cut off");
        assert_eq!(payload(b"MZ"), None);
    }

    #[test]
    fn only_the_note_of_the_entry_makes_a_kernel_bootable() {
        assert_eq!(has_pvh_entry(&elf(b"Xen\0", PVH_ENTRY)), Some(true));
        assert_eq!(has_pvh_entry(&elf(b"Xen\0", 6)), Some(false));
        assert_eq!(has_pvh_entry(&elf(b"GNU\0", PVH_ENTRY)), Some(false));
        assert_eq!(has_pvh_entry(b"no ELF"), None);
    }

    #[test]
    fn kernels_of_both_forms_are_unpacked() {
        let dir = Scratch::new("vmlinux");
        let (from, to) = (dir.0.join("vmlinuz"), dir.0.join("vmlinux"));
        let kernel = elf(b"Xen\0", PVH_ENTRY);
        let zstd =
            ruzstd::encoding::compress_to_vec(kernel.as_slice(), ruzstd::encoding::CompressionLevel::Uncompressed);
        fs::write(&from, bootable(&zstd)).unwrap();
        assert!(unpack(&from, &to).unwrap());
        assert_eq!(fs::read(&to).unwrap(), kernel);

        let plain = dir.0.join("plain");
        fs::write(&plain, elf(b"Xen\0", 6)).unwrap();
        Cmd::new("xz").arg(&plain).must("xz").unwrap();
        fs::write(&from, bootable(&fs::read(dir.0.join("plain.xz")).unwrap())).unwrap();
        assert!(!unpack(&from, &to).unwrap());
        assert!(!to.exists(), "a kernel without the entry leaves nothing");
    }
}

// SPDX-License-Identifier: MIT
//! The firmware files a driver is expected to load, as the emulator reads them for comparison.
//!
//! Sources: nouveau `include/nvfw/{fw,hs}.h`, `subdev/gsp/ga102.c` and `rm/r535/gsp.c` (Linux 7.3); OpenRM
//! `nouveau/extract-firmware-nouveau.py` for how the files come about.

use crate::bytes::{get_u16, get_u32, get_u64, text};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// SHA-256 of a firmware image.
pub(crate) type Hash = [u8; 32];

/// What is compared of a release's GSP image.
pub(crate) struct GspImage {
    pub version: String,
    /// Bytes of `.fwimage`.
    pub len: u64,
    pub hash: Hash,
    /// `.fwsignature_ad10x`.
    pub signature: Vec<u8>,
}

/// A RISC-V bootloader file.
pub(crate) struct Bootloader {
    pub data: Vec<u8>,
    pub code_offset: u64,
    pub data_offset: u64,
    pub manifest_offset: u64,
    pub app_version: u32,
}

/// A heavy-secure ucode file (booter, scrubber): nvfw_bin_hdr with nvfw_hs_header_v2.
pub(crate) struct HsUcode {
    /// The image the offsets below count in.
    pub data: Vec<u8>,
    pub signatures: Vec<Vec<u8>>,
    /// Where the signature goes in `data`.
    pub patch_loc: usize,
    /// Offset and size of the application's code and of the data.
    pub code: (usize, usize),
    pub os_data: (usize, usize),
    pub fuse_version: u32,
    pub engine_id: u32,
    pub ucode_id: u32,
}

/// A file that is not there or not what its name says, in words.
pub(crate) type Refusal = String;

/// Path of `<name>-<release>.bin` under the directory of the configuration.
pub(crate) fn path(dir: &Path, name: &str, release: &str) -> PathBuf {
    let file = format!("ad102/gsp/{name}-{release}.bin");
    let below = dir.join("nvidia").join(&file);
    if below.exists() {
        below
    } else {
        dir.join(file)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn part(file: &[u8], at: usize, len: usize) -> Result<&[u8], Refusal> {
    at.checked_add(len)
        .and_then(|end| file.get(at..end))
        .ok_or_else(|| format!("{len} bytes at {at:#x} are not in the file"))
}

fn word(file: &[u8], at: usize) -> usize {
    get_u32(file, at) as usize
}

/// Offset and size of the data behind an nvfw_bin_hdr, and the offset of the header in between.
fn bin_hdr(file: &[u8]) -> Result<(usize, usize, usize), Refusal> {
    if (get_u32(file, 0), get_u32(file, 4)) != (0x10de, 1) {
        return Err("no nvfw_bin_hdr".to_owned());
    }
    Ok((word(file, 12), word(file, 16), word(file, 20)))
}

impl HsUcode {
    pub fn load(path: &Path) -> Result<Self, Refusal> {
        Self::parse(&read(path)?)
    }

    fn parse(file: &[u8]) -> Result<Self, Refusal> {
        let (header, data_at, data_len) = bin_hdr(file)?;
        let hs = |i: usize| word(file, header + 4 * i);
        let (sig_at, sig_size) = (hs(0), hs(1));
        let patch_loc = word(file, hs(2));
        let patch_sig = word(file, hs(3));
        let meta = hs(4);
        let count = word(file, hs(6)).max(1);
        let load = hs(7);
        let size = sig_size / count;
        let signatures = (0..count)
            .map(|i| part(file, sig_at + patch_sig + i * size, size).map(<[u8]>::to_vec))
            .collect::<Result<_, _>>()?;
        let ucode = HsUcode {
            data: part(file, data_at, data_len)?.to_vec(),
            signatures,
            patch_loc,
            os_data: (word(file, load + 8), word(file, load + 12)),
            code: (word(file, load + 20), word(file, load + 24)),
            fuse_version: get_u32(file, meta),
            engine_id: get_u32(file, meta + 4),
            ucode_id: get_u32(file, meta + 8),
        };
        part(&ucode.data, ucode.code.0, ucode.code.1)?;
        part(&ucode.data, ucode.os_data.0, ucode.os_data.1)?;
        Ok(ucode)
    }

    /// The signature the boot ROM accepts for a fused version: the last for 0, else counted down from the file's.
    pub fn signature(&self, fuse: u32) -> Option<&[u8]> {
        let index = match fuse {
            0 => self.signatures.len() - 1,
            _ => self.fuse_version.checked_sub(fuse)? as usize,
        };
        self.signatures.get(index).map(Vec::as_slice)
    }

    /// Where in DMEM the signature goes.
    pub fn signature_at(&self) -> usize {
        self.patch_loc - self.os_data.0
    }
}

impl Bootloader {
    pub fn load(path: &Path) -> Result<Self, Refusal> {
        let file = read(path)?;
        let (header, data_at, data_len) = bin_hdr(&file)?;
        // RM_RISCV_UCODE_DESC, version 5.
        let field = |at: usize| u64::from(get_u32(&file, header + at));
        Ok(Bootloader {
            data: part(&file, data_at, data_len)?.to_vec(),
            app_version: get_u32(&file, header + 28),
            manifest_offset: field(32),
            data_offset: field(40),
            code_offset: field(48),
        })
    }
}

impl GspImage {
    /// Reads and hashes a GSP image; once per file and process, as hashing 64 MB is what takes time here.
    pub fn load(path: &Path) -> Result<Arc<Self>, Refusal> {
        type Cache = Mutex<HashMap<PathBuf, Arc<GspImage>>>;
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let key = fs::canonicalize(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut cache = CACHE
            .get_or_init(Cache::default)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache.get(&key) {
            return Ok(Arc::clone(known));
        }
        let image = Arc::new(Self::parse(&read(path)?)?);
        cache.insert(key, Arc::clone(&image));
        Ok(image)
    }

    fn parse(file: &[u8]) -> Result<Self, Refusal> {
        if file.get(..6) != Some(b"\x7fELF\x02\x01") {
            return Err("no 64-bit ELF".to_owned());
        }
        let headers = get_u64(file, 40) as usize;
        let count = usize::from(get_u16(file, 60));
        let names = usize::from(get_u16(file, 62));
        let section = |i: usize| -> Result<&[u8], Refusal> {
            let at = headers + 64 * i;
            part(file, get_u64(file, at + 24) as usize, get_u64(file, at + 32) as usize)
        };
        let strings = section(names)?;
        let find = |name: &str| -> Result<&[u8], Refusal> {
            (0..count)
                .find(|i| text(strings.get(word(file, headers + 64 * i)..).unwrap_or_default()) == name)
                .ok_or_else(|| format!("no section {name}"))
                .and_then(section)
        };
        let image = find(".fwimage")?;
        Ok(GspImage {
            version: text(find(".fwversion")?),
            len: image.len() as u64,
            hash: Sha256::digest(image).into(),
            signature: find(".fwsignature_ad10x")?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The firmware package's directory; the tests that need it say so when it is not given.
    fn firmware() -> Option<PathBuf> {
        let dir = std::env::var_os("NOVABRIDGE_FIRMWARE").map(PathBuf::from);
        if dir.is_none() {
            eprintln!("skipped: NOVABRIDGE_FIRMWARE names no firmware directory");
        }
        dir
    }

    #[test]
    fn real_files_have_the_measured_values() {
        let Some(dir) = firmware() else { return };
        let image = GspImage::load(&path(&dir, "gsp", "570.144")).unwrap();
        assert_eq!((image.version.as_str(), image.len), ("570.144", 0x3c9_9000));
        assert_eq!(image.signature.len(), 4096);
        assert_eq!(image.signature[..8], [1, 0, 2, 0, 0xc8, 8, 0, 0]);
        let booter = HsUcode::load(&path(&dir, "booter_load", "535.113.01")).unwrap();
        assert_eq!((booter.code, booter.os_data), ((0x100, 0x7600), (0x7700, 0x6000)));
        assert_eq!((booter.patch_loc, booter.signature_at()), (0x7710, 0x10));
        assert_eq!((booter.fuse_version, booter.engine_id, booter.ucode_id), (1, 1, 3));
        assert_eq!(booter.signatures.len(), 2);
        assert_eq!(booter.signature(1), Some(&booter.signatures[0][..]));
        assert_eq!(booter.signature(0), Some(&booter.signatures[1][..]));
        assert_eq!(booter.signature(2), None);
        let loader = Bootloader::load(&path(&dir, "bootloader", "570.144")).unwrap();
        assert_eq!(
            (loader.data.len(), loader.code_offset, loader.data_offset),
            (0x9000, 0x4800, 0x800)
        );
    }

    #[test]
    fn other_files_are_refused() {
        assert!(HsUcode::parse(&[0; 100]).is_err());
        assert!(GspImage::parse(b"\x7fELF\x02\x01").is_err());
    }
}

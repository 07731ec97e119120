// SPDX-License-Identifier: MIT
//! FWSEC as it lies in the ROM, and the judgement on what a driver made of it.

use crate::{
    bytes::{get_u32, get_u64, pattern, put, put_u16, put_u32},
    hostile::Mode,
};

/// RSA-3072 signature.
pub(crate) const SIGNATURE: usize = 384;
const DESCRIPTOR: usize = 44;
const IMEM_LEN: usize = 0x3000;
const DMEM_LEN: usize = 0x1800;

/// Offsets in the data segment.
const INTERFACE: usize = 0x20;
const MAPPER: usize = 0x80;
const CMD_IN: usize = 0x100;
const PKC_DATA: usize = 0x400;

/// `NV_BIT_FALCON_UCODE_DESC_HEADER_VDESC`: the interface that maps DMEM.
const APPIF_DMEMMAPPER: u32 = 4;
/// Offset of `init_cmd` in the DMEM mapper.
const MAPPER_INIT_CMD: usize = 44;

/// Versions that have a signature, one bit each.
const SIGNATURE_VERSIONS: u16 = 0b10_1010;

/// The ucode and its signatures.
pub(crate) struct Fwsec {
    descriptor: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    pub imem: Vec<u8>,
    dmem: Vec<u8>,
}

/// What a loaded FWSEC is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Make WPR2 and put FRTS data at this range of the framebuffer.
    Frts { start: u64, len: u64 },
    /// Bring the falcon back to what it was before the firmware ran.
    Sb,
}

impl Fwsec {
    /// GSP's bit in the engine mask, and FWSEC's ucode id on Ampere and Ada.
    pub const ENGINE_ID_MASK: u16 = 0x400;
    pub const UCODE_ID: u8 = 9;

    pub fn new(hostile: &impl Fn(Mode) -> bool) -> Self {
        let versions = if hostile(Mode::VbiosNoSignatureVersion) {
            0x8000
        } else {
            SIGNATURE_VERSIONS
        };
        let count = versions.count_ones() as usize;
        let signatures: Vec<_> = (0..count).map(|i| pattern(0x516 + i as u64, SIGNATURE)).collect();
        let size = DESCRIPTOR + count * SIGNATURE;
        let version = if hostile(Mode::VbiosBadDescriptor) { 9 } else { 3 };
        let imem_len = if hostile(Mode::VbiosHugeUcode) {
            u32::MAX - 0xff
        } else {
            IMEM_LEN as u32
        };
        let mut d = vec![0; DESCRIPTOR];
        put_u32(&mut d, 0, (size as u32) << 16 | version << 8 | 1);
        put_u32(&mut d, 4, (IMEM_LEN + DMEM_LEN) as u32);
        put_u32(&mut d, 8, PKC_DATA as u32);
        put_u32(&mut d, 12, INTERFACE as u32);
        put_u32(&mut d, 20, imem_len);
        put_u32(&mut d, 32, DMEM_LEN as u32);
        put_u16(&mut d, 36, Self::ENGINE_ID_MASK);
        d[38] = Self::UCODE_ID;
        d[39] = count as u8;
        put_u16(&mut d, 40, versions);

        Fwsec {
            descriptor: d,
            signatures,
            imem: pattern(0xf3ec, IMEM_LEN),
            dmem: data(!hostile(Mode::VbiosNoDmemmapper)),
        }
    }

    /// Descriptor, signatures and ucode as they are stored.
    pub fn stored(&self) -> Vec<u8> {
        let mut out = self.descriptor.clone();
        self.signatures.iter().for_each(|s| out.extend_from_slice(s));
        out.extend_from_slice(&self.imem);
        out.extend_from_slice(&self.dmem);
        out
    }

    /// Where in DMEM the signature goes.
    pub fn signature_at(&self) -> u32 {
        PKC_DATA as u32
    }

    /// The signature for a fused version, if there is one.
    fn signature(&self, fuse: u32) -> Option<&[u8]> {
        let bit = 1u16.checked_shl(fuse)?;
        let index = (SIGNATURE_VERSIONS & (bit - 1)).count_ones() as usize;
        (SIGNATURE_VERSIONS & bit != 0)
            .then(|| self.signatures.get(index))
            .flatten()
            .map(Vec::as_slice)
    }

    /// Reads the command out of a loaded data segment.
    ///
    /// # Errors
    /// In words, what is not as the ROM has it or not as the interface wants it.
    pub fn judge(&self, dmem: &[u8], fuse: u32) -> Result<Command, String> {
        let loaded = dmem.get(..DMEM_LEN).ok_or("DMEM is too small")?;
        let signature = &loaded[PKC_DATA..PKC_DATA + SIGNATURE];
        match self.signatures.iter().position(|s| s == signature) {
            None => return Err("the signature in DMEM is none of the ROM's".to_owned()),
            Some(i) if Some(signature) != self.signature(fuse) => {
                return Err(format!("signature {i} is not that of fuse version {fuse}"));
            }
            Some(_) => {}
        }
        // All that may differ from the ROM is the command, its parameters and the signature.
        let mut rest = loaded.to_vec();
        for patched in [
            MAPPER + MAPPER_INIT_CMD..MAPPER + MAPPER_INIT_CMD + 4,
            CMD_IN..CMD_IN + 44,
            PKC_DATA..PKC_DATA + SIGNATURE,
        ] {
            put(&mut rest, patched.start, &self.dmem[patched.clone()]);
        }
        if let Some(at) = rest.iter().zip(&self.dmem).position(|(a, b)| a != b) {
            return Err(format!("DMEM differs from the ROM at {at:#x}"));
        }
        let cmd = &loaded[CMD_IN..CMD_IN + 44];
        let read_vbios = (
            get_u32(cmd, 0),
            get_u32(cmd, 4),
            get_u64(cmd, 8),
            get_u32(cmd, 16),
            get_u32(cmd, 20),
        );
        if read_vbios != (1, 24, 0, 0, 2) {
            return Err(format!(
                "readVbios is {read_vbios:x?} instead of version 1, size 24, 0, 0, flags 2"
            ));
        }
        match get_u32(loaded, MAPPER + MAPPER_INIT_CMD) {
            0x15 => {
                let (version, size, at, len, media) = (
                    get_u32(cmd, 24),
                    get_u32(cmd, 28),
                    get_u32(cmd, 32),
                    get_u32(cmd, 36),
                    get_u32(cmd, 40),
                );
                if (version, size, media) != (1, 20, 2) {
                    return Err(format!("frtsRegion has version {version}, size {size}, media {media}"));
                }
                Ok(Command::Frts {
                    start: u64::from(at) << 12,
                    len: u64::from(len) << 12,
                })
            }
            0x19 => Ok(Command::Sb),
            other => Err(format!("init command {other:#x}")),
        }
    }
}

/// The data segment: interface table, DMEM mapper, room for commands and the signature.
fn data(mapper: bool) -> Vec<u8> {
    let mut d = pattern(0xda7a, DMEM_LEN);
    // FALCON_APPLICATION_INTERFACE_HEADER_V1: version, header size, entry size, entries.
    put(&mut d, INTERFACE, &[1, 4, 8, 2]);
    put_u32(&mut d, INTERFACE + 4, 1);
    put_u32(&mut d, INTERFACE + 8, 0x60);
    put_u32(&mut d, INTERFACE + 12, if mapper { APPIF_DMEMMAPPER } else { 5 });
    put_u32(&mut d, INTERFACE + 16, MAPPER as u32);

    // FALCON_APPLICATION_INTERFACE_DMEM_MAPPER_V3.
    d[MAPPER..MAPPER + 64].fill(0);
    put(&mut d, MAPPER, b"DMAP");
    put_u16(&mut d, MAPPER + 4, 3);
    put_u16(&mut d, MAPPER + 6, 64);
    put_u32(&mut d, MAPPER + 8, CMD_IN as u32);
    put_u32(&mut d, MAPPER + 12, 0x80);
    put_u32(&mut d, MAPPER + 16, 0x180);
    put_u32(&mut d, MAPPER + 20, 0x80);
    put_u32(&mut d, MAPPER + 24, 0x200);
    put_u32(&mut d, MAPPER + 28, 0x100);
    d[CMD_IN..CMD_IN + 0x80].fill(0);
    d[PKC_DATA..PKC_DATA + SIGNATURE].fill(0);
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(fwsec: &Fwsec, command: u32, signature: usize) -> Vec<u8> {
        let mut dmem = fwsec.dmem.clone();
        put_u32(&mut dmem, MAPPER + MAPPER_INIT_CMD, command);
        put(&mut dmem, PKC_DATA, &fwsec.signatures[signature]);
        put_u32(&mut dmem, CMD_IN, 1);
        put_u32(&mut dmem, CMD_IN + 4, 24);
        put_u32(&mut dmem, CMD_IN + 20, 2);
        put_u32(&mut dmem, CMD_IN + 24, 1);
        put_u32(&mut dmem, CMD_IN + 28, 20);
        put_u32(&mut dmem, CMD_IN + 32, 0xbffe00);
        put_u32(&mut dmem, CMD_IN + 36, 0x100);
        put_u32(&mut dmem, CMD_IN + 40, 2);
        dmem
    }

    #[test]
    fn commands_are_read_and_tampering_is_seen() {
        let fwsec = Fwsec::new(&|_| false);
        let frts = Command::Frts {
            start: 0xbffe00000,
            len: 0x100000,
        };
        assert_eq!(fwsec.judge(&patched(&fwsec, 0x15, 0), 1), Ok(frts));
        assert_eq!(fwsec.judge(&patched(&fwsec, 0x19, 1), 3), Ok(Command::Sb));
        assert!(fwsec
            .judge(&patched(&fwsec, 0x19, 1), 1)
            .unwrap_err()
            .contains("fuse version 1"));
        let mut dmem = patched(&fwsec, 0x15, 0);
        dmem[0x900] ^= 1;
        assert_eq!(fwsec.judge(&dmem, 1).unwrap_err(), "DMEM differs from the ROM at 0x900");
        assert!(fwsec.judge(&patched(&fwsec, 0x16, 0), 1).is_err());
        assert!(fwsec.judge(&fwsec.dmem, 1).is_err(), "unsigned");
    }
}

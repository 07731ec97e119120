// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What LibOS, the operating system on the GSP, is started with: three log buffers and the arguments of GSP-RM.
//!
//! One page of entries, each with a name, an address and a length. Sources: OpenRM kgspSetupLibosInitArgs(), nouveau
//! `gsp/rm/r535/gsp.c` r535_gsp_libos_init().

use crate::error::Result;
use crate::mem::{Dma, GSP_PAGE_SIZE};
use crate::platform::{DmaKind, Platform};
use crate::queue::InitArguments;
use crate::release::Release;
use crate::wire::{put_u32, put_u64, put_u8, put_u8_opt};

/// Bytes of a log buffer.
pub const LOG_SIZE: u64 = 0x1_0000;
/// Longest entry and arguments of any release (`LibosMemoryRegionInitArgument`, `GSP_ARGUMENTS_CACHED`).
const MAX_ENTRY: usize = 64;
const MAX_RM_ARGS: usize = 256;

/// A log buffer of the firmware.
///
/// Its first word counts the words written; then come, until the firmware writes over them, the addresses of its own pages.
/// GSP pages have 4 KiB, whatever the host's have.
pub struct LogBuffer<P: Platform> {
    memory: Dma<P>,
}

impl<P: Platform> LogBuffer<P> {
    fn new(platform: &P) -> Result<Self> {
        let memory = Dma::new(platform, LOG_SIZE, DmaKind::Contiguous)?;
        for page in 0..LOG_SIZE / GSP_PAGE_SIZE {
            memory.write_u64(page.saturating_add(1).saturating_mul(8), memory.page_addr(page)?)?;
        }
        Ok(LogBuffer { memory })
    }

    /// Copies bytes from `off` on into `to`, as many as there are.
    ///
    /// # Errors
    /// Never for an `off` up to the buffer's length; [`Kind::InvalidArgument`](crate::Kind::InvalidArgument) behind it.
    pub fn read(&self, off: u64, to: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.memory.len().saturating_sub(off)).unwrap_or(usize::MAX);
        let n = to.len().min(left);
        if let Some(to) = to.get_mut(..n) {
            self.memory.read(off, to)?;
        }
        Ok(n)
    }
}

/// Log buffers and arguments. They have to live for as long as the firmware runs.
pub struct Libos<P: Platform> {
    /// Log of the start, and of crashes.
    pub init: LogBuffer<P>,
    /// Log of the interrupt task.
    pub intr: LogBuffer<P>,
    /// Log of GSP-RM.
    pub rm: LogBuffer<P>,
    entries: Dma<P>,
    // Named by the entries.
    _rm_args: Dma<P>,
}

impl<P: Platform> Libos<P> {
    /// Makes buffers and arguments for a cold boot with the queues of `queues`.
    ///
    /// # Errors
    /// Those of the platform.
    pub fn new(platform: &P, release: &Release, queues: &InitArguments) -> Result<Self> {
        let (init, intr, rm) = (
            LogBuffer::new(platform)?,
            LogBuffer::new(platform)?,
            LogBuffer::new(platform)?,
        );
        let rm_args = rm_args(platform, release, queues)?;
        let entries = Dma::new(platform, GSP_PAGE_SIZE, DmaKind::Contiguous)?;
        // LOGINIT comes first, or early messages are lost (OpenRM kernel_gsp.c).
        let regions: [(&[u8], &Dma<P>); 4] = [
            (b"LOGINIT", &init.memory),
            (b"LOGINTR", &intr.memory),
            (b"LOGRM", &rm.memory),
            (b"RMARGS", &rm_args),
        ];
        let size = release.libos_region.size;
        for (index, (name, memory)) in regions.iter().enumerate() {
            let mut entry = [0; MAX_ENTRY];
            write_entry(&mut entry, release, name, memory)?;
            entries.write(index.saturating_mul(size) as u64, crate::wire::bytes(&entry, 0, size)?)?;
        }
        Ok(Libos {
            init,
            intr,
            rm,
            entries,
            _rm_args: rm_args,
        })
    }

    /// Device address of the entries, which the GSP finds in its mailboxes.
    pub fn addr(&self) -> u64 {
        self.entries.addr()
    }
}

fn write_entry<P: Platform>(entry: &mut [u8], release: &Release, name: &[u8], memory: &Dma<P>) -> Result<()> {
    let at = &release.libos_region;
    put_u64(entry, at.id8, id8(name))?;
    put_u64(entry, at.pa, memory.addr())?;
    put_u64(entry, at.len, memory.len())?;
    put_u8(entry, at.kind, release.libos.kind_contiguous as u8)?;
    put_u8(entry, at.loc, release.libos.loc_sysmem as u8)
}

/// Up to eight characters, the last one in the lowest byte.
fn id8(name: &[u8]) -> u64 {
    name.iter().take(8).fold(0, |id, c| id << 8 | u64::from(*c))
}

/// The arguments of GSP-RM: where its queues are, and that it does not resume.
fn rm_args<P: Platform>(platform: &P, release: &Release, queues: &InitArguments) -> Result<Dma<P>> {
    let at = &release.rm_args;
    let mut args = [0; MAX_RM_ARGS];
    put_u64(&mut args, at.shared_mem_phys_addr, queues.shared_mem_addr)?;
    put_u32(&mut args, at.page_table_entry_count, queues.pte_count)?;
    put_u64(&mut args, at.cmd_queue_offset, queues.cmd_queue_offset)?;
    put_u64(&mut args, at.stat_queue_offset, queues.stat_queue_offset)?;
    put_u32(&mut args, at.sr_old_level, 0)?;
    put_u32(&mut args, at.sr_flags, 0)?;
    put_u8(&mut args, at.sr_in_pm_transition, 0)?;
    put_u32(&mut args, at.gpu_instance, 0)?;
    // nouveau r570/gsp.c, r570_gsp_set_rmargs().
    put_u8_opt(&mut args, at.dmem_stack, 1)?;
    let memory = Dma::new(platform, GSP_PAGE_SIZE, DmaKind::Contiguous)?;
    memory.write(0, crate::wire::bytes(&args, 0, at.size)?)?;
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;
    use crate::testing::{Machine, Outstanding};

    const QUEUES: InitArguments = InitArguments {
        shared_mem_addr: 0x1_2340_5000,
        pte_count: 129,
        cmd_queue_offset: 0x1000,
        stat_queue_offset: 0x41000,
    };

    fn word(bytes: &[u8], off: usize) -> u64 {
        u64::from_le_bytes(bytes[off..off + 8].try_into().unwrap())
    }

    #[test]
    fn the_device_finds_four_regions() {
        for release in release::ALL {
            let machine = Machine::new();
            let libos = Libos::new(&machine, release, &QUEUES).unwrap();
            let entries = machine.device_read(libos.addr(), 4096).unwrap();
            let names = [
                0x004c_4f47_494e_4954,
                0x004c_4f47_494e_5452,
                0x0000_004c_4f47_524d,
                0x0000_524d_4152_4753,
            ];
            for (index, name) in names.iter().enumerate() {
                let entry = &entries[index * 32..(index + 1) * 32];
                assert_eq!(word(entry, 0), *name);
                assert_eq!(word(entry, 16), if index == 3 { 4096 } else { 65536 });
                assert_eq!(entry[24..], [1, 1, 0, 0, 0, 0, 0, 0]);
            }
            assert!(entries[128..].iter().all(|b| *b == 0));
        }
    }

    #[test]
    fn log_buffers_name_their_pages() {
        let machine = Machine::new();
        let libos = Libos::new(&machine, release::ALL[0], &QUEUES).unwrap();
        let entries = machine.device_read(libos.addr(), 96).unwrap();
        for index in 0..3 {
            let addr = word(&entries, index * 32 + 8);
            let log = machine.device_read(addr, 65536).unwrap();
            assert_eq!(word(&log, 0), 0);
            for page in 0..16 {
                assert_eq!(word(&log, 8 + page * 8), addr + page as u64 * 4096);
            }
            assert!(log[8 + 16 * 8..].iter().all(|b| *b == 0));
        }
    }

    #[test]
    fn logs_are_read_to_their_end() {
        let machine = Machine::new();
        let libos = Libos::new(&machine, release::ALL[0], &QUEUES).unwrap();
        let entries = machine.device_read(libos.addr(), 96).unwrap();
        machine
            .device_write(word(&entries, 2 * 32 + 8) + LOG_SIZE - 3, b"end")
            .unwrap();
        let mut text = [0; 8];
        assert_eq!(libos.rm.read(LOG_SIZE - 3, &mut text), Ok(3));
        assert_eq!(&text[..3], b"end");
        assert_eq!(libos.rm.read(LOG_SIZE, &mut text), Ok(0));
        assert!(libos.rm.read(LOG_SIZE + 1, &mut text).is_err());
    }

    #[test]
    fn gsp_rm_is_told_of_the_queues() {
        // Nothing but the queues, and from 570 on a byte that puts the stack into DMEM.
        for (name, dmem_stack) in [("535.113.01", None), ("570.144", Some(48))] {
            let machine = Machine::new();
            let libos = Libos::new(&machine, release::find(name.as_bytes()).unwrap(), &QUEUES).unwrap();
            let entries = machine.device_read(libos.addr(), 128).unwrap();
            let args = machine.device_read(word(&entries, 3 * 32 + 8), 4096).unwrap();
            assert_eq!(
                [word(&args, 0), word(&args, 8), word(&args, 16), word(&args, 24)],
                [0x1_2340_5000, 129, 0x1000, 0x41000]
            );
            let set: Vec<usize> = (32..4096).filter(|i| args[*i] != 0).collect();
            assert_eq!(set, dmem_stack.into_iter().collect::<Vec<usize>>(), "{name}");
        }
    }

    #[test]
    fn a_failure_at_any_point_leaves_nothing() {
        let machine = Machine::new();
        drop(Libos::new(&machine, release::ALL[0], &QUEUES).unwrap());
        for n in 1..=machine.requests() {
            machine.fail_request(n);
            assert!(Libos::new(&machine, release::ALL[0], &QUEUES).is_err(), "request {n}");
            assert_eq!(machine.outstanding(), Outstanding::default());
        }
    }
}

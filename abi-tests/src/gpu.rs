// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A GPU of a [`Machine`], driven through the C ABI.

use crate::machine::{Interrupts, Machine};
use crate::platform;
use novabridge::api::gpu::*;
use novabridge::api::log::*;
use novabridge::api::migration::*;
use novabridge::api::vgpu::*;
use novabridge::handle::{nvb_gpu, nvb_vgpu};
use novabridge::types::c_char;
use novabridge::types::gpu::*;
use novabridge::types::vgpu::*;
use std::mem::{size_of, zeroed};
use std::sync::Arc;

/// 0 or more, or a negative errno.
pub type Answer<T> = Result<T, i32>;

fn answer(ret: i32) -> Answer<()> {
    if ret < 0 {
        Err(ret)
    } else {
        Ok(())
    }
}

/// Text of a field.
pub fn text(field: &[c_char]) -> String {
    field
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| *c as u8 as char)
        .collect()
}

/// A GPU; destroyed when dropped.
pub struct Gpu {
    raw: *mut nvb_gpu,
    threads: Option<Interrupts>,
    machine: Arc<Machine>,
}

// SAFETY: the ABI lets any thread use a GPU, several at once.
unsafe impl Send for Gpu {}
// SAFETY: as above.
unsafe impl Sync for Gpu {}

impl Gpu {
    /// nvb_gpu_create()
    pub fn new(machine: &Arc<Machine>) -> Answer<Gpu> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the table lives for the call, the machine as long as the GPU.
        answer(unsafe { nvb_gpu_create(&platform::table(machine), &mut raw) })?;
        let threads = machine.setup.interrupts.then(|| machine.connect(raw));
        Ok(Gpu {
            raw,
            threads,
            machine: Arc::clone(machine),
        })
    }

    /// The handle.
    pub fn raw(&self) -> *mut nvb_gpu {
        self.raw
    }

    /// What nvb_gpu_boot() is told by default: all that the machine knows, as a vGPU host.
    pub fn config(&self, release: &str) -> nvb_boot_config {
        let board = self.machine.emulator.geometry();
        let place = self.machine.location();
        // SAFETY: numbers and arrays of numbers.
        let mut config: nvb_boot_config = unsafe { zeroed() };
        config.size = size_of::<nvb_boot_config>() as u32;
        config.flags = if board.total_vfs == 0 { 0 } else { NVB_BOOT_VGPU_HOST };
        for (to, from) in config.release.iter_mut().zip(release.bytes()) {
            *to = from as c_char;
        }
        [config.bar0_addr, config.bar1_addr, config.bar2_addr] = place.bar;
        config.sbdf = place.bdf;
        config.pci_vendor = board.vendor;
        config.pci_device = board.device;
        config.pci_subvendor = board.subsystem_vendor;
        config.pci_subdevice = board.subsystem;
        config.pci_revision = board.revision.into();
        config.total_vfs = board.total_vfs;
        config.first_vf_offset = place.first_vf_offset;
        [config.vf_bar0_addr, config.vf_bar1_addr, config.vf_bar2_addr] = place.vf_bar;
        config.vf_bar_64bit = 0b110;
        config
    }

    /// nvb_gpu_boot() of `release` ("" = newest) with [`Gpu::config`].
    pub fn boot(&self, release: &str) -> Answer<()> {
        self.boot_with(&self.config(release))
    }

    /// nvb_gpu_boot()
    pub fn boot_with(&self, config: &nvb_boot_config) -> Answer<()> {
        // SAFETY: alive; the struct is whole.
        answer(unsafe { nvb_gpu_boot(self.raw, config) })
    }

    /// nvb_gpu_shutdown()
    pub fn shutdown(&self) -> Answer<()> {
        // SAFETY: alive.
        answer(unsafe { nvb_gpu_shutdown(self.raw) })
    }

    /// nvb_gpu_get_info()
    pub fn info(&self) -> nvb_gpu_info {
        // SAFETY: numbers and arrays of numbers.
        let mut info: nvb_gpu_info = unsafe { zeroed() };
        info.size = size_of::<nvb_gpu_info>() as u32;
        // SAFETY: alive; the struct is whole.
        assert_eq!(unsafe { nvb_gpu_get_info(self.raw, &mut info) }, 0);
        info
    }

    /// nvb_gpu_last_error()
    pub fn last_error(&self) -> String {
        let mut words = [0 as c_char; 256];
        // SAFETY: alive; the array is as long as said.
        let len = unsafe { nvb_gpu_last_error(self.raw, words.as_mut_ptr(), words.len() as u64) };
        assert!(len >= 0);
        text(&words)
    }

    /// nvb_gpu_log_read(), all of it.
    pub fn log(&self, log: u32) -> Answer<Vec<u8>> {
        read_all(|off, buf| {
            // SAFETY: alive; the slice is as long as said.
            unsafe { nvb_gpu_log_read(self.raw, log, off, buf.as_mut_ptr(), buf.len() as u64) }
        })
    }

    /// The vGPU types.
    pub fn types(&self) -> Answer<Vec<nvb_vgpu_type_info>> {
        // SAFETY: alive.
        let count = unsafe { nvb_vgpu_type_count(self.raw) };
        answer(count)?;
        (0..count as u32)
            .map(|index| {
                // SAFETY: numbers and arrays of numbers.
                let mut info: nvb_vgpu_type_info = unsafe { zeroed() };
                info.size = size_of::<nvb_vgpu_type_info>() as u32;
                // SAFETY: alive; the struct is whole.
                answer(unsafe { nvb_vgpu_type_at(self.raw, index, &mut info) })?;
                Ok(info)
            })
            .collect()
    }

    /// nvb_vgpu_type_find()
    pub fn find_type(&self, id: u32) -> Answer<nvb_vgpu_type_info> {
        // SAFETY: numbers and arrays of numbers.
        let mut info: nvb_vgpu_type_info = unsafe { zeroed() };
        info.size = size_of::<nvb_vgpu_type_info>() as u32;
        // SAFETY: alive; the struct is whole.
        answer(unsafe { nvb_vgpu_type_find(self.raw, id, &mut info) })?;
        Ok(info)
    }

    /// nvb_vgpu_create() on VF `vf`.
    pub fn create_vgpu(&self, vf: u32, type_id: u32) -> Answer<Vgpu> {
        let place = self.machine.location();
        let config = nvb_vgpu_config {
            size: size_of::<nvb_vgpu_config>() as u32,
            vf,
            r#type: type_id,
            sbdf: (place.bdf + place.first_vf_offset).wrapping_add(vf),
            vm_pid: std::process::id(),
            reserved: 0,
        };
        let mut raw = std::ptr::null_mut();
        // SAFETY: alive; the struct is whole.
        answer(unsafe { nvb_vgpu_create(self.raw, &config, &mut raw) })?;
        Ok(Vgpu { raw })
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // Interrupts are the way out of a shutdown's waits, so they stop behind it; the GPU must be there as long as they come.
        let _ = self.shutdown();
        self.threads = None;
        // SAFETY: alive, and nobody else uses it any more.
        unsafe { nvb_gpu_destroy(self.raw) };
    }
}

/// A vGPU; not destroyed when dropped, as in C.
#[derive(Clone, Copy, Debug)]
pub struct Vgpu {
    raw: *mut nvb_vgpu,
}

// SAFETY: the ABI lets any thread use a vGPU.
unsafe impl Send for Vgpu {}

impl Vgpu {
    /// The handle.
    pub fn raw(&self) -> *mut nvb_vgpu {
        self.raw
    }

    /// nvb_vgpu_destroy()
    pub fn destroy(&self) -> Answer<()> {
        // SAFETY: its GPU lives (tests keep it).
        answer(unsafe { nvb_vgpu_destroy(self.raw) })
    }

    /// nvb_vgpu_reset()
    pub fn reset(&self) -> Answer<()> {
        // SAFETY: as above.
        answer(unsafe { nvb_vgpu_reset(self.raw) })
    }

    /// nvb_vgpu_set_bus_master()
    pub fn set_bus_master(&self, enabled: u32) -> Answer<()> {
        // SAFETY: as above.
        answer(unsafe { nvb_vgpu_set_bus_master(self.raw, enabled) })
    }

    /// nvb_vgpu_get_info()
    pub fn info(&self) -> Answer<nvb_vgpu_info> {
        // SAFETY: numbers.
        let mut info: nvb_vgpu_info = unsafe { zeroed() };
        info.size = size_of::<nvb_vgpu_info>() as u32;
        // SAFETY: as above; the struct is whole.
        answer(unsafe { nvb_vgpu_get_info(self.raw, &mut info) })?;
        Ok(info)
    }

    /// nvb_vgpu_suspend()
    pub fn suspend(&self) -> Answer<()> {
        // SAFETY: as above.
        answer(unsafe { nvb_vgpu_suspend(self.raw) })
    }

    /// nvb_vgpu_resume()
    pub fn resume(&self) -> Answer<()> {
        // SAFETY: as above.
        answer(unsafe { nvb_vgpu_resume(self.raw) })
    }

    /// nvb_vgpu_save() in pieces of at most `piece` bytes, all of it.
    pub fn save(&self, piece: usize) -> Answer<Vec<u8>> {
        let mut buf = vec![0; piece];
        let mut all = Vec::new();
        loop {
            // SAFETY: as above; the vector is as long as said.
            match unsafe { nvb_vgpu_save(self.raw, buf.as_mut_ptr(), buf.len() as u64) } {
                0 => return Ok(all),
                len if len > 0 => all.extend_from_slice(&buf[..len as usize]),
                errno => return Err(errno as i32),
            }
        }
    }

    /// nvb_vgpu_restore() in pieces of at most `piece` bytes, all of it.
    pub fn restore(&self, state: &[u8], piece: usize) -> Answer<()> {
        let mut rest = state;
        while !rest.is_empty() {
            let part = &rest[..piece.min(rest.len())];
            // SAFETY: as above; the slice is as long as said.
            let taken = unsafe { nvb_vgpu_restore(self.raw, part.as_ptr(), part.len() as u64) };
            if taken < 0 {
                return Err(taken as i32);
            }
            rest = &rest[taken as usize..];
        }
        Ok(())
    }

    /// nvb_vgpu_log_read(), all of it.
    pub fn log(&self, log: u32) -> Answer<Vec<u8>> {
        read_all(|off, buf| {
            // SAFETY: as above; the slice is as long as said.
            unsafe { nvb_vgpu_log_read(self.raw, log, off, buf.as_mut_ptr(), buf.len() as u64) }
        })
    }
}

fn read_all(mut read: impl FnMut(u64, &mut [u8]) -> i64) -> Answer<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 10_000];
    loop {
        match read(all.len() as u64, &mut buf) {
            0 => return Ok(all),
            len if len > 0 => all.extend_from_slice(&buf[..len as usize]),
            errno => return Err(errno as i32),
        }
    }
}

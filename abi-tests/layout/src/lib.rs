// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The layout of each struct that crosses, as rustc has it, and what may cross at all.
//!
//! The list below is complete: a test compares it with the header. Sizes and alignments are asserted while compiling, so that
//! this crate does not build on a rustc that lays out otherwise.

mod crossing;

pub use crossing::{Callable, Crossing};

use novabridge::types::*;
#[doc(hidden)]
pub use static_assertions::const_assert_eq;
use std::mem::{align_of, size_of, MaybeUninit};

/// A struct as rustc lays it out.
pub struct Struct {
    /// Its name in C.
    pub name: &'static str,
    /// `sizeof`.
    pub size: usize,
    /// `_Alignof`.
    pub align: usize,
    /// Name, offset and size of each field, in order.
    pub fields: Vec<(&'static str, usize, usize)>,
    /// Takes bytes for such a struct and returns the bytes of each field.
    pub read: fn(&[u8]) -> Vec<Vec<u8>>,
    /// Makes such a struct, each byte of field number n being n + 1, and returns its bytes.
    pub write: fn() -> Vec<u8>,
}

fn bytes_of<T>(value: &T) -> Vec<u8> {
    // SAFETY: a reference is to as many bytes as its type has; fields of the ABI have no padding.
    unsafe { std::slice::from_raw_parts((value as *const T).cast::<u8>(), size_of::<T>()) }.to_vec()
}

/// Does not compile for a struct of another size or alignment than C gives it.
#[macro_export]
macro_rules! assert_layout {
    ($ty:ty: $size:literal, $align:literal) => {
        $crate::const_assert_eq!(std::mem::size_of::<$ty>(), $size);
        $crate::const_assert_eq!(std::mem::align_of::<$ty>(), $align);
    };
}

macro_rules! crossing {
    ($($module:ident::$name:ident[$size:literal, $align:literal] { $($field:ident,)* })*) => {
        $(assert_layout!($module::$name: $size, $align);)*

        /// All structs that cross.
        pub fn structs() -> Vec<Struct> {
            vec![$({
                type S = $module::$name;
                let probe = MaybeUninit::<S>::zeroed();
                let base = probe.as_ptr();
                Struct {
                    name: stringify!($name),
                    size: size_of::<S>(),
                    align: align_of::<S>(),
                    fields: vec![$({
                        // SAFETY: the address of a field of zeroes, which are valid numbers and nullable pointers.
                        let field = unsafe { &(*base).$field };
                        let at = field as *const _ as usize - base as usize;
                        (stringify!($field).trim_start_matches("r#"), at, std::mem::size_of_val(field))
                    },)*],
                    read: |bytes| {
                        assert_eq!(bytes.len(), size_of::<S>());
                        // SAFETY: as many bytes as the struct has, and any but a zero function pointer are valid.
                        let s: S = unsafe { std::ptr::read_unaligned(bytes.as_ptr().cast()) };
                        vec![$(bytes_of(&s.$field),)*]
                    },
                    write: || {
                        let mut s = MaybeUninit::<S>::zeroed();
                        let mut number = 0u8;
                        $(
                            number += 1;
                            // SAFETY: the field is inside of `s`, and nobody looks at it as what it is.
                            unsafe {
                                let field = std::ptr::addr_of_mut!((*s.as_mut_ptr()).$field);
                                std::ptr::write_bytes(field, number, 1);
                            }
                        )*
                        // SAFETY: zeroed, then written.
                        let all = unsafe { std::slice::from_raw_parts(s.as_ptr().cast::<u8>(), size_of::<S>()) };
                        all.to_vec()
                    },
                }
            },)*]
        }
    };
}

crossing! {
    abi::nvb_abi[216, 8] {
        size, major, minor, oldest_major, oldest_minor, platform_size, boot_config_size, gpu_info_size,
        vgpu_type_info_size, vgpu_config_size, vgpu_info_size, event_size, dma_size, firmware_size, features,
        reason,
    }
    gpu::nvb_boot_config[120, 8] {
        size, flags, release, bar0_addr, bar1_addr, bar2_addr, sbdf, pci_vendor, pci_device,
        pci_subvendor, pci_subdevice, pci_revision, total_vfs, first_vf_offset, vf_bar0_addr, vf_bar1_addr,
        vf_bar2_addr, vf_bar_64bit, reserved,
    }
    platform::nvb_dma[40, 8] {
        size, kind, len, cpu, addr, r#priv,
    }
    event::nvb_event[152, 4] {
        size, kind, vf, channel, code, reserved, text,
    }
    platform::nvb_firmware[32, 8] {
        size, reserved, data, len, r#priv,
    }
    gpu::nvb_gpu_info[200, 8] {
        size, chip, chip_name, release, gpu_name, fb_size, fb_usable, wpr_start, wpr_end, vmmu_segment_size,
        channels, max_vgpus, vgpu_types, vgpus, state, events_lost,
    }
    platform::nvb_platform[176, 8] {
        size, reserved, ctx, mmio_read32, mmio_write32, dma_alloc, dma_free, dma_page_addr,
        dma_sync_for_device, mem_alloc, mem_free, now_ns, sleep_us, lock_create, lock_destroy, lock_acquire,
        lock_release, event_token, event_wait, event_signal, firmware_get, firmware_put, log,
    }
    vgpu::nvb_vgpu_config[24, 4] {
        size, vf, r#type, sbdf, vm_pid, reserved,
    }
    vgpu::nvb_vgpu_info[56, 8] {
        size, vf, r#type, state, fb_addr, fb_size, channel_first, channel_count, bar1_size, guest_version,
        reserved,
    }
    vgpu::nvb_vgpu_type_info[88, 8] {
        size, id, name, fb_size, heap_size, bar1_size, max_instances, available, vendor, device, subvendor,
        subdevice, ecc, reserved,
    }
}

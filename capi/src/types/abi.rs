// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The handshake.

use super::*;

/// Version of this ABI: raised when something that was promised no longer holds.
pub const NVB_ABI_MAJOR: u16 = 1;
/// Version of this ABI: raised when something was added.
pub const NVB_ABI_MINOR: u16 = 0;

/// Feature: vGPUs can be created.
pub const NVB_FEATURE_VGPU: u64 = 1;
/// Feature: a vGPU's state can be saved and restored.
pub const NVB_FEATURE_MIGRATION: u64 = 2;
/// Feature: the firmware's log buffers can be read.
pub const NVB_FEATURE_LOG: u64 = 4;

/// struct nvb_abi - what both sides of the ABI were compiled with
///
/// Filled by NVB_ABI_INIT(), answered by nvb_abi_handshake().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nvb_abi {
    /// @size: sizeof(struct nvb_abi)
    pub size: u32,
    /// @major: in: NVB_ABI_MAJOR of the caller; out: of the core
    pub major: u16,
    /// @minor: in: NVB_ABI_MINOR of the caller; out: of the core
    pub minor: u16,
    /// @oldest_major: out: major version of the oldest caller that the core serves
    pub oldest_major: u16,
    /// @oldest_minor: out: minor version of the oldest caller that the core serves
    pub oldest_minor: u16,
    /// @platform_size: sizeof(struct nvb_platform); in: of the caller; out: of the core, as for the sizes that follow
    pub platform_size: u32,
    /// @boot_config_size: sizeof(struct nvb_boot_config)
    pub boot_config_size: u32,
    /// @gpu_info_size: sizeof(struct nvb_gpu_info)
    pub gpu_info_size: u32,
    /// @vgpu_type_info_size: sizeof(struct nvb_vgpu_type_info)
    pub vgpu_type_info_size: u32,
    /// @vgpu_config_size: sizeof(struct nvb_vgpu_config)
    pub vgpu_config_size: u32,
    /// @vgpu_info_size: sizeof(struct nvb_vgpu_info)
    pub vgpu_info_size: u32,
    /// @event_size: sizeof(struct nvb_event)
    pub event_size: u32,
    /// @dma_size: sizeof(struct nvb_dma)
    pub dma_size: u32,
    /// @firmware_size: sizeof(struct nvb_firmware)
    pub firmware_size: u32,
    /// @features: in: NVB_FEATURE_* the caller cannot do without; out: all that the core has
    pub features: u64,
    /// @reason: out: why the core refused, in words; "" when it accepted
    pub reason: [c_char; NVB_REASON_MAX],
}

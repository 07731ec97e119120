// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The handshake.

use crate::sized;
use crate::text;
use crate::types::abi::*;
use crate::types::{event, gpu, platform, vgpu};
use core::cmp::Ordering;
use core::mem::size_of;
use novabridge_core::error::errno;
use novabridge_core::text::Text;

/// All that the core has.
const FEATURES: u64 = NVB_FEATURE_VGPU | NVB_FEATURE_MIGRATION | NVB_FEATURE_LOG;

/// nvb_abi_handshake() - the first call: do caller and core fit each other?
/// @abi: what the caller was compiled with, from NVB_ABI_INIT(); gets the core's answer, or the reason of the refusal
///
/// The core keeps nothing of it: one handshake is enough for any number of GPUs. What a newer caller has behind the fields that
/// the core knows is not looked at, and zero in the answer: a size that comes back as zero is that of a struct that the core does
/// not have. What the caller cannot do without is a feature.
///
/// Context: any; touches nothing but @abi.
/// Return:
/// * 0: they fit
/// * -EINVAL: @abi is NULL, or too small to hold a reason
/// * -EPROTO: the core does not serve this version, or a struct has another size than that version gave it
/// * -EOPNOTSUPP: a wanted feature is missing
///
/// # Safety
/// @abi is NULL or points to @abi->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_abi_handshake(abi: *mut nvb_abi) -> i32 {
    // SAFETY: the caller's promise.
    let wanted = match unsafe { sized::read_known(abi) } {
        Ok(wanted) => wanted,
        Err(errno) => return errno,
    };
    let mut reason = Text::<NVB_REASON>::new();
    let verdict = judge(&wanted, &mut reason);
    let mut answer = ours();
    text::put(&mut answer.reason, reason.as_str());
    // SAFETY: the caller's promise.
    match unsafe { sized::write(abi, &answer) } {
        Ok(()) => verdict,
        Err(errno) => errno,
    }
}

const NVB_REASON: usize = crate::types::NVB_REASON_MAX - 1;

fn ours() -> nvb_abi {
    nvb_abi {
        size: size_of::<nvb_abi>() as u32,
        major: NVB_ABI_MAJOR,
        minor: NVB_ABI_MINOR,
        oldest_major: NVB_ABI_MAJOR,
        oldest_minor: 0,
        platform_size: size_of::<platform::nvb_platform>() as u32,
        boot_config_size: size_of::<gpu::nvb_boot_config>() as u32,
        gpu_info_size: size_of::<gpu::nvb_gpu_info>() as u32,
        vgpu_type_info_size: size_of::<vgpu::nvb_vgpu_type_info>() as u32,
        vgpu_config_size: size_of::<vgpu::nvb_vgpu_config>() as u32,
        vgpu_info_size: size_of::<vgpu::nvb_vgpu_info>() as u32,
        event_size: size_of::<event::nvb_event>() as u32,
        dma_size: size_of::<platform::nvb_dma>() as u32,
        firmware_size: size_of::<platform::nvb_firmware>() as u32,
        features: FEATURES,
        reason: [0; crate::types::NVB_REASON_MAX],
    }
}

/// The verdict, with the reason of a refusal.
fn judge(wanted: &nvb_abi, reason: &mut Text<NVB_REASON>) -> i32 {
    let ours = ours();
    if wanted.major != ours.major {
        reason
            .str("caller has ABI ")
            .dec(wanted.major.into())
            .str(".")
            .dec(wanted.minor.into())
            .str(", core serves ")
            .dec(ours.oldest_major.into())
            .str(".")
            .dec(ours.oldest_minor.into())
            .str(" to ")
            .dec(ours.major.into())
            .str(".x; compile it with the core's header");
        return -errno::EPROTO;
    }
    for (name, theirs, here) in [
        ("nvb_platform", wanted.platform_size, ours.platform_size),
        ("nvb_boot_config", wanted.boot_config_size, ours.boot_config_size),
        ("nvb_gpu_info", wanted.gpu_info_size, ours.gpu_info_size),
        (
            "nvb_vgpu_type_info",
            wanted.vgpu_type_info_size,
            ours.vgpu_type_info_size,
        ),
        ("nvb_vgpu_config", wanted.vgpu_config_size, ours.vgpu_config_size),
        ("nvb_vgpu_info", wanted.vgpu_info_size, ours.vgpu_info_size),
        ("nvb_event", wanted.event_size, ours.event_size),
        ("nvb_dma", wanted.dma_size, ours.dma_size),
        ("nvb_firmware", wanted.firmware_size, ours.firmware_size),
    ] {
        // Structs only grow, and only with the minor version.
        let fits = match wanted.minor.cmp(&ours.minor) {
            Ordering::Less => theirs <= here,
            Ordering::Equal => theirs == here,
            Ordering::Greater => theirs >= here,
        };
        if !fits {
            reason
                .str("struct ")
                .str(name)
                .str(" has ")
                .dec(theirs.into())
                .str(" bytes at the caller, ")
                .dec(here.into())
                .str(" in the core; compile it with the header of ")
                .dec(ours.major.into())
                .str(".")
                .dec(ours.minor.into());
            return -errno::EPROTO;
        }
    }
    let missing = wanted.features & !FEATURES;
    if missing != 0 {
        reason
            .str("caller wants features ")
            .hex(wanted.features)
            .str(", core has ")
            .hex(FEATURES)
            .str(" and lacks ")
            .hex(missing)
            .str("; a newer core may have them");
        return -errno::EOPNOTSUPP;
    }
    0
}

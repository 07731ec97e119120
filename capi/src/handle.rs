// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Handles.

/// struct nvb_gpu - a GPU; opaque
pub struct nvb_gpu {
    _opaque: [u8; 0],
}

/// struct nvb_vgpu - a vGPU; opaque
pub struct nvb_vgpu {
    _opaque: [u8; 0],
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A GPU is no vGPU.
use novabridge::handle::nvb_gpu;

fn main() {
    let gpu: *mut nvb_gpu = std::ptr::null_mut();
    unsafe { novabridge::api::vgpu::nvb_vgpu_reset(gpu) };
}

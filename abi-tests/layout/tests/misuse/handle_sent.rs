// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Who hands a handle to another thread says so with unsafe. Its type is what the function takes: a number would pass.
use novabridge::api::vgpu::nvb_vgpu_reset;

// As std::thread::spawn asks; a function of std would put its source into the message, which not every machine has.
fn call_elsewhere<H: Send>(_function: unsafe extern "C" fn(H) -> i32) {}

fn main() {
    call_elsewhere(nvb_vgpu_reset);
}

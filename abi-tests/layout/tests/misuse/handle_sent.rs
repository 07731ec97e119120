// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A handle is a pointer of C: who hands it to another thread says so with unsafe.
use novabridge::handle::nvb_vgpu;

fn main() {
    let vgpu: *mut nvb_vgpu = std::ptr::null_mut();
    std::thread::spawn(move || drop(vgpu));
}

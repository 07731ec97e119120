// SPDX-License-Identifier: GPL-2.0-only OR MIT
// A handle is a pointer of C: who hands it to another thread says so with unsafe.
use novabridge::handle::nvb_vgpu;

// As std::thread::spawn asks; a function of std would put its source into the message, which not every machine has.
fn spawn(_thread: impl FnOnce() + Send) {}

fn main() {
    let vgpu: *mut nvb_vgpu = std::ptr::null_mut();
    spawn(move || drop(vgpu));
}

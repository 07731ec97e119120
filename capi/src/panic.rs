// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The panic handler of the kernel object.
//!
//! Every crate without std needs one. None is reached: the linked object holds no reference to core's panic functions, which
//! the build checks, and then this function is not in it either.

extern "C" {
    /// Declared as returning: objtool of older kernels wants code behind a call, and that of newer ones none behind a call that
    /// never returns. What follows satisfies both.
    fn nvb_panic(file: *const u8, len: usize, line: u32);
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let (file, line) = match info.location() {
        Some(location) => (location.file(), location.line()),
        None => ("", 0),
    };
    // SAFETY: the module's C half defines it; `file` is valid for the call.
    unsafe { nvb_panic(file.as_ptr(), file.len(), line) };
    // SAFETY: an invalid instruction on purpose: it ends the thread with the kernel's own report.
    unsafe { core::arch::asm!("ud2", options(noreturn, nomem, nostack)) }
}

// SPDX-License-Identifier: MIT
//! The C ABI as C sees it.

use super::*;

#[test]
fn structs_are_as_long_as_the_header_says() {
    assert_eq!(size_of::<CLocation>(), 56);
    assert_eq!(size_of::<CHost>(), 48);
    assert_eq!(size_of::<CConfig>(), 48);
    assert_eq!(size_of::<Geometry>(), 112);
}

#[test]
fn a_board_that_cannot_be_says_why() {
    let ops = CHost {
        size: size_of::<CHost>() as u32,
        reserved: 0,
        dma_read: None,
        dma_write: None,
        irq: None,
        violation: None,
        location: None,
    };
    let mut config = CConfig {
        size: size_of::<CConfig>() as u32,
        total_vfs: 33,
        fb_size: 0,
        firmware_dir: std::ptr::null(),
        hostile: std::ptr::null(),
        fuse_sec2: 0,
        fuse_gsp: 0,
        fuse_nvdec: 0,
        flags: 0,
    };
    let mut reason = [0x7f as c_char; 16];
    let make = |config: &CConfig, reason: &mut [c_char]| {
        // SAFETY: structs and buffer live for the call and are as long as said.
        unsafe { gsp_emu_new(config, &ops, std::ptr::null_mut(), reason.as_mut_ptr(), reason.len()) }
    };
    assert!(make(&config, &mut reason).is_null());
    // SAFETY: the library put a NUL into the buffer.
    let said = unsafe { CStr::from_ptr(reason.as_ptr()) };
    assert_eq!(said.to_str(), Ok("33 VFs; expecte"), "cut to fit");
    config.total_vfs = 4;
    config.flags = 2;
    assert!(make(&config, &mut reason).is_null());
    config.flags = THREAD;
    let emu = make(&config, &mut reason);
    assert!(!emu.is_null());
    // SAFETY: alive until freed, once.
    unsafe {
        assert_eq!(gsp_emu_read(emu, 0, 0, 0, 4), 0x192000a1);
        assert_eq!(gsp_emu_poll(emu), 0);
        assert_eq!(gsp_emu_inject(emu, c"os-error-log".as_ptr()), -libc::ENODEV);
        assert_eq!(gsp_emu_set_hostile(emu, c"no-such-mode".as_ptr()), -libc::EINVAL);
        assert_eq!(gsp_emu_counter(emu, c"boots".as_ptr()), 0);
        assert_eq!(gsp_emu_counter(emu, c"shoes".as_ptr()), u64::MAX);
        gsp_emu_free(emu);
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the header promises about arguments: NULL, stale handles, and structs of older and newer callers.

use novabridge::api::{abi::*, event::*, gpu::*};
use novabridge::types::{abi::*, gpu::*, platform::*, vgpu::*};
use novabridge_abi_tests::{text, Gpu, Machine, Setup};
use std::mem::{size_of, zeroed};
use std::ptr::{null_mut, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};

const EINVAL: i32 = -libc::EINVAL;
const E2BIG: i32 = -libc::E2BIG;

fn abi() -> nvb_abi {
    // SAFETY: numbers and arrays of numbers.
    let mut abi: nvb_abi = unsafe { zeroed() };
    abi.size = size_of::<nvb_abi>() as u32;
    abi.major = NVB_ABI_MAJOR;
    abi.minor = NVB_ABI_MINOR;
    abi.platform_size = size_of::<nvb_platform>() as u32;
    abi.boot_config_size = size_of::<nvb_boot_config>() as u32;
    abi.gpu_info_size = size_of::<nvb_gpu_info>() as u32;
    abi.vgpu_type_info_size = size_of::<nvb_vgpu_type_info>() as u32;
    abi.vgpu_config_size = size_of::<nvb_vgpu_config>() as u32;
    abi.vgpu_info_size = size_of::<nvb_vgpu_info>() as u32;
    abi.event_size = size_of::<novabridge::types::event::nvb_event>() as u32;
    abi.dma_size = size_of::<nvb_dma>() as u32;
    abi.firmware_size = size_of::<nvb_firmware>() as u32;
    abi
}

fn shake(mut abi: nvb_abi) -> (i32, nvb_abi, String) {
    // SAFETY: the struct is whole.
    let ret = unsafe { nvb_abi_handshake(&mut abi) };
    (ret, abi, text(&abi.reason))
}

#[test]
fn callers_that_fit_are_accepted() {
    let (ret, answer, reason) = shake(abi());
    assert_eq!((ret, reason.as_str()), (0, ""));
    assert_eq!(
        answer.features,
        NVB_FEATURE_VGPU | NVB_FEATURE_MIGRATION | NVB_FEATURE_LOG
    );
    assert_eq!((answer.oldest_major, answer.oldest_minor), (1, 0));
    // A newer caller of the same major version, whose structs have grown.
    let newer = nvb_abi {
        minor: NVB_ABI_MINOR + 1,
        gpu_info_size: size_of::<nvb_gpu_info>() as u32 + 16,
        ..abi()
    };
    assert_eq!(shake(newer).0, 0);
}

#[test]
fn callers_that_do_not_fit_are_told_why() {
    let other = nvb_abi { major: 2, ..abi() };
    assert_eq!(shake(other).0, -libc::EPROTO);
    assert_eq!(
        shake(other).2,
        "caller has ABI 2.0, core serves 1.0 to 1.x; compile it with the core's header"
    );
    let misbuilt = nvb_abi {
        platform_size: 172,
        ..abi()
    };
    assert_eq!(shake(misbuilt).0, -libc::EPROTO);
    assert_eq!(
        shake(misbuilt).2,
        "struct nvb_platform has 172 bytes at the caller, 176 in the core; compile it with the header of 1.0"
    );
    let demanding = nvb_abi {
        features: 1 << 40,
        ..abi()
    };
    assert_eq!(shake(demanding).0, -libc::EOPNOTSUPP);
    assert_eq!(
        shake(demanding).2,
        "caller wants features 0x10000000000, core has 0x7 and lacks 0x10000000000; a newer core may have them"
    );
    let short = nvb_abi {
        size: size_of::<nvb_abi>() as u32 - 1,
        ..abi()
    };
    assert_eq!(shake(short).0, EINVAL);
    // SAFETY: NULL is allowed.
    assert_eq!(unsafe { nvb_abi_handshake(null_mut()) }, EINVAL);
}

#[test]
fn a_table_with_a_hole_is_refused() {
    let machine = Machine::new(Setup::default());
    let whole = machine.platform();
    let holes: [fn(&mut nvb_platform); 4] = [
        |t| t.mmio_read32 = None,
        |t| t.event_wait = None,
        |t| t.log = None,
        |t| t.size -= 8,
    ];
    for hole in holes {
        let mut table = whole;
        hole(&mut table);
        let mut gpu = NonNull::<novabridge::handle::nvb_gpu>::dangling().as_ptr();
        // SAFETY: the table is whole but for the hole, which is what is tried.
        assert_eq!(unsafe { nvb_gpu_create(&table, &mut gpu) }, EINVAL);
        assert!(gpu.is_null());
    }
    assert_eq!(machine.leaks(), "");
}

/// `T` and behind it what a newer version has added.
#[repr(C)]
struct Newer<T> {
    known: T,
    added: [u8; 16],
}

#[test]
fn structs_of_other_versions_are_served() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    // Output of a newer caller: what the core does not know is zeroed, and the size stays the caller's.
    // SAFETY: numbers and arrays of numbers.
    let mut newer: Newer<nvb_gpu_info> = unsafe { zeroed() };
    newer.known.size = size_of::<Newer<nvb_gpu_info>>() as u32;
    newer.added = [0x55; 16];
    // SAFETY: as large as it says.
    assert_eq!(unsafe { nvb_gpu_get_info(gpu.raw(), &mut newer.known) }, 0);
    assert_eq!(
        (newer.known.size as usize, newer.added),
        (size_of::<Newer<nvb_gpu_info>>(), [0; 16])
    );
    assert_eq!(text(&newer.known.chip_name), "AD102");
    newer.known.size = size_of::<nvb_gpu_info>() as u32 - 4;
    // SAFETY: larger than it says.
    assert_eq!(unsafe { nvb_gpu_get_info(gpu.raw(), &mut newer.known) }, EINVAL);

    // Input of a newer caller: fine as long as what the core does not know is not used.
    let mut config = Newer {
        known: gpu.config("535.113.01"),
        added: [0; 16],
    };
    config.known.size = size_of::<Newer<nvb_boot_config>>() as u32;
    config.added[15] = 1;
    assert_eq!(gpu.boot_with(&config.known), Err(E2BIG));
    config.added[15] = 0;
    gpu.boot_with(&config.known).expect("boot");
}

#[test]
fn boot_arguments_are_checked() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    assert_eq!(gpu.shutdown(), Ok(()));
    assert_eq!(gpu.log(NVB_LOG_RM), Err(-libc::ENOENT));
    assert_eq!(gpu.boot("525.147.05"), Err(-libc::EOPNOTSUPP));
    assert!(
        gpu.last_error().contains("unknown firmware release"),
        "{}",
        gpu.last_error()
    );
    assert!(machine.log().contains("570.144, 535.113.01"), "{}", machine.log());
    let mut config = gpu.config("570.144");
    config.flags |= 1 << 31;
    assert_eq!(gpu.boot_with(&config), Err(EINVAL));
    let mut config = gpu.config("570.144");
    config.release = [b'5' as _; 32];
    assert_eq!(gpu.boot_with(&config), Err(EINVAL));
    gpu.boot("").expect("boot of the newest");
    assert_eq!(text(&gpu.info().release), "570.144");
    assert_eq!(gpu.boot(""), Err(-libc::EBUSY));
    assert_eq!(gpu.log(NVB_LOG_INIT).expect("log").len(), 64 << 10);
    assert_eq!(gpu.log(NVB_LOG_VGPU_INIT), Err(EINVAL));
    gpu.shutdown().expect("shutdown");
    // Logs of the last boot stay.
    assert_eq!(gpu.log(NVB_LOG_RM).expect("log").len(), 64 << 10);
}

#[test]
fn words_are_cut_to_the_room() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    assert_eq!(gpu.last_error(), "");
    assert!(gpu.boot("1.0").is_err());
    let mut room = [0x55 as novabridge::types::c_char; 9];
    // SAFETY: one byte of the array is kept back.
    let len = unsafe { nvb_gpu_last_error(gpu.raw(), room.as_mut_ptr(), 8) };
    assert_eq!(len as usize, gpu.last_error().len());
    assert_eq!((text(&room), room[8]), ("boot: r".into(), 0x55));
}

#[test]
fn events_reach_their_handler() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn seen(ctx: *mut std::ffi::c_void, event: *const novabridge::types::event::nvb_event) {
        // SAFETY: valid during the call.
        let event = unsafe { &*event };
        assert_eq!(ctx as usize, 77);
        if event.kind == novabridge::types::event::NVB_EVENT_RC_ERROR {
            assert_eq!((event.channel, event.code), (5, 31));
            SEEN.fetch_add(1, Ordering::SeqCst);
        }
    }
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    gpu.boot("570.144").expect("boot");
    // SAFETY: the handler lives as long as the program.
    let set = unsafe { nvb_gpu_set_event_handler(gpu.raw(), Some(seen), 77 as *mut _) };
    assert_eq!(set, 0);
    machine
        .emulator
        .inject("rc-triggered chid=5 engine=1 except=31 gfid=0")
        .expect("inject");
    for _ in 0..100 {
        if SEEN.load(Ordering::SeqCst) != 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(SEEN.load(Ordering::SeqCst), 1);
    // SAFETY: none is a handler, too.
    assert_eq!(unsafe { nvb_gpu_set_event_handler(gpu.raw(), None, null_mut()) }, 0);
}

#[test]
fn handles_of_the_other_kind_are_refused() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    gpu.boot("570.144").expect("boot");
    let vgpu = gpu.create_vgpu(0, 944).expect("vGPU");
    // SAFETY: both point to memory of the core that is larger than what is looked at.
    unsafe {
        assert_eq!(nvb_gpu_shutdown(vgpu.raw().cast()), EINVAL);
    }
    vgpu.destroy().expect("destroy");
    // The slot is taken again, by another vGPU: the old handle is not its.
    let successor = gpu.create_vgpu(0, 944).expect("vGPU");
    assert_ne!(vgpu.raw(), successor.raw());
    assert_eq!(vgpu.destroy(), Err(-libc::ESTALE));
    successor.destroy().expect("destroy");
}

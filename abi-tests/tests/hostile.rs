// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A device that misbehaves: each way leads to an error that names it, nothing is leaked, and the GPU boots again once the device
//! behaves - or says that only a reset helps.

use gsp_emulator::parse_hostile;
use novabridge::types::gpu::*;
use novabridge_abi_tests::{Gpu, Machine, Setup};

/// What a boot with hostile mode `mode` answers, and words that must be in the error.
struct Case {
    mode: &'static str,
    errno: i32,
    words: &'static str,
}

const fn case(mode: &'static str, errno: i32, words: &'static str) -> Case {
    Case { mode, errno, words }
}
#[test]
fn probe_all() {
    for mode in gsp_emulator::Mode::ALL {
        let machine = Machine::new(Setup::default());
        let gpu = Gpu::new(&machine).expect("create");
        machine.emulator.set_hostile(parse_hostile(mode.name()).expect("mode"));
        let t = std::time::Instant::now();
        let r = gpu.boot("570.144");
        eprintln!(
            "{:26} {:?} {} state {} in {:?}",
            mode.name(),
            r,
            gpu.last_error(),
            gpu.info().state,
            t.elapsed()
        );
        machine.emulator.set_hostile(Vec::new());
        if gpu.info().state == NVB_GPU_STOPPED {
            let again = gpu.boot("570.144");
            eprintln!("      again: {:?} {}", again, gpu.last_error());
        }
        drop(gpu);
        eprintln!("      leaks {} violations {:?}", machine.leaks(), machine.violations());
    }
}

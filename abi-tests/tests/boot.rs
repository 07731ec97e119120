// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Booting and shutting down, both releases.

use novabridge::types::gpu::*;
use novabridge_abi_tests::{text, Gpu, Machine, Setup};

const RELEASES: [&str; 2] = ["535.113.01", "570.144"];

#[test]
fn boots_and_shuts_down() {
    for release in RELEASES {
        let machine = Machine::new(Setup::default());
        let gpu = Gpu::new(&machine).expect("create");
        if let Err(errno) = gpu.boot(release) {
            panic!(
                "boot {release}: {errno}: {}\n{}\n{:#?}",
                gpu.last_error(),
                machine.log(),
                machine.violations()
            );
        }
        let info = gpu.info();
        assert_eq!(info.state, NVB_GPU_RUNNING);
        assert_eq!(text(&info.release), release);
        assert_eq!(text(&info.chip_name), "AD102");
        assert_eq!(info.fb_size, 48 << 30);
        gpu.shutdown()
            .unwrap_or_else(|e| panic!("shutdown {release}: {e}: {}", gpu.last_error()));
        assert_eq!(gpu.info().state, NVB_GPU_STOPPED);
        drop(gpu);
        assert_eq!(machine.leaks(), "");
        assert_eq!(machine.violations(), Vec::<String>::new());
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Each request of the core to its platform fails once: the core says so, gives back all it had taken, and works the next time.

use novabridge::types::gpu::*;
use novabridge_abi_tests::{Gpu, Machine, Setup};

/// Pages of the firmware image are asked for one by one, 15,000 of them, and fail alike: of such rows a sample is tried.
const SAMPLE: u64 = 1999;
/// Up to here every request is tried.
const DENSE: u64 = 50;

/// Request numbers to fail out of `total`: the first, the last, and a sample of the long middle.
fn chosen(total: u64) -> Vec<u64> {
    (1..=total)
        .filter(|n| *n <= DENSE || *n + DENSE > total || n % SAMPLE == 0)
        .collect()
}

#[test]
fn creating_survives_each_failure() {
    let machine = Machine::new(Setup::default());
    drop(Gpu::new(&machine).expect("create"));
    let total = machine.requests();
    for number in 1..=total {
        machine.fail_request(number);
        assert!(Gpu::new(&machine).is_err(), "request {number} of {total}");
        assert_eq!(machine.leaks(), "", "request {number} of {total}");
    }
    machine.fail_request(0);
    drop(Gpu::new(&machine).expect("create"));
    assert_eq!(machine.violations(), Vec::<String>::new());
}

#[test]
fn booting_survives_each_failure() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    // The first boot has the scrubber to load besides.
    gpu.boot("570.144").expect("boot");
    gpu.shutdown().expect("shutdown");
    let before = machine.requests();
    gpu.boot("570.144").expect("boot");
    let total = machine.requests() - before;
    gpu.shutdown().expect("shutdown");
    for number in chosen(total) {
        machine.fail_request(number);
        let boot = gpu.boot("570.144");
        machine.fail_request(0);
        assert!(boot.is_err(), "request {number} of {total} failed unnoticed");
        assert_eq!(
            gpu.info().state,
            NVB_GPU_STOPPED,
            "request {number} of {total}: {}",
            gpu.last_error()
        );
    }
    gpu.boot("570.144").expect("boot");
    drop(gpu);
    assert_eq!(machine.leaks(), "");
    assert_eq!(machine.violations(), Vec::<String>::new());
}

#[test]
fn creating_a_vgpu_survives_each_failure() {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    gpu.boot("570.144").expect("boot");
    let before = machine.requests();
    gpu.create_vgpu(0, 944).expect("vGPU").destroy().expect("destroy");
    let total = machine.requests() - before;
    let taken = machine.leaks();
    for number in 1..=total {
        machine.fail_request(number);
        match gpu.create_vgpu(0, 944) {
            // The failing request was one of the destruction.
            Ok(vgpu) => drop(vgpu.destroy()),
            Err(errno) => assert!(errno < 0),
        }
        machine.fail_request(0);
        assert_eq!(gpu.info().vgpus, 0, "request {number} of {total}");
        assert_eq!(machine.leaks(), taken, "request {number} of {total}");
    }
    gpu.create_vgpu(0, 944).expect("vGPU").destroy().expect("destroy");
    drop(gpu);
    assert_eq!(machine.leaks(), "");
}

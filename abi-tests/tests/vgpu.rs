// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPUs from creation to destruction, both releases.

use novabridge::types::gpu::*;
use novabridge::types::vgpu::*;
use novabridge_abi_tests::{text, Gpu, Machine, Setup, Vgpu};
use std::sync::Arc;

const RELEASES: [&str; 2] = ["535.113.01", "570.144"];

fn booted(release: &str) -> (Arc<Machine>, Gpu) {
    let machine = Machine::new(Setup::default());
    let gpu = Gpu::new(&machine).expect("create");
    if let Err(errno) = gpu.boot(release) {
        panic!("boot {release}: {errno}: {}\n{}", gpu.last_error(), machine.log());
    }
    (machine, gpu)
}

fn create(machine: &Machine, gpu: &Gpu, vf: u32, kind: u32) -> Vgpu {
    gpu.create_vgpu(vf, kind)
        .unwrap_or_else(|e| panic!("vGPU {kind} on VF {vf}: {e}: {}\n{}", gpu.last_error(), machine.log()))
}

/// Ends the GPU; nothing may be left, and no rule broken.
fn end(machine: Arc<Machine>, gpu: Gpu) {
    gpu.shutdown()
        .unwrap_or_else(|e| panic!("shutdown: {e}: {}", gpu.last_error()));
    drop(gpu);
    assert_eq!(machine.leaks(), "");
    assert_eq!(machine.violations(), Vec::<String>::new());
}

#[test]
fn types_are_those_of_the_file() {
    for release in RELEASES {
        let (machine, gpu) = booted(release);
        let types = gpu.types().expect("types");
        let names: Vec<(u32, String)> = types.iter().map(|t| (t.id, text(&t.name))).collect();
        assert_eq!(names.len(), 10);
        assert_eq!(names[0], (941, "RTX6000-Ada-1Q".into()));
        assert_eq!(names[9], (950, "RTX6000-Ada-48Q".into()));
        assert_eq!(gpu.info().vgpu_types, 10);
        let found = gpu.find_type(944).expect("type 944");
        assert_eq!(text(&found.name), text(&types[3].name));
        assert_eq!((found.vendor, found.subvendor), (0x10de, 0x10de));
        assert_eq!(gpu.find_type(1).err(), Some(-libc::ENOENT));
        end(machine, gpu);
    }
}

#[test]
fn a_vgpu_lives() {
    for release in RELEASES {
        let (machine, gpu) = booted(release);
        let vgpu = create(&machine, &gpu, 0, 944);
        let info = vgpu.info().expect("info");
        assert_eq!((info.vf, info.r#type, info.state), (0, 944, NVB_VGPU_RUNNING));
        assert_eq!(info.fb_addr % gpu.info().vmmu_segment_size, 0);
        assert!(info.channel_count.is_power_of_two());
        assert_eq!(gpu.info().vgpus, 1);
        vgpu.set_bus_master(1).expect("bus master on");
        vgpu.reset().expect("reset");
        vgpu.set_bus_master(0).expect("bus master off");
        assert_eq!(gpu.shutdown().err(), Some(-libc::EBUSY));
        vgpu.destroy().expect("destroy");
        assert_eq!(gpu.info().vgpus, 0);
        for again in [vgpu.destroy(), vgpu.reset(), vgpu.info().map(drop)] {
            assert_eq!(again.err(), Some(-libc::ESTALE));
        }
        end(machine, gpu);
    }
}

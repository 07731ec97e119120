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

#[test]
fn several_live_at_once() {
    for release in RELEASES {
        let (machine, gpu) = booted(release);
        // 12Q: four of them fill the frame buffer.
        let kind = gpu
            .types()
            .expect("types")
            .into_iter()
            .find(|t| text(&t.name) == "RTX6000-Ada-12Q")
            .expect("12Q");
        assert_eq!((kind.max_instances, kind.available), (4, 4));
        let vgpus: Vec<Vgpu> = (0..4).map(|vf| create(&machine, &gpu, vf, kind.id)).collect();
        assert_eq!(gpu.find_type(kind.id).expect("type").available, 0);
        assert_eq!(gpu.info().vgpus, 4);
        assert_eq!(
            gpu.create_vgpu(4, kind.id).map(drop),
            Err(-libc::ENOSPC),
            "{}",
            gpu.last_error()
        );

        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for vgpu in &vgpus {
            let info = vgpu.info().expect("info");
            ranges.push((info.fb_addr, info.fb_addr + info.fb_size));
        }
        ranges.sort_unstable();
        assert!(
            ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "{ranges:x?} overlap"
        );
        assert!(
            ranges.iter().all(|range| range.1 <= gpu.info().wpr_start),
            "{ranges:x?} reach into WPR2"
        );

        // A place that becomes free is taken again, and the others are not disturbed.
        vgpus[1].destroy().expect("destroy");
        let again = create(&machine, &gpu, 7, kind.id);
        assert_eq!(vgpus[1].reset(), Err(-libc::ESTALE));
        vgpus[0].reset().expect("reset");
        for vgpu in [again, vgpus[0], vgpus[2], vgpus[3]] {
            vgpu.destroy().expect("destroy");
        }
        end(machine, gpu);
    }
}

#[test]
fn threads_create_and_destroy_at_once() {
    let (machine, gpu) = booted("570.144");
    std::thread::scope(|scope| {
        for vf in 0..4 {
            let (machine, gpu) = (&machine, &gpu);
            scope.spawn(move || {
                for _ in 0..5 {
                    let vgpu = create(machine, gpu, vf, 944);
                    vgpu.set_bus_master(1).expect("bus master");
                    vgpu.reset().expect("reset");
                    vgpu.destroy().expect("destroy");
                }
            });
        }
    });
    end(machine, gpu);
}

#[test]
fn rules_of_vgpus_are_kept() {
    let (machine, gpu) = booted("570.144");
    let vgpu = create(&machine, &gpu, 3, 944);
    for (vf, kind, errno) in [
        (3, 944, -libc::EBUSY),
        (4, 945, -libc::EBUSY),
        (16, 944, -libc::EINVAL),
        (u32::MAX, 944, -libc::EINVAL),
        (4, 1, -libc::ENOENT),
    ] {
        assert_eq!(
            gpu.create_vgpu(vf, kind).map(drop),
            Err(errno),
            "{vf} {kind}: {}",
            gpu.last_error()
        );
    }
    assert_eq!(vgpu.set_bus_master(2), Err(-libc::EINVAL));
    vgpu.destroy().expect("destroy");
    // Of another type once the first is gone.
    create(&machine, &gpu, 3, 945).destroy().expect("destroy");
    end(machine, gpu);
}

#[test]
fn a_gpu_that_is_destroyed_takes_its_vgpus_along() {
    let (machine, gpu) = booted("535.113.01");
    create(&machine, &gpu, 0, 944);
    create(&machine, &gpu, 1, 944);
    drop(gpu);
    assert_eq!(machine.leaks(), "");
    assert_eq!(machine.violations(), Vec::<String>::new());
}

#[test]
fn a_state_moves_from_one_vgpu_to_another() {
    for release in RELEASES {
        let (machine, gpu) = booted(release);
        let source = create(&machine, &gpu, 0, 944);
        assert_eq!(source.save(4096).map(drop), Err(-libc::EINVAL));
        source
            .suspend()
            .unwrap_or_else(|e| panic!("suspend: {e}: {}", gpu.last_error()));
        assert_eq!(source.info().expect("info").state, NVB_VGPU_SUSPENDED);
        let state = source
            .save(100_000)
            .unwrap_or_else(|e| panic!("save: {e}: {}", gpu.last_error()));
        assert!(!state.is_empty());
        source
            .resume()
            .unwrap_or_else(|e| panic!("resume: {e}: {}", gpu.last_error()));

        let target = create(&machine, &gpu, 1, 944);
        target.suspend().expect("suspend");
        // In other pieces than it was said in.
        target
            .restore(&state, 70_001)
            .unwrap_or_else(|e| panic!("restore: {e}: {}", gpu.last_error()));
        target
            .resume()
            .unwrap_or_else(|e| panic!("resume: {e}: {}", gpu.last_error()));
        assert_eq!(target.info().expect("info").state, NVB_VGPU_RUNNING);
        for vgpu in [source, target] {
            vgpu.destroy().expect("destroy");
        }
        end(machine, gpu);
    }
}

#[test]
fn logs_are_read() {
    for release in RELEASES {
        let (machine, gpu) = booted(release);
        let vgpu = create(&machine, &gpu, 0, 944);
        assert_eq!(vgpu.log(NVB_LOG_VGPU_INIT).expect("log").len(), 128 << 10);
        assert_eq!(vgpu.log(NVB_LOG_VGPU_TASK).expect("log").len(), 256 << 10);
        let kernel = vgpu.log(NVB_LOG_VGPU_KERNEL);
        match release {
            "570.144" => assert_eq!(kernel.expect("log").len(), 64 << 10),
            _ => assert_eq!(kernel, Err(-libc::ENOENT)),
        }
        assert_eq!(vgpu.log(NVB_LOG_RM), Err(-libc::EINVAL));
        vgpu.destroy().expect("destroy");
        end(machine, gpu);
    }
}

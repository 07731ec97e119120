// SPDX-License-Identifier: MIT
//! What a new vGPU is refused for.

use super::*;
use crate::{
    bytes::{put_u32, put_u64},
    gsp::Firmware,
    layout::release,
    testing::{board, Memory},
    vgpu::VgpuType,
};

const BOOTLOAD: &str = "NV2080_CTRL_VGPU_MGR_INTERNAL_BOOTLOAD_GSP_VGPU_PLUGIN_TASK_PARAMS";
const GIB: u64 = 1 << 30;
const HEAP: u64 = 32 << 20;

fn host(release: &'static Release) -> Device {
    let mut device = Device::new(board(&Memory::new(4096)));
    let reserved = 47 * GIB;
    let mut firmware = Firmware::new(release, 0, reserved, reserved..48 * GIB, 16);
    firmware.sriov_mode = true;
    firmware.told_vfs = 16;
    device.firmware = Some(firmware);
    for (id, max_instance) in [(1, 2), (2, 2)] {
        let kind = VgpuType {
            id,
            name: "t".to_owned(),
            max_instance,
            fb_length: GIB,
            heap: HEAP,
            bar1_mib: 64,
        };
        device.vgpu_types.insert(id, kind);
    }
    device
}

/// Parameters of a vGPU of type 1 with its own channels, framebuffer and heap.
fn params(release: &Release, gfid: u32) -> Vec<u8> {
    let layout = release.layout(BOOTLOAD);
    let mut p = layout.zeroed();
    let heap = 40 * GIB + u64::from(gfid) * HEAP;
    layout.set(&mut p, "gfid", gfid.into());
    layout.set(&mut p, "vgpuType", 1);
    layout.set(&mut p, "numChannels", 64);
    layout.set(&mut p, "numGuestFbSegments", 1);
    layout.set(&mut p, "pluginHeapMemoryPhysAddr", heap);
    layout.set(&mut p, "pluginHeapMemoryLength", HEAP);
    layout.set(&mut p, "initTaskLogBuffOffset", heap + BUFFERS);
    layout.set(&mut p, "initTaskLogBuffSize", INIT_LOG);
    layout.set(&mut p, "vgpuTaskLogBuffOffset", heap + BUFFERS + INIT_LOG);
    layout.set(&mut p, "vgpuTaskLogBuffSize", TASK_LOG);
    layout.set_if(&mut p, "kernelLogBuffOffset", heap + BUFFERS + INIT_LOG + TASK_LOG);
    layout.set_if(&mut p, "kernelLogBuffSize", release.plugin_kernel_log);
    let chids = layout.offset("chidOffset").unwrap();
    (0..release.engines as usize).for_each(|i| put_u32(&mut p, chids + 4 * i, 64 * gfid));
    set_segment(release, &mut p, u64::from(gfid) * GIB, GIB);
    p
}

fn set_segment(release: &Release, p: &mut [u8], at: u64, len: u64) {
    let layout = release.layout(BOOTLOAD);
    put_u64(p, layout.offset("guestFbPhysAddrList").unwrap(), at);
    put_u64(p, layout.offset("guestFbLengthList").unwrap(), len);
}

fn refused(release: &'static Release, spoil: impl Fn(&mut Vec<u8>)) -> Rule {
    let mut device = host(release);
    device.bootload(release, 1, &params(release, 1)).unwrap();
    let mut p = params(release, 2);
    spoil(&mut p);
    let (rule, ..) = device.bootload(release, 1, &p).unwrap_err();
    assert_eq!(device.plugins.len(), 1);
    rule
}

#[test]
fn two_that_share_nothing_are_started_and_the_type_is_kept() {
    for name in ["535.113.01", "570.144"] {
        let release = release(name).unwrap();
        let mut device = host(release);
        device.bootload(release, 1, &params(release, 1)).unwrap();
        device.bootload(release, 1, &params(release, 2)).unwrap();
        assert_eq!(device.board.violations, []);
        let (rule, ..) = device.bootload(release, 1, &params(release, 3)).unwrap_err();
        assert_eq!(rule, Rule::VgpuMaxInstance);
        device.plugin_shutdown(1).unwrap();
        assert_eq!(device.plugin_shutdown(1).unwrap_err().0, Rule::VgpuState);
        assert_eq!(device.plugin_cleanup(2).unwrap_err().0, Rule::VgpuState, "still runs");
        device.plugin_cleanup(1).unwrap();
        device.bootload(release, 1, &params(release, 1)).unwrap();
    }
}

#[test]
fn every_collision_has_its_rule() {
    let r = release("570.144").unwrap();
    let layout = r.layout(BOOTLOAD);
    let set = |field: &'static str, value: u64| move |p: &mut Vec<u8>| layout.set(p, field, value);
    assert_eq!(refused(r, set("gfid", 1)), Rule::VgpuState);
    assert_eq!(refused(r, set("gfid", 17)), Rule::VgpuBootload);
    assert_eq!(refused(r, set("vgpuType", 9)), Rule::VgpuType);
    assert_eq!(refused(r, set("vgpuType", 2)), Rule::VgpuHomogeneous);
    assert_eq!(refused(r, set("numChannels", 48)), Rule::VgpuChannels);
    assert_eq!(refused(r, set("numGuestFbSegments", 0)), Rule::VgpuBootload);
    assert_eq!(refused(r, set("pluginHeapMemoryLength", HEAP / 2)), Rule::VgpuHeap);
    assert_eq!(refused(r, set("kernelLogBuffSize", 0)), Rule::VgpuHeap);
    assert_eq!(
        refused(r, |p| set_segment(r, p, 2 * GIB + 4096, GIB)),
        Rule::VgpuFramebuffer
    );
    assert_eq!(
        refused(r, |p| set_segment(r, p, 2 * GIB, GIB / 2)),
        Rule::VgpuFramebuffer
    );
    assert_eq!(
        refused(r, |p| set_segment(r, p, GIB + GIB / 2, GIB)),
        Rule::VgpuOverlap,
        "the other's"
    );
    assert_eq!(
        refused(r, |p| set_segment(r, p, 47 * GIB, GIB)),
        Rule::VgpuOverlap,
        "the firmware's"
    );
    assert_eq!(
        refused(r, |p| set_segment(r, p, 40 * GIB, GIB)),
        Rule::VgpuOverlap,
        "its own heap"
    );
    let chids = layout.offset("chidOffset").unwrap();
    let same = |p: &mut Vec<u8>| (0..84).for_each(|i| put_u32(p, chids + 4 * i, 64));
    assert_eq!(refused(r, same), Rule::VgpuChannels);
    assert_eq!(refused(r, |p| put_u32(p, chids, 192)), Rule::VgpuChannels);
}

#[test]
fn a_firmware_that_is_no_vgpu_host_refuses() {
    let release = release("535.113.01").unwrap();
    let mut device = host(release);
    if let Some(firmware) = device.firmware.as_mut() {
        firmware.sriov_mode = false;
    }
    let (rule, _, status) = device.bootload(release, 1, &params(release, 1)).unwrap_err();
    assert_eq!((rule, status), (Rule::VgpuHost, status::NOT_SUPPORTED));
}

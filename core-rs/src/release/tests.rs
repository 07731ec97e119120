// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The tables against figures that were measured apart from their generator.

use super::layout::Release;
use super::{find, known, Array};
use crate::error::Kind;

/// What a figure is called, and what it is in 535.113.01 and 570.144. `None`: the release has no such thing.
type Figure = (
    &'static str,
    fn(&Release) -> Option<usize>,
    Option<usize>,
    Option<usize>,
);

macro_rules! figures {
    ($($field:ident . $member:ident = $a:expr, $b:expr;)*) => {
        vec![$((concat!(stringify!($field), ".", stringify!($member)), |r| figure(r.$field.$member), some($a), some($b)),)*]
    };
}

trait Same {
    fn same(self) -> Option<usize>;
}
impl Same for usize {
    fn same(self) -> Option<usize> {
        Some(self)
    }
}
impl Same for Option<usize> {
    fn same(self) -> Option<usize> {
        self
    }
}
impl Same for u32 {
    fn same(self) -> Option<usize> {
        Some(self as usize)
    }
}
impl Same for Option<u32> {
    fn same(self) -> Option<usize> {
        self.map(|n| n as usize)
    }
}
impl Same for u64 {
    fn same(self) -> Option<usize> {
        Some(self as usize)
    }
}
/// An array's place.
impl Same for Array {
    fn same(self) -> Option<usize> {
        Some(self.at)
    }
}

fn figure(value: impl Same) -> Option<usize> {
    value.same()
}

fn some(value: impl Into<Option<usize>>) -> Option<usize> {
    value.into()
}

/// Sizes and offsets of the public headers, measured with another tool.
fn measured() -> Vec<Figure> {
    figures! {
    system_info.size = 664, 928;
    system_info.gpu_phys_addr = 0, 0;
    system_info.gpu_phys_fb_addr = 8, 8;
    system_info.gpu_phys_inst_addr = 16, 16;
    system_info.gpu_phys_io_addr = None, 24;
    system_info.domain_bus_device_func = 24, 32;
    system_info.console_mem_size = 48, 64;
    system_info.max_user_va = 56, 72;
    system_info.pci_config_mirror_base = 64, 80;
    system_info.pci_config_mirror_size = 68, 84;
    system_info.pci_device_id = None, 88;
    system_info.pci_sub_device_id = None, 92;
    system_info.pci_revision_id = None, 96;
    system_info.acpi_method_data = 120, 160;
    system_info.hypervisor_type = 604, 836;
    system_info.sys_timer_offset_ns = 616, 848;
    system_info.vf_info = 624, 856;
    system_info.is_primary = None, 896;
    system_info.host_page_size = None, 920;
    vf_info.size = 40, 40;
    vf_info.total_vfs = 0, 0;
    vf_info.first_vf_offset = 4, 4;
    vf_info.first_vf_bar0_addr = 8, 8;
    vf_info.first_vf_bar1_addr = 16, 16;
    vf_info.first_vf_bar2_addr = 24, 24;
    vf_info.bar0_64bit = 32, 32;
    vf_info.bar2_64bit = 34, 34;
    static_info.size = 2168, 1656;
    static_info.gpu_name = 1820, 1260;
    static_info.fb_regions = 840, 344;
    static_info.sriov_caps = 1624, 1120;
    static_info.sriov_max_gfid = 1696, 1200;
    static_info.engine_caps = 1700, 1204;
    static_info.fb_length = 1752, 1224;
    static_info.bar1_pde_base = 2088, 1536;
    static_info.bar2_pde_base = 2096, 1544;
    static_info.h_internal_client = 2152, 1600;
    static_info.h_internal_device = 2156, 1604;
    static_info.h_internal_subdevice = 2160, 1608;
    fb_regions.size = 776, 776;
    fb_regions.regions = 8, 8;
    fb_region.size = 48, 48;
    fb_region.limit = 8, 8;
    fb_region.reserved = 16, 16;
    fb_region.protected = 30, 30;
    rm_args.size = 80, 72;
    rm_args.shared_mem_phys_addr = 0, 0;
    rm_args.page_table_entry_count = 8, 8;
    rm_args.cmd_queue_offset = 16, 16;
    rm_args.stat_queue_offset = 24, 24;
    rm_args.lockless_cmd_queue_offset = 32, None;
    rm_args.lockless_stat_queue_offset = 40, None;
    rm_args.sr_old_level = 48, 32;
    rm_args.sr_in_pm_transition = 56, 40;
    rm_args.gpu_instance = 60, 44;
    rm_args.dmem_stack = None, 48;
    rm_args.profiler_pa = 64, 56;
    rm_args.profiler_size = 72, 64;
    libos_region.size = 32, 32;
    libos_region.loc = 25, 25;
    wpr_meta.size = 256, 256;
    wpr_meta.signature_addr = 72, 72;
    wpr_meta.wpr_start = 112, 112;
    wpr_meta.vf_partition_count = 240, 240;
    wpr_meta.flags = None, 241;
    wpr_meta.pmu_reserved_size = None, 244;
    wpr_meta.verified = 248, 248;
    tx_header.size = 32, 32;
    tx_header.write_ptr = 16, 16;
    tx_header.entry_off = 28, 28;
    rx_header.size = 4, 4;
    element.size = 80, 80;
    element.checksum = 32, 32;
    element.seq_num = 36, 36;
    element.elem_count = 40, 40;
    element.rpc = 48, 48;
    rpc_header.size = 32, 32;
    rpc_header.function = 12, 12;
    rpc_header.payload = 32, 32;
    rm_control.size = 24, 24;
    rm_control.flags = 20, 20;
    rm_control.params = 24, 24;
    rm_alloc.size = 32, 32;
    rm_alloc.params = 32, 32;
    rm_free.size = 16, 16;
    unloading.size = 8, 8;
    unloading.new_level = 4, 4;
    run_cpu_sequencer.size = 40, 40;
    run_cpu_sequencer.commands = 40, 40;
    post_event.size = 32, 32;
    post_event.event_data = 29, 29;
    rc_triggered.size = 20, 48;
    rc_triggered.chid = 4, 4;
    rc_triggered.gfid = None, 8;
    rc_triggered.except_type = 8, 16;
    rc_triggered.scope = 12, 20;
    rc_triggered.partition_attribution_id = 16, 24;
    rc_triggered.mmu_fault_type = None, 36;
    os_error_log.size = 268, 272;
    os_error_log.text = 12, 12;
    root_alloc.size = 108, 120;
    root_alloc.process_name = 8, 8;
    device_alloc.size = 56, 56;
    subdevice_alloc.size = 4, 4;
    intr_table.size = 2068, 2068;
    intr_table.entries = 4, 4;
    intr_entry.size = 16, 16;
    intr_entry.vector_stall = 8, 8;
    vmmu_segment.size = 8, 8;
    bootload.size = 6496, 6616;
    bootload.chid_offset = 28, 28;
    bootload.num_guest_fb_segments = 280, 368;
    bootload.guest_fb_addrs = 288, 376;
    bootload.guest_fb_lengths = 3360, 3448;
    bootload.plugin_heap_addr = 6432, 6520;
    bootload.ctrl_buff_offset = 6448, 6536;
    bootload.init_task_log_offset = 6456, 6544;
    bootload.vgpu_task_log_offset = 6472, 6560;
    bootload.kernel_log_offset = None, 6576;
    bootload.mig_rm_heap_addr = None, 6592;
    bootload.device_profiling_enabled = 6488, 6608;
    plugin_shutdown.size = 4, 4;
    plugin_cleanup.size = 4, 4;
    add_vgpu_type.size = 316936, 334344;
    add_vgpu_type.infos = 8, 8;
    vgpu_info.size = 4952, 5224;
    vgpu_info.name = 4, 4;
    vgpu_info.max_instance = 324, 324;
    vgpu_info.vdev_id = 368, 368;
    vgpu_info.fb_length = 392, 392;
    vgpu_info.gsp_heap_size = 400, 400;
    vgpu_info.fb_reservation = 408, 408;
    vgpu_info.bar1_length = 432, 432;
    queue.element_size_min = 4096, 4096;
    queue.element_size_max = 65536, 65536;
    rpc.header_version = 0x0300_0000, 0x0300_0000;
    rpc.signature = 0x4350_5256, 0x4350_5256;
    heap.libos3_carveout = 20 << 20, 22 << 20;
    heap.base_tu10x = 8 << 20, 8 << 20;
    heap.base_gh100 = 14 << 20, 14 << 20;
    heap.per_gib_fb = 96 << 10, 96 << 10;
    heap.client_alloc = 96 << 20, 96 << 20;
    heap.libos2_min = 64 << 20, 64 << 20;
    heap.libos2_max = 256 << 20, 256 << 20;
    heap.libos3_min = 84 << 20, 88 << 20;
    heap.libos3_max = 276 << 20, 280 << 20;
    heap.vgpu_host = 549 << 20, 581 << 20;
    functions.free = 10, 10;
    functions.unloading_guest_driver = 47, 47;
    functions.get_gsp_static_info = 65, 65;
    functions.continuation_record = 71, 71;
    functions.gsp_set_system_info = 72, 72;
    functions.set_registry = 73, 73;
    functions.gsp_rm_control = 76, 76;
    functions.gsp_rm_alloc = 103, 103;
    events.gsp_init_done = 0x1001, 0x1001;
    events.gsp_run_cpu_sequencer = 0x1002, 0x1002;
    events.post_event = 0x1003, 0x1003;
    events.rc_triggered = 0x1004, 0x1004;
    events.mmu_fault_queued = 0x1005, 0x1005;
    events.os_error_log = 0x1006, 0x1006;
    events.ucode_libos_print = 0x100c, 0x100c;
    events.vgpu_gsp_plugin_triggered = 0x100d, 0x100d;
    events.vgpu_config = 0x1010, 0x1010;
    events.gsp_send_user_shared_data = 0x101b, None;
    events.nvlink_fault_up = 0x101c, 0x101b;
    events.gsp_lockdown_notice = 0x101d, 0x101c;
    events.mig_ci_config_update = 0x101e, 0x101d;
    events.update_gsp_trace = None, 0x101e;
    events.gsp_post_nocat_record = None, 0x1020;
    events.recovery_action = None, 0x1022;
    events.end = 0x101f, 0x1023;
    controls.vgpu_bootload = 0x2080_4001, 0x2080_4001;
    controls.vgpu_shutdown = 0x2080_4002, 0x2080_4002;
    controls.vgpu_add_type = 0x2080_4003, 0x2080_4003;
    controls.vgpu_plugin_cleanup = 0x2080_4008, 0x2080_4008;
    controls.gpu_get_vmmu_segment_size = 0x2080_017e, 0x2080_017e;
    classes.root = 0, 0;
    classes.device = 0x80, 0x80;
    classes.subdevice = 0x2080, 0x2080;
    limits.engine_types = 62, 84;
    limits.max_partitions = 32, 32;
    plugin.bootloaded = 0x4e65_4a6f, 0x4e65_4a6f;
    plugin.kernel_log_size = 0, 65536;
    plugin_response.seq_received = None, 0;
    plugin_response.seq_processed = 0, 4;
    plugin_response.result = 4, 8;
    }
}

#[test]
fn the_tables_say_what_was_measured() {
    let (r535, r570) = (find(b"535.113.01").unwrap(), find(b"570.144").unwrap());
    for (name, read, a, b) in measured() {
        assert_eq!((read(r535), read(r570)), (a, b), "{name}");
    }
}

#[test]
fn arrays_have_their_counts() {
    for (release, engines, info, caps) in [(&b"535.113.01"[..], 62, 4952, 2), (b"570.144", 84, 5224, 3)] {
        let release = find(release).unwrap();
        assert_eq!(release.bootload.chid_offset, Array::new(28, engines, 4));
        assert_eq!(
            (
                release.bootload.guest_fb_addrs.count,
                release.bootload.guest_fb_addrs.stride
            ),
            (384, 8)
        );
        assert_eq!(release.add_vgpu_type.infos, Array::new(8, 64, info));
        assert_eq!(
            (release.fb_regions.regions.count, release.fb_regions.regions.stride),
            (16, 48)
        );
        assert_eq!(
            (release.intr_table.entries.count, release.intr_table.entries.stride),
            (128, 16)
        );
        assert_eq!(
            (
                release.static_info.engine_caps.count,
                release.static_info.gpu_name.count
            ),
            (caps, 64)
        );
        assert_eq!(
            (release.vgpu_info.name.count, release.os_error_log.text.count),
            (32, 256)
        );
    }
}

/// Worked sizes of long commands: control header and parameters.
#[test]
fn long_commands_have_their_worked_length() {
    for (release, add_type, bootload) in [(&b"535.113.01"[..], 316_960, 6520), (b"570.144", 334_368, 6640)] {
        let release = find(release).unwrap();
        assert_eq!(release.rm_control.params + release.add_vgpu_type.size, add_type);
        assert_eq!(release.rm_control.params + release.bootload.size, bootload);
        assert_eq!(
            release.queue.element_size_max - release.element.rpc - release.rpc_header.size,
            65456
        );
    }
}

#[test]
fn only_exact_versions_are_found() {
    assert_eq!(find(b"570.144").unwrap().name, "570.144");
    assert_eq!(find(b"535.113.01").unwrap().name, "535.113.01");
    for unknown in [&b"535.288.01"[..], b"570.144.0", b"570.14", b"", b"570.144\0"] {
        assert_eq!(find(unknown).unwrap_err().kind(), Kind::UnknownRelease);
    }
}

#[test]
fn known_releases_are_named_newest_first() {
    assert_eq!(known::<64>().as_str(), "570.144, 535.113.01");
}

#[test]
fn arrays_end() {
    let array = Array::new(8, 3, 16);
    assert_eq!(array.offset(0), Some(8));
    assert_eq!(array.offset(2), Some(40));
    assert_eq!(array.offset(3), None);
    assert_eq!(array.len(), 48);
    assert_eq!(Array::new(29, 0, 1).offset(0), None);
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Release 570.144. Written by `novabridge-tablegen` from its public headers;
//! `// was` tells where it differs from 535.113.01.

use crate::release::layout::*;
use crate::release::Array;

/// Release 570.144.
pub static TABLE: Release = Release {
    name: "570.144",
    system_info: SystemInfoLayout {
        size: 928, // was 664
        gpu_phys_addr: 0,
        gpu_phys_fb_addr: 8,
        gpu_phys_inst_addr: 16,
        gpu_phys_io_addr: Some(24),            // was None
        domain_bus_device_func: 32,            // was 24
        sim_access_buf_phys_addr: 40,          // was 32
        notify_op_surface_phys_addr: Some(48), // was None
        console_mem_size: 64,                  // was 48
        max_user_va: 72,                       // was 56
        pci_config_mirror_base: 80,            // was 64
        pci_config_mirror_size: 84,            // was 68
        pci_device_id: Some(88),               // was None
        pci_sub_device_id: Some(92),           // was None
        pci_revision_id: Some(96),             // was None
        pcie_atomics_op_mask: 56,              // was 40
        oor_arch: 104,                         // was 72
        cl_pdb_properties: 112,                // was 80
        chipset: 120,                          // was 88
        gpu_behind_bridge: 124,                // was 92
        flr_supported: Some(125),              // was None
        bar0_64bit: Some(126),                 // was None
        upstream_address_valid: 137,           // was 98
        acpi_method_data: 160,                 // was 120
        hypervisor_type: 836,                  // was 604
        is_passthru: 840,                      // was 608
        sys_timer_offset_ns: 848,              // was 616
        vf_info: 856,                          // was 624
        is_primary: Some(896),                 // was None
        host_page_size: Some(920),             // was None
    },
    vf_info: VfInfoLayout {
        size: 40,
        total_vfs: 0,
        first_vf_offset: 4,
        first_vf_bar0_addr: 8,
        first_vf_bar1_addr: 16,
        first_vf_bar2_addr: 24,
        bar0_64bit: 32,
        bar1_64bit: 33,
        bar2_64bit: 34,
    },
    static_info: StaticInfoLayout {
        size: 1656,                              // was 2168
        gpu_name: Array::new(1260, 64, 1),       // was Array::new(1820, 64, 1)
        gpu_short_name: Array::new(1324, 64, 1), // was Array::new(1884, 64, 1)
        fb_regions: 344,                         // was 840
        sriov_caps: 1120,                        // was 1624
        sriov_max_gfid: 1200,                    // was 1696
        engine_caps: Array::new(1204, 3, 4),     // was Array::new(1700, 2, 4)
        fb_length: 1224,                         // was 1752
        fb_bus_width: 1240,                      // was 1764
        fb_ram_type: 1244,                       // was 1768
        l2_cache_size: 1256,                     // was 1776
        bar1_pde_base: 1536,                     // was 2088
        bar2_pde_base: 1544,                     // was 2096
        vbios_valid: 1552,                       // was 2104
        page_retirement_supported: 1564,         // was 2116
        h_internal_client: 1600,                 // was 2152
        h_internal_device: 1604,                 // was 2156
        h_internal_subdevice: 1608,              // was 2160
    },
    fb_regions: FbRegionsLayout {
        size: 776,
        count: 0,
        regions: Array::new(8, 16, 48),
    },
    fb_region: FbRegionLayout {
        size: 48,
        base: 0,
        limit: 8,
        reserved: 16,
        performance: 24,
        support_compressed: 28,
        support_iso: 29,
        protected: 30,
    },
    rm_args: RmArgsLayout {
        size: 72, // was 80
        shared_mem_phys_addr: 0,
        page_table_entry_count: 8,
        cmd_queue_offset: 16,
        stat_queue_offset: 24,
        lockless_cmd_queue_offset: None,  // was Some(32)
        lockless_stat_queue_offset: None, // was Some(40)
        sr_old_level: 32,                 // was 48
        sr_flags: 36,                     // was 52
        sr_in_pm_transition: 40,          // was 56
        gpu_instance: 44,                 // was 60
        dmem_stack: Some(48),             // was None
        profiler_pa: Some(56),            // was Some(64)
        profiler_size: Some(64),          // was Some(72)
    },
    libos_region: LibosRegionLayout {
        size: 32,
        id8: 0,
        pa: 8,
        len: 16,
        kind: 24,
        loc: 25,
    },
    wpr_meta: WprMetaLayout {
        size: 256,
        magic: 0,
        revision: 8,
        radix3_addr: 16,
        radix3_size: 24,
        bootloader_addr: 32,
        bootloader_size: 40,
        bootloader_code_offset: 48,
        bootloader_data_offset: 56,
        bootloader_manifest_offset: 64,
        signature_addr: 72,
        signature_size: 80,
        rsvd_start: 88,
        non_wpr_heap_offset: 96,
        non_wpr_heap_size: 104,
        wpr_start: 112,
        heap_offset: 120,
        heap_size: 128,
        image_offset: 136,
        boot_bin_offset: 144,
        frts_offset: 152,
        frts_size: 160,
        wpr_end: 168,
        fb_size: 176,
        vga_workspace_offset: 184,
        vga_workspace_size: 192,
        boot_count: 200,
        vf_partition_count: 240,
        flags: Some(241),             // was None
        pmu_reserved_size: Some(244), // was None
        verified: 248,
    },
    tx_header: TxHeaderLayout {
        size: 32,
        version: 0,
        queue_size: 4,
        msg_size: 8,
        msg_count: 12,
        write_ptr: 16,
        flags: 20,
        rx_hdr_off: 24,
        entry_off: 28,
    },
    rx_header: RxHeaderLayout { size: 4, read_ptr: 0 },
    element: ElementLayout {
        size: 80,
        checksum: 32,
        seq_num: 36,
        elem_count: 40,
        rpc: 48,
    },
    rpc_header: RpcHeaderLayout {
        size: 32,
        header_version: 0,
        signature: 4,
        length: 8,
        function: 12,
        rpc_result: 16,
        rpc_result_private: 20,
        sequence: 24,
        payload: 32,
    },
    rm_control: RmControlLayout {
        size: 24,
        h_client: 0,
        h_object: 4,
        cmd: 8,
        status: 12,
        params_size: 16,
        flags: 20,
        params: 24,
    },
    rm_alloc: RmAllocLayout {
        size: 32,
        h_client: 0,
        h_parent: 4,
        h_object: 8,
        h_class: 12,
        status: 16,
        params_size: 20,
        flags: Some(24),
        params: 32,
    },
    rm_free: RmFreeLayout {
        size: 16,
        h_root: 0,
        h_object_parent: 4,
        h_object_old: 8,
        status: 12,
    },
    unloading: UnloadingLayout {
        size: 8,
        in_pm_transition: 0,
        gc6_entering: 1,
        new_level: 4,
    },
    run_cpu_sequencer: SequencerLayout {
        size: 40,
        buffer_size_dwords: 0,
        cmd_index: 4,
        reg_save_area: Array::new(8, 8, 4),
        commands: 40,
    },
    post_event: PostEventLayout {
        size: 32,
        h_client: 0,
        h_event: 4,
        notify_index: 8,
        data: 12,
        info16: Some(16),
        status: 20,
        event_data_size: 24,
        notify_list: 28,
        event_data: 29,
    },
    rc_triggered: RcTriggeredLayout {
        size: 48, // was 20
        engine_type: 0,
        chid: 4,
        gfid: Some(8),                // was None
        except_level: Some(12),       // was None
        except_type: 16,              // was 8
        scope: 20,                    // was 12
        partition_attribution_id: 24, // was 16
        mmu_fault_addr_lo: Some(28),  // was None
        mmu_fault_addr_hi: Some(32),  // was None
        mmu_fault_type: Some(36),     // was None
        journal_size: Some(44),       // was None
    },
    os_error_log: OsErrorLogLayout {
        size: 272, // was 268
        except_type: 0,
        runlist_id: 4,
        chid: 8,
        text: Array::new(12, 256, 1),
    },
    libos_print: LibosPrintLayout {
        size: 8,
        engine_desc: 0,
        len: 4,
        data: 8,
    },
    lockdown_notice: LockdownNoticeLayout { size: 1, engaging: 0 },
    plugin_triggered: PluginTriggeredLayout {
        size: 8,
        gfid: 0,
        notify_index: 4,
    },
    root_alloc: RootAllocLayout {
        size: 120, // was 108
        h_client: 0,
        process_id: 4,
        process_name: Array::new(8, 100, 1),
    },
    device_alloc: DeviceAllocLayout {
        size: 56,
        device_id: 0,
        h_client_share: 4,
    },
    subdevice_alloc: SubdeviceAllocLayout {
        size: 4,
        sub_device_id: 0,
    },
    intr_table: IntrTableLayout {
        size: 2068,
        len: 0,
        entries: Array::new(4, 128, 16),
    },
    intr_entry: IntrEntryLayout {
        size: 16,
        engine_idx: 0,
        pmc_intr_mask: 4,
        vector_stall: 8,
        vector_non_stall: 12,
    },
    num_channels: NumChannelsLayout {
        size: 8,
        runlist_id: 0,
        num_channels: 4,
    },
    vmmu_segment: VmmuSegmentLayout {
        size: 8,
        segment_size: 0,
    },
    bootload: BootloadLayout {
        size: 6616, // was 6496
        dbdf: 0,
        gfid: 4,
        vgpu_type: 8,
        vm_pid: 12,
        swizz_id: 16,
        num_channels: 20,
        num_plugin_channels: 24,
        chid_offset: Array::new(28, 84, 4),         // was Array::new(28, 62, 4)
        disable_smc_restore: 364,                   // was 276
        num_guest_fb_segments: 368,                 // was 280
        guest_fb_addrs: Array::new(376, 384, 8),    // was Array::new(288, 384, 8)
        guest_fb_lengths: Array::new(3448, 384, 8), // was Array::new(3360, 384, 8)
        plugin_heap_addr: 6520,                     // was 6432
        plugin_heap_length: 6528,                   // was 6440
        ctrl_buff_offset: 6536,                     // was 6448
        init_task_log_offset: 6544,                 // was 6456
        init_task_log_size: 6552,                   // was 6464
        vgpu_task_log_offset: 6560,                 // was 6472
        vgpu_task_log_size: 6568,                   // was 6480
        kernel_log_offset: Some(6576),              // was None
        kernel_log_size: Some(6584),                // was None
        mig_rm_heap_addr: Some(6592),               // was None
        mig_rm_heap_length: Some(6600),             // was None
        device_profiling_enabled: 6608,             // was 6488
    },
    plugin_shutdown: PluginShutdownLayout { size: 4, gfid: 0 },
    plugin_cleanup: PluginCleanupLayout { size: 4, gfid: 0 },
    add_vgpu_type: AddVgpuTypeLayout {
        size: 334344, // was 316936
        discard: 0,
        count: 4,
        infos: Array::new(8, 64, 5224), // was Array::new(8, 64, 4952)
    },
    vgpu_info: VgpuInfoLayout {
        size: 5224, // was 4952
        vgpu_type: 0,
        name: Array::new(4, 32, 1),
        max_instance: 324,
        ecc_supported: 352,
        vdev_id: 368,
        pdev_id: 376,
        profile_size: 384,
        fb_length: 392,
        gsp_heap_size: 400,
        fb_reservation: 408,
        bar1_length: 432,
    },
    queue: QueueValues {
        element_size_min: 4096,
        element_size_max: 65536,
    },
    rpc: RpcValues {
        header_version: 0x3000000,
        signature: 0x43505256,
    },
    wpr: WprValues {
        magic: 0xdc3aae21371a60b3,
        revision: 1,
        verified: 0xa0a0a0a0a0a0a0a0,
    },
    libos: LibosValues {
        kind_contiguous: 1,
        loc_sysmem: 1,
    },
    heap: HeapValues {
        libos2_carveout: 0x0,
        libos3_carveout: 0x1600000, // was 0x1400000
        base_tu10x: 0x800000,
        base_gh100: 0xe00000,
        per_gib_fb: 0x18000,
        client_alloc: 0x6000000,
        libos2_min: 0x4000000,
        libos2_max: 0x10000000,
        libos3_min: 0x5800000,  // was 0x5400000
        libos3_max: 0x11800000, // was 0x11400000
        vgpu_host: 0x24500000,  // was 0x22500000
    },
    sequencer: SequencerValues {
        reg_write: 0,
        reg_modify: 1,
        reg_poll: 2,
        delay_us: 3,
        reg_store: 4,
        core_reset: 5,
        core_start: 6,
        core_wait_for_halt: 7,
        core_resume: 8,
    },
    functions: Functions {
        free: 10,
        unloading_guest_driver: 47,
        get_gsp_static_info: 65,
        continuation_record: 71,
        gsp_set_system_info: 72,
        set_registry: 73,
        gsp_rm_control: 76,
        gsp_rm_alloc: 103,
    },
    events: Events {
        gsp_init_done: 0x1001,
        gsp_run_cpu_sequencer: 0x1002,
        post_event: 0x1003,
        rc_triggered: 0x1004,
        mmu_fault_queued: 0x1005,
        os_error_log: 0x1006,
        gpuacct_perfmon_util_samples: 0x1008,
        ucode_libos_print: 0x100c,
        vgpu_gsp_plugin_triggered: 0x100d,
        perf_bridgeless_info_update: 0x100f,
        vgpu_config: 0x1010,
        nvlink_fault_up: 0x101b,                   // was 0x101c
        gsp_lockdown_notice: 0x101c,               // was 0x101d
        mig_ci_config_update: 0x101d,              // was 0x101e
        gsp_send_user_shared_data: None,           // was Some(0x101b)
        update_gsp_trace: Some(0x101e),            // was None
        nvlink_fatal_error_recovery: Some(0x101f), // was None
        gsp_post_nocat_record: Some(0x1020),       // was None
        fecs_error: Some(0x1021),                  // was None
        recovery_action: Some(0x1022),             // was None
        end: 0x1023,                               // was 0x101f
    },
    controls: Controls {
        intr_get_kernel_table: 0x20800a5c,
        fifo_get_num_channels: 0x20800a61,
        gpu_get_vmmu_segment_size: 0x2080017e,
        vgpu_bootload: 0x20804001,
        vgpu_shutdown: 0x20804002,
        vgpu_add_type: 0x20804003,
        vgpu_plugin_cleanup: 0x20804008,
    },
    classes: Classes {
        root: 0x0,
        device: 0x80,
        subdevice: 0x2080,
    },
    limits: Limits {
        engine_types: 84, // was 62
        max_partitions: 32,
        mc_engine_gsp: 50, // was 49
    },
    plugin: PluginFacts {
        ctrl_version: 1,
        bootloaded: 0x4e654a6f,
        ctrl_size: 0x1000,
        response_size: 0x1000,
        message_size: 0x1000,
        migration_size: 0x200000,
        error_size: 0x1000,
        init_log_size: 0x20000,
        vgpu_log_size: 0x40000,
        kernel_log_size: 0x10000, // was 0x0
    },
    plugin_ctrl: PluginCtrlFacts {
        version: 0,
        message_type: 4,
        message_seq_num: 8,
        response_offset: 16,
        message_offset: 24,
        migration_offset: 32,
        error_offset: 40,
        migration_cpu_offset: 48,
        migration_in_progress: 52,
        error_cpu_get: 56,
        attached_vgpu_count: 60,
    },
    plugin_response: PluginResponseFacts {
        seq_received: Some(0),       // was None
        seq_processed: 4,            // was 0
        result: 8,                   // was 4
        guest_rpc_version: 12,       // was 8
        migration_gsp_offset: 16,    // was 12
        migration_save_complete: 20, // was 16
    },
    plugin_config: PluginConfigFacts {
        size: 112, // was 88
        vgpu_uuid: 0,
        dbdf: 16,
        driver_vm_vf_dbdf: 20,
        vgpu_device_instance_id: 24,
        vgpu_type: 28,
        vm_pid: 32,
        swizz_id: 36,
        num_channels: 40,
        num_plugin_channels: 44,
        vmm_cap: 48,
        migration_feature: 52,
        hypervisor_type: 56,
        host_cpu_arch: 60,
        host_page_size: 64,
        enable_uvm: 75,                    // was 74
        linux_interrupt_optimization: 76,  // was 75
        vmm_migration_supported: 77,       // was 76
        enable_console_vnc: 79,            // was 78
        use_non_stall_linux_events: 80,    // was 79
        placement_id: Some(84),            // was None
        channel_usage_threshold: Some(92), // was None
    },
    plugin_message: PluginMessageFacts {
        version_cpu: 0,
        version_negotiated: 4,
        bme_enable: 0,
        bme_allowed: 1,
    },
    plugin_messages: PluginMessages {
        version_negotiation: 1,
        setup_config_params_and_init: 2,
        reset: 3,
        migration_stop_work: 4,
        migration_cancel_stop: 5,
        migration_save_state: 6,
        migration_cancel_save: 7,
        migration_restore_state: 8,
        migration_restore_deferred_state: 9,
        migration_resume_work: 10,
        update_bme_state: 13,
    },
    vgpu: VgpuFacts {
        major: 18,      // was 16
        minor: Some(1), // was None
    },
    files: FileFacts {
        scrubber: true, // was false
    },
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The types of the release tables. Written by `novabridge-tablegen` from `core-rs/tablegen/wanted.txt`.
//!
//! Offsets and sizes are in bytes; offsets count from the start of the struct.

use super::Array;

/// Everything that a release of the firmware decides.
#[derive(Debug)]
pub struct Release {
    /// The release's name, exactly as in `.fwversion`.
    pub name: &'static str,
    /// Payload of GSP_SET_SYSTEM_INFO (`gpu/gsp/gsp_static_config.h`).
    pub system_info: SystemInfoLayout,
    /// SR-IOV facts inside the system information (`gpu/gsp/gsp_static_config.h`).
    pub vf_info: VfInfoLayout,
    /// Reply of GET_GSP_STATIC_INFO (`gpu/gsp/gsp_static_config.h`).
    pub static_info: StaticInfoLayout,
    /// Framebuffer regions (`ctrl/ctrl2080/ctrl2080fb.h`).
    pub fb_regions: FbRegionsLayout,
    /// One framebuffer region.
    pub fb_region: FbRegionLayout,
    /// Arguments of GSP-RM, the RMARGS region (`gpu/gsp/gsp_init_args.h`).
    pub rm_args: RmArgsLayout,
    /// One entry of the LibOS arguments (`libos_init_args.h`).
    pub libos_region: LibosRegionLayout,
    /// What the booter is told (`gsp/gsp_fw_wpr_meta.h`).
    pub wpr_meta: WprMetaLayout,
    /// Writer's header of a queue (`msgq/msgq_priv.h`).
    pub tx_header: TxHeaderLayout,
    /// Reader's header of a queue (`msgq/msgq_priv.h`).
    pub rx_header: RxHeaderLayout,
    /// Header of a queue element (`gpu/gsp/message_queue_priv.h`).
    pub element: ElementLayout,
    /// Header of an RPC (`g_rpc-message-header.h`).
    pub rpc_header: RpcHeaderLayout,
    /// Payload of GSP_RM_CONTROL (`g_rpc-structures.h`).
    pub rm_control: RmControlLayout,
    /// Payload of GSP_RM_ALLOC (`g_rpc-structures.h`).
    pub rm_alloc: RmAllocLayout,
    /// Payload of FREE (`g_sdk-structures.h`).
    pub rm_free: RmFreeLayout,
    /// Payload of UNLOADING_GUEST_DRIVER (`g_rpc-structures.h`).
    pub unloading: UnloadingLayout,
    /// Payload of event RUN_CPU_SEQUENCER (`g_rpc-structures.h`).
    pub run_cpu_sequencer: SequencerLayout,
    /// Payload of event POST_EVENT (`g_rpc-structures.h`).
    pub post_event: PostEventLayout,
    /// Payload of event RC_TRIGGERED (`g_rpc-structures.h`).
    pub rc_triggered: RcTriggeredLayout,
    /// Payload of event OS_ERROR_LOG (`g_rpc-structures.h`).
    pub os_error_log: OsErrorLogLayout,
    /// Payload of event UCODE_LIBOS_PRINT (`g_rpc-structures.h`).
    pub libos_print: LibosPrintLayout,
    /// Payload of event GSP_LOCKDOWN_NOTICE (`g_rpc-structures.h`).
    pub lockdown_notice: LockdownNoticeLayout,
    /// Payload of event VGPU_GSP_PLUGIN_TRIGGERED (`g_rpc-structures.h`).
    pub plugin_triggered: PluginTriggeredLayout,
    /// Parameters of class NV01_ROOT (`class/cl0000.h`).
    pub root_alloc: RootAllocLayout,
    /// Parameters of class NV01_DEVICE_0 (`class/cl0080.h`).
    pub device_alloc: DeviceAllocLayout,
    /// Parameters of class NV20_SUBDEVICE_0 (`class/cl2080.h`).
    pub subdevice_alloc: SubdeviceAllocLayout,
    /// Reply of INTERNAL_INTR_GET_KERNEL_TABLE (`ctrl2080internal.h`).
    pub intr_table: IntrTableLayout,
    /// One engine's interrupt vectors.
    pub intr_entry: IntrEntryLayout,
    /// INTERNAL_FIFO_GET_NUM_CHANNELS (`ctrl2080internal.h`).
    pub num_channels: NumChannelsLayout,
    /// Reply of GPU_GET_VMMU_SEGMENT_SIZE (`ctrl2080gpu.h`).
    pub vmmu_segment: VmmuSegmentLayout,
    /// Parameters of BOOTLOAD_GSP_VGPU_PLUGIN_TASK (`ctrl2080vgpumgrinternal.h`).
    pub bootload: BootloadLayout,
    /// Parameters of SHUTDOWN_GSP_VGPU_PLUGIN_TASK.
    pub plugin_shutdown: PluginShutdownLayout,
    /// Parameters of VGPU_PLUGIN_CLEANUP.
    pub plugin_cleanup: PluginCleanupLayout,
    /// Parameters of PGPU_ADD_VGPU_TYPE (`ctrl2080vgpumgrinternal.h`).
    pub add_vgpu_type: AddVgpuTypeLayout,
    /// One vGPU type (`ctrl/ctrla081.h`).
    pub vgpu_info: VgpuInfoLayout,
    /// Numbers of the message queues (`gpu/gsp/message_queue_priv.h`).
    pub queue: QueueValues,
    /// Numbers of the RPC header (`vgpu/rpc_headers.h`).
    pub rpc: RpcValues,
    /// Numbers of the WPR metadata (`gsp/gsp_fw_wpr_meta.h`).
    pub wpr: WprValues,
    /// Numbers of the LibOS arguments (`libos_init_args.h`).
    pub libos: LibosValues,
    /// Sizes of the GSP-RM heap (`gpu/gsp/gsp_fw_heap.h`), bytes.
    pub heap: HeapValues,
    /// Opcodes of the CPU sequencer (`rmgspseq.h`).
    pub sequencer: SequencerValues,
    /// RPC functions (`vgpu/rpc_global_enums.h`).
    pub functions: Functions,
    /// Events of the firmware (`vgpu/rpc_global_enums.h`). They move between releases.
    pub events: Events,
    /// RM control commands.
    pub controls: Controls,
    /// RM classes.
    pub classes: Classes,
    /// Limits and indices.
    pub limits: Limits,
    /// The vGPU plugin's buffers in the management heap and their encoding.
    pub plugin: PluginFacts,
    /// Fields of the plugin's control buffer (host to plugin).
    pub plugin_ctrl: PluginCtrlFacts,
    /// Fields of the plugin's response buffer (plugin to host).
    pub plugin_response: PluginResponseFacts,
    /// Fields of message SETUP_CONFIG_PARAMS_AND_INIT.
    pub plugin_config: PluginConfigFacts,
    /// Fields of the short messages in the plugin's message buffer.
    pub plugin_message: PluginMessageFacts,
    /// What the host can ask of a plugin.
    pub plugin_messages: PluginMessages,
    /// The vGPU software release the firmware belongs to.
    pub vgpu: VgpuFacts,
    /// Firmware files that come with a release.
    pub files: FileFacts,
}

/// Payload of GSP_SET_SYSTEM_INFO (`gpu/gsp/gsp_static_config.h`).
#[derive(Debug)]
pub struct SystemInfoLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Bus address of BAR0.
    pub gpu_phys_addr: usize,
    /// Bus address of BAR1.
    pub gpu_phys_fb_addr: usize,
    /// Bus address of the BAR behind register BAR3 (NVIDIA: BAR2).
    pub gpu_phys_inst_addr: usize,
    /// Address of the I/O port BAR.
    pub gpu_phys_io_addr: Option<usize>,
    /// PCI address: domain, bus, device, function packed.
    pub domain_bus_device_func: usize,
    /// Simulation only.
    pub sim_access_buf_phys_addr: usize,
    /// Address of the NotifyOp surface; 0 without one.
    pub notify_op_surface_phys_addr: Option<usize>,
    /// Bytes of framebuffer the console uses.
    pub console_mem_size: usize,
    /// Highest user virtual address of the host.
    pub max_user_va: usize,
    /// BAR0 offset of the mirror of PCI configuration space.
    pub pci_config_mirror_base: usize,
    /// Length of that mirror.
    pub pci_config_mirror_size: usize,
    /// Device id << 16 | vendor id.
    pub pci_device_id: Option<usize>,
    /// Subsystem id << 16 | subsystem vendor id.
    pub pci_sub_device_id: Option<usize>,
    /// PCI revision.
    pub pci_revision_id: Option<usize>,
    /// PCIe atomics the host supports.
    pub pcie_atomics_op_mask: usize,
    /// Chipset architecture.
    pub oor_arch: usize,
    /// Chipset properties.
    pub cl_pdb_properties: usize,
    /// Chipset number of OpenRM's table; 0 when unknown.
    pub chipset: usize,
    /// u8: the GPU sits behind a bridge.
    pub gpu_behind_bridge: usize,
    /// u8: the function has FLR.
    pub flr_supported: Option<usize>,
    /// u8: BAR0 is 64-bit.
    pub bar0_64bit: Option<usize>,
    /// u8: the bridge address in the FHB information is valid.
    pub upstream_address_valid: usize,
    /// ACPI_METHOD_DATA; all zero says "not valid".
    pub acpi_method_data: usize,
    /// Hypervisor the driver runs under; 0 is none.
    pub hypervisor_type: usize,
    /// u8: the driver runs in a guest that owns the GPU.
    pub is_passthru: usize,
    /// Offset of the GPU timer.
    pub sys_timer_offset_ns: usize,
    /// GSP_VF_INFO: the SR-IOV BARs, see [`VfInfoLayout`].
    pub vf_info: usize,
    /// u8: the GPU is the primary display.
    pub is_primary: Option<usize>,
    /// Page size of the host in bytes.
    pub host_page_size: Option<usize>,
}

/// SR-IOV facts inside the system information (`gpu/gsp/gsp_static_config.h`).
#[derive(Debug)]
pub struct VfInfoLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Virtual functions the device can have; 0 turns SR-IOV off.
    pub total_vfs: usize,
    /// Routing id distance from the PF to VF 0.
    pub first_vf_offset: usize,
    /// Bus address of VF 0's BAR0.
    pub first_vf_bar0_addr: usize,
    /// Bus address of VF 0's BAR1.
    pub first_vf_bar1_addr: usize,
    /// Bus address of VF 0's BAR2 (register BAR3).
    pub first_vf_bar2_addr: usize,
    /// u8: VF BAR0 is 64-bit.
    pub bar0_64bit: usize,
    /// u8: VF BAR1 is 64-bit.
    pub bar1_64bit: usize,
    /// u8: VF BAR2 is 64-bit.
    pub bar2_64bit: usize,
}

/// Reply of GET_GSP_STATIC_INFO (`gpu/gsp/gsp_static_config.h`).
#[derive(Debug)]
pub struct StaticInfoLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Marketing name, NUL-terminated.
    pub gpu_name: Array,
    /// Short name, NUL-terminated.
    pub gpu_short_name: Array,
    /// Framebuffer regions, see [`FbRegionsLayout`].
    pub fb_regions: usize,
    /// NV0080_CTRL_GPU_GET_SRIOV_CAPS_PARAMS.
    pub sriov_caps: usize,
    /// Highest GFID (0 is the PF).
    pub sriov_max_gfid: usize,
    /// u32 words: one bit per NV2080_ENGINE_TYPE.
    pub engine_caps: Array,
    /// Framebuffer in bytes.
    pub fb_length: usize,
    /// Width of the memory bus.
    pub fb_bus_width: usize,
    /// RAM type.
    pub fb_ram_type: usize,
    /// L2 cache in bytes.
    pub l2_cache_size: usize,
    /// Framebuffer address of BAR1's page directory.
    pub bar1_pde_base: usize,
    /// Framebuffer address of BAR2's page directory.
    pub bar2_pde_base: usize,
    /// u8: the firmware found a valid VBIOS.
    pub vbios_valid: usize,
    /// u8: the firmware retires bad pages.
    pub page_retirement_supported: usize,
    /// Handle of the firmware's own client.
    pub h_internal_client: usize,
    /// Handle of that client's device.
    pub h_internal_device: usize,
    /// Handle of that client's subdevice.
    pub h_internal_subdevice: usize,
}

/// Framebuffer regions (`ctrl/ctrl2080/ctrl2080fb.h`).
#[derive(Debug)]
pub struct FbRegionsLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Number of regions that follow.
    pub count: usize,
    /// The regions, see [`FbRegionLayout`].
    pub regions: Array,
}

/// One framebuffer region.
#[derive(Debug)]
pub struct FbRegionLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// First byte.
    pub base: usize,
    /// Last byte.
    pub limit: usize,
    /// Bytes the firmware keeps for itself.
    pub reserved: usize,
    /// Relative speed.
    pub performance: usize,
    /// u8: may hold compressed memory.
    pub support_compressed: usize,
    /// u8: may hold isochronous surfaces.
    pub support_iso: usize,
    /// u8: not usable.
    pub protected: usize,
}

/// Arguments of GSP-RM, the RMARGS region (`gpu/gsp/gsp_init_args.h`).
#[derive(Debug)]
pub struct RmArgsLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Device address of the queues' page table.
    pub shared_mem_phys_addr: usize,
    /// Entries of that table.
    pub page_table_entry_count: usize,
    /// Command queue, from the start of the shared memory.
    pub cmd_queue_offset: usize,
    /// Status queue, from the start of the shared memory.
    pub stat_queue_offset: usize,
    /// Second queue pair; unused.
    pub lockless_cmd_queue_offset: Option<usize>,
    /// Second queue pair; unused.
    pub lockless_stat_queue_offset: Option<usize>,
    /// Suspend level the GPU comes from; 0 at a cold boot.
    pub sr_old_level: usize,
    /// Resume flags.
    pub sr_flags: usize,
    /// u8: the boot is a resume.
    pub sr_in_pm_transition: usize,
    /// The driver's number of this GPU.
    pub gpu_instance: usize,
    /// u8: the firmware's stack lives in DMEM.
    pub dmem_stack: Option<usize>,
    /// Address of the profiler's samples; 0 without.
    pub profiler_pa: Option<usize>,
    /// Length of the profiler's samples.
    pub profiler_size: Option<usize>,
}

/// One entry of the LibOS arguments (`libos_init_args.h`).
#[derive(Debug)]
pub struct LibosRegionLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Name, ASCII packed big-endian into a u64.
    pub id8: usize,
    /// Device address.
    pub pa: usize,
    /// Length in bytes.
    pub len: usize,
    /// u8: see [`LibosValues`].
    pub kind: usize,
    /// u8: see [`LibosValues`].
    pub loc: usize,
}

/// What the booter is told (`gsp/gsp_fw_wpr_meta.h`).
#[derive(Debug)]
pub struct WprMetaLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// [`WprValues::magic`].
    pub magic: usize,
    /// [`WprValues::revision`].
    pub revision: usize,
    /// Device address of the radix-3 table's level 0.
    pub radix3_addr: usize,
    /// Exact length of the firmware image.
    pub radix3_size: usize,
    /// Device address of the bootloader.
    pub bootloader_addr: usize,
    /// Length of the bootloader.
    pub bootloader_size: usize,
    /// Code inside the bootloader.
    pub bootloader_code_offset: usize,
    /// Data inside the bootloader.
    pub bootloader_data_offset: usize,
    /// Manifest inside the bootloader.
    pub bootloader_manifest_offset: usize,
    /// Device address of the image's signature.
    pub signature_addr: usize,
    /// Length of the signature.
    pub signature_size: usize,
    /// First byte the firmware takes: the non-WPR heap.
    pub rsvd_start: usize,
    /// Non-WPR heap.
    pub non_wpr_heap_offset: usize,
    /// Length of the non-WPR heap.
    pub non_wpr_heap_size: usize,
    /// First byte of WPR2; this structure lands there.
    pub wpr_start: usize,
    /// GSP-RM heap.
    pub heap_offset: usize,
    /// Length of the GSP-RM heap.
    pub heap_size: usize,
    /// Firmware image.
    pub image_offset: usize,
    /// Bootloader.
    pub boot_bin_offset: usize,
    /// FRTS region, made by FWSEC.
    pub frts_offset: usize,
    /// Length of the FRTS region.
    pub frts_size: usize,
    /// First byte behind WPR2.
    pub wpr_end: usize,
    /// Framebuffer in bytes.
    pub fb_size: usize,
    /// VGA workspace.
    pub vga_workspace_offset: usize,
    /// Length of the VGA workspace.
    pub vga_workspace_size: usize,
    /// Boots so far; counted by the firmware.
    pub boot_count: usize,
    /// u8: vGPU partitions the heap is sized for; 0 on bare metal.
    pub vf_partition_count: usize,
    /// u8: GSP_FW_FLAGS.
    pub flags: Option<usize>,
    /// u32: framebuffer reserved for the PMU.
    pub pmu_reserved_size: Option<usize>,
    /// [`WprValues::verified`] once the booter accepted it.
    pub verified: usize,
}

/// Writer's header of a queue (`msgq/msgq_priv.h`).
#[derive(Debug)]
pub struct TxHeaderLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// 0.
    pub version: usize,
    /// Bytes of the queue, headers included.
    pub queue_size: usize,
    /// Bytes of an element slot.
    pub msg_size: usize,
    /// Number of slots.
    pub msg_count: usize,
    /// Next slot to be written.
    pub write_ptr: usize,
    /// 1: the reader's pointer is in the other queue.
    pub flags: usize,
    /// Reader's header, from the start of the queue.
    pub rx_hdr_off: usize,
    /// First slot, from the start of the queue.
    pub entry_off: usize,
}

/// Reader's header of a queue (`msgq/msgq_priv.h`).
#[derive(Debug)]
pub struct RxHeaderLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Next slot to be read.
    pub read_ptr: usize,
}

/// Header of a queue element (`gpu/gsp/message_queue_priv.h`).
#[derive(Debug)]
pub struct ElementLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Makes the element's folded XOR zero.
    pub checksum: usize,
    /// Number of the element, counted per queue.
    pub seq_num: usize,
    /// Slots the element occupies.
    pub elem_count: usize,
    /// The RPC header: end of the element header.
    pub rpc: usize,
}

/// Header of an RPC (`g_rpc-message-header.h`).
#[derive(Debug)]
pub struct RpcHeaderLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// [`RpcValues::header_version`].
    pub header_version: usize,
    /// [`RpcValues::signature`].
    pub signature: usize,
    /// Bytes of this header and the payload.
    pub length: usize,
    /// Function or event number.
    pub function: usize,
    /// Result of the function; all ones in a request.
    pub rpc_result: usize,
    /// Second result; all ones in a request.
    pub rpc_result_private: usize,
    /// Number of the RPC.
    pub sequence: usize,
    /// The payload: end of the RPC header.
    pub payload: usize,
}

/// Payload of GSP_RM_CONTROL (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct RmControlLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Client.
    pub h_client: usize,
    /// Object.
    pub h_object: usize,
    /// Control command.
    pub cmd: usize,
    /// NV_STATUS of the reply.
    pub status: usize,
    /// Bytes of parameters.
    pub params_size: usize,
    /// Control flags.
    pub flags: usize,
    /// The parameters.
    pub params: usize,
}

/// Payload of GSP_RM_ALLOC (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct RmAllocLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Client.
    pub h_client: usize,
    /// Parent object.
    pub h_parent: usize,
    /// Handle of the new object.
    pub h_object: usize,
    /// Class.
    pub h_class: usize,
    /// NV_STATUS of the reply.
    pub status: usize,
    /// Bytes of parameters.
    pub params_size: usize,
    /// Allocation flags.
    pub flags: Option<usize>,
    /// The parameters.
    pub params: usize,
}

/// Payload of FREE (`g_sdk-structures.h`).
#[derive(Debug)]
pub struct RmFreeLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Client.
    pub h_root: usize,
    /// Parent object.
    pub h_object_parent: usize,
    /// Object to free.
    pub h_object_old: usize,
    /// NV_STATUS of the reply.
    pub status: usize,
}

/// Payload of UNLOADING_GUEST_DRIVER (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct UnloadingLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// u8: the unload is a suspend.
    pub in_pm_transition: usize,
    /// u8: the GPU enters GC6.
    pub gc6_entering: usize,
    /// Suspend level to enter.
    pub new_level: usize,
}

/// Payload of event RUN_CPU_SEQUENCER (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct SequencerLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Words the buffer has room for.
    pub buffer_size_dwords: usize,
    /// Words of commands.
    pub cmd_index: usize,
    /// u32 registers that REG_STORE fills.
    pub reg_save_area: Array,
    /// The commands: an opcode and its arguments, words.
    pub commands: usize,
}

/// Payload of event POST_EVENT (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct PostEventLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Client the event belongs to.
    pub h_client: usize,
    /// Event object.
    pub h_event: usize,
    /// What happened.
    pub notify_index: usize,
    /// Value of the notifier.
    pub data: usize,
    /// u16: second value of the notifier.
    pub info16: Option<usize>,
    /// NV_STATUS of the notifier.
    pub status: usize,
    /// Bytes of event data.
    pub event_data_size: usize,
    /// u8: notify all events of that list.
    pub notify_list: usize,
    /// The event data.
    pub event_data: usize,
}

/// Payload of event RC_TRIGGERED (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct RcTriggeredLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// NV2080_ENGINE_TYPE of the faulting engine.
    pub engine_type: usize,
    /// Channel.
    pub chid: usize,
    /// GFID; before it came, only the PF's channels are named.
    pub gfid: Option<usize>,
    /// Severity.
    pub except_level: Option<usize>,
    /// Robust-channel error number (Xid).
    pub except_type: usize,
    /// Scope of the recovery.
    pub scope: usize,
    /// u16: MIG partition.
    pub partition_attribution_id: usize,
    /// Faulting address, low half.
    pub mmu_fault_addr_lo: Option<usize>,
    /// Faulting address, high half.
    pub mmu_fault_addr_hi: Option<usize>,
    /// Kind of MMU fault.
    pub mmu_fault_type: Option<usize>,
    /// Bytes of journal behind the structure.
    pub journal_size: Option<usize>,
}

/// Payload of event OS_ERROR_LOG (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct OsErrorLogLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Xid.
    pub except_type: usize,
    /// Runlist.
    pub runlist_id: usize,
    /// Channel.
    pub chid: usize,
    /// The words, NUL-terminated.
    pub text: Array,
}

/// Payload of event UCODE_LIBOS_PRINT (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct LibosPrintLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Engine whose firmware prints.
    pub engine_desc: usize,
    /// Bytes of log.
    pub len: usize,
    /// The log.
    pub data: usize,
}

/// Payload of event GSP_LOCKDOWN_NOTICE (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct LockdownNoticeLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// u8: the firmware locks the GPU down.
    pub engaging: usize,
}

/// Payload of event VGPU_GSP_PLUGIN_TRIGGERED (`g_rpc-structures.h`).
#[derive(Debug)]
pub struct PluginTriggeredLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// GFID of the vGPU.
    pub gfid: usize,
    /// What happened.
    pub notify_index: usize,
}

/// Parameters of class NV01_ROOT (`class/cl0000.h`).
#[derive(Debug)]
pub struct RootAllocLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Handle of the client.
    pub h_client: usize,
    /// Process; all ones is the kernel.
    pub process_id: usize,
    /// Name, NUL-terminated.
    pub process_name: Array,
}

/// Parameters of class NV01_DEVICE_0 (`class/cl0080.h`).
#[derive(Debug)]
pub struct DeviceAllocLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Device instance.
    pub device_id: usize,
    /// Client to share the address space with.
    pub h_client_share: usize,
}

/// Parameters of class NV20_SUBDEVICE_0 (`class/cl2080.h`).
#[derive(Debug)]
pub struct SubdeviceAllocLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Subdevice instance.
    pub sub_device_id: usize,
}

/// Reply of INTERNAL_INTR_GET_KERNEL_TABLE (`ctrl2080internal.h`).
#[derive(Debug)]
pub struct IntrTableLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Number of entries.
    pub len: usize,
    /// The entries, see [`IntrEntryLayout`].
    pub entries: Array,
}

/// One engine's interrupt vectors.
#[derive(Debug)]
pub struct IntrEntryLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// MC_ENGINE_IDX of the engine.
    pub engine_idx: usize,
    /// Bit in the legacy PMC register.
    pub pmc_intr_mask: usize,
    /// Vector of the stalling interrupt; all ones is none.
    pub vector_stall: usize,
    /// Vector of the non-stalling interrupt; all ones is none.
    pub vector_non_stall: usize,
}

/// INTERNAL_FIFO_GET_NUM_CHANNELS (`ctrl2080internal.h`).
#[derive(Debug)]
pub struct NumChannelsLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// In: the runlist.
    pub runlist_id: usize,
    /// Out: its channels.
    pub num_channels: usize,
}

/// Reply of GPU_GET_VMMU_SEGMENT_SIZE (`ctrl2080gpu.h`).
#[derive(Debug)]
pub struct VmmuSegmentLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Bytes; guest framebuffers are multiples of it.
    pub segment_size: usize,
}

/// Parameters of BOOTLOAD_GSP_VGPU_PLUGIN_TASK (`ctrl2080vgpumgrinternal.h`).
#[derive(Debug)]
pub struct BootloadLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// PCI address of the VF: domain, bus, device, function packed.
    pub dbdf: usize,
    /// VF index + 1.
    pub gfid: usize,
    /// Type id.
    pub vgpu_type: usize,
    /// Process of the virtual machine.
    pub vm_pid: usize,
    /// MIG partition.
    pub swizz_id: usize,
    /// Channels of the vGPU.
    pub num_channels: usize,
    /// Channels the plugin takes.
    pub num_plugin_channels: usize,
    /// u32 per NV2080_ENGINE_TYPE: first channel id.
    pub chid_offset: Array,
    /// u8: MIG only.
    pub disable_smc_restore: usize,
    /// Segments of guest framebuffer.
    pub num_guest_fb_segments: usize,
    /// u64: framebuffer address of each segment.
    pub guest_fb_addrs: Array,
    /// u64: length of each segment.
    pub guest_fb_lengths: Array,
    /// Framebuffer address of the management heap.
    pub plugin_heap_addr: usize,
    /// Length of the management heap.
    pub plugin_heap_length: usize,
    /// Control buffer, from the start of the management heap.
    pub ctrl_buff_offset: usize,
    /// Log of the init task, from the start of the management heap.
    pub init_task_log_offset: usize,
    /// Length of that log.
    pub init_task_log_size: usize,
    /// Log of the vGPU task, from the start of the management heap.
    pub vgpu_task_log_offset: usize,
    /// Length of that log.
    pub vgpu_task_log_size: usize,
    /// Log of the kernel, from the start of the management heap.
    pub kernel_log_offset: Option<usize>,
    /// Length of that log.
    pub kernel_log_size: Option<usize>,
    /// MIG only.
    pub mig_rm_heap_addr: Option<usize>,
    /// MIG only.
    pub mig_rm_heap_length: Option<usize>,
    /// u8: let the guest profile.
    pub device_profiling_enabled: usize,
}

/// Parameters of SHUTDOWN_GSP_VGPU_PLUGIN_TASK.
#[derive(Debug)]
pub struct PluginShutdownLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// GFID of the vGPU.
    pub gfid: usize,
}

/// Parameters of VGPU_PLUGIN_CLEANUP.
#[derive(Debug)]
pub struct PluginCleanupLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// GFID of the vGPU.
    pub gfid: usize,
}

/// Parameters of PGPU_ADD_VGPU_TYPE (`ctrl2080vgpumgrinternal.h`).
#[derive(Debug)]
pub struct AddVgpuTypeLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// u8: forget the types known so far.
    pub discard: usize,
    /// Number of types that follow.
    pub count: usize,
    /// The types, see [`VgpuInfoLayout`].
    pub infos: Array,
}

/// One vGPU type (`ctrl/ctrla081.h`).
#[derive(Debug)]
pub struct VgpuInfoLayout {
    /// Size of the whole struct.
    pub size: usize,
    /// Type id.
    pub vgpu_type: usize,
    /// Name, NUL-terminated.
    pub name: Array,
    /// How many fit on one GPU.
    pub max_instance: usize,
    /// u32: ECC is available.
    pub ecc_supported: usize,
    /// u64: device id << 16 | subsystem id the guest sees.
    pub vdev_id: usize,
    /// u64: ids of the GPU the type is for.
    pub pdev_id: usize,
    /// Framebuffer with overhead, bytes.
    pub profile_size: usize,
    /// Guest framebuffer, bytes.
    pub fb_length: usize,
    /// Management heap, bytes.
    pub gsp_heap_size: usize,
    /// Framebuffer kept back, bytes.
    pub fb_reservation: usize,
    /// BAR1 of the guest, MiB.
    pub bar1_length: usize,
}

/// Numbers of the message queues (`gpu/gsp/message_queue_priv.h`).
#[derive(Debug)]
pub struct QueueValues {
    /// Bytes of one slot.
    pub element_size_min: usize,
    /// Bytes of the longest element.
    pub element_size_max: usize,
}

/// Numbers of the RPC header (`vgpu/rpc_headers.h`).
#[derive(Debug)]
pub struct RpcValues {
    /// Version of the header.
    pub header_version: u32,
    /// "VRPC".
    pub signature: u32,
}

/// Numbers of the WPR metadata (`gsp/gsp_fw_wpr_meta.h`).
#[derive(Debug)]
pub struct WprValues {
    /// First word.
    pub magic: u64,
    /// Revision.
    pub revision: u64,
    /// Written by the booter when it accepts the metadata.
    pub verified: u64,
}

/// Numbers of the LibOS arguments (`libos_init_args.h`).
#[derive(Debug)]
pub struct LibosValues {
    /// The region is one range.
    pub kind_contiguous: u32,
    /// The region lies in system memory.
    pub loc_sysmem: u32,
}

/// Sizes of the GSP-RM heap (`gpu/gsp/gsp_fw_heap.h`), bytes.
#[derive(Debug)]
pub struct HeapValues {
    /// LibOS 2 (Turing, GA100).
    pub libos2_carveout: u64,
    /// LibOS 3 (GA10x on).
    pub libos3_carveout: u64,
    /// GSP-RM itself, Turing to Ada.
    pub base_tu10x: u64,
    /// GSP-RM itself, Hopper on.
    pub base_gh100: u64,
    /// For each GiB of framebuffer.
    pub per_gib_fb: u64,
    /// For the clients' channels.
    pub client_alloc: u64,
    /// Least heap with LibOS 2.
    pub libos2_min: u64,
    /// Largest heap with LibOS 2.
    pub libos2_max: u64,
    /// Least heap with LibOS 3.
    pub libos3_min: u64,
    /// Largest heap with LibOS 3.
    pub libos3_max: u64,
    /// The whole heap of a vGPU host.
    pub vgpu_host: u64,
}

/// Opcodes of the CPU sequencer (`rmgspseq.h`).
#[derive(Debug)]
pub struct SequencerValues {
    /// Write a register.
    pub reg_write: u32,
    /// Change bits of a register.
    pub reg_modify: u32,
    /// Wait for bits of a register.
    pub reg_poll: u32,
    /// Wait.
    pub delay_us: u32,
    /// Keep a register's value.
    pub reg_store: u32,
    /// Reset the GSP falcon.
    pub core_reset: u32,
    /// Start the GSP falcon.
    pub core_start: u32,
    /// Wait for the GSP falcon to halt.
    pub core_wait_for_halt: u32,
    /// Start the GSP's RISC-V core again.
    pub core_resume: u32,
}

/// RPC functions (`vgpu/rpc_global_enums.h`).
#[derive(Debug)]
pub struct Functions {
    /// Free an object.
    pub free: u32,
    /// The driver leaves.
    pub unloading_guest_driver: u32,
    /// Ask for GspStaticConfigInfo.
    pub get_gsp_static_info: u32,
    /// Next part of a long message.
    pub continuation_record: u32,
    /// Tell GspSystemInfo.
    pub gsp_set_system_info: u32,
    /// Tell registry keys.
    pub set_registry: u32,
    /// RM control.
    pub gsp_rm_control: u32,
    /// RM alloc.
    pub gsp_rm_alloc: u32,
}

/// Events of the firmware (`vgpu/rpc_global_enums.h`). They move between releases.
#[derive(Debug)]
pub struct Events {
    /// The firmware is up.
    pub gsp_init_done: u32,
    /// Run register commands for the firmware.
    pub gsp_run_cpu_sequencer: u32,
    /// An event object fired.
    pub post_event: u32,
    /// A channel failed.
    pub rc_triggered: u32,
    /// An MMU fault waits in the buffer.
    pub mmu_fault_queued: u32,
    /// An Xid in words.
    pub os_error_log: u32,
    /// Utilisation samples.
    pub gpuacct_perfmon_util_samples: u32,
    /// Log of another engine's firmware.
    pub ucode_libos_print: u32,
    /// A vGPU plugin answered or wants something.
    pub vgpu_gsp_plugin_triggered: u32,
    /// SLI only.
    pub perf_bridgeless_info_update: u32,
    /// The vGPU configuration changed.
    pub vgpu_config: u32,
    /// NVLink came up with a fault.
    pub nvlink_fault_up: u32,
    /// The firmware locks the GPU down or opens it.
    pub gsp_lockdown_notice: u32,
    /// The MIG configuration changed.
    pub mig_ci_config_update: u32,
    /// Shared data of user space.
    pub gsp_send_user_shared_data: Option<u32>,
    /// Trace records.
    pub update_gsp_trace: Option<u32>,
    /// NVLink has to be recovered.
    pub nvlink_fatal_error_recovery: Option<u32>,
    /// A record for crash analysis.
    pub gsp_post_nocat_record: Option<u32>,
    /// The graphics front end failed.
    pub fecs_error: Option<u32>,
    /// The GPU asks for a recovery.
    pub recovery_action: Option<u32>,
    /// First number that is no event.
    pub end: u32,
}

/// RM control commands.
#[derive(Debug)]
pub struct Controls {
    /// Interrupt vectors of the engines.
    pub intr_get_kernel_table: u32,
    /// Channels of a runlist.
    pub fifo_get_num_channels: u32,
    /// VMMU segment.
    pub gpu_get_vmmu_segment_size: u32,
    /// Start a vGPU's plugin.
    pub vgpu_bootload: u32,
    /// Stop a vGPU's plugin.
    pub vgpu_shutdown: u32,
    /// Tell the vGPU types.
    pub vgpu_add_type: u32,
    /// Forget a vGPU's plugin.
    pub vgpu_plugin_cleanup: u32,
}

/// RM classes.
#[derive(Debug)]
pub struct Classes {
    /// Client.
    pub root: u32,
    /// Device.
    pub device: u32,
    /// Subdevice.
    pub subdevice: u32,
}

/// Limits and indices.
#[derive(Debug)]
pub struct Limits {
    /// NV2080_ENGINE_TYPE values.
    pub engine_types: u32,
    /// vGPUs one firmware boot can serve.
    pub max_partitions: u32,
    /// The GSP in the interrupt table.
    pub mc_engine_gsp: u32,
}

/// The vGPU plugin's buffers in the management heap and their encoding.
#[derive(Debug)]
pub struct PluginFacts {
    /// Version of the control buffer's format.
    pub ctrl_version: u32,
    /// Put into the control buffer's sequence number by a booted plugin.
    pub bootloaded: u32,
    /// Control buffer.
    pub ctrl_size: u64,
    /// Response buffer.
    pub response_size: u64,
    /// Message buffer.
    pub message_size: u64,
    /// Migration buffer.
    pub migration_size: u64,
    /// Error buffer.
    pub error_size: u64,
    /// Log of the init task.
    pub init_log_size: u64,
    /// Log of the vGPU task.
    pub vgpu_log_size: u64,
    /// Log of the kernel; 0 is none.
    pub kernel_log_size: u64,
}

/// Fields of the plugin's control buffer (host to plugin).
#[derive(Debug)]
pub struct PluginCtrlFacts {
    /// [`PluginFacts::ctrl_version`].
    pub version: usize,
    /// What is asked, see [`PluginMessages`].
    pub message_type: usize,
    /// Number of the message.
    pub message_seq_num: usize,
    /// u64: response buffer in the heap.
    pub response_offset: usize,
    /// u64: message buffer in the heap.
    pub message_offset: usize,
    /// u64: migration buffer in the heap.
    pub migration_offset: usize,
    /// u64: error buffer in the heap.
    pub error_offset: usize,
    /// u32: how far the host has read or written migration data.
    pub migration_cpu_offset: usize,
    /// u8: migration is under way.
    pub migration_in_progress: usize,
    /// u32: how far the host has read the error buffer.
    pub error_cpu_get: usize,
    /// u32: vGPUs of the same machine.
    pub attached_vgpu_count: usize,
}

/// Fields of the plugin's response buffer (plugin to host).
#[derive(Debug)]
pub struct PluginResponseFacts {
    /// u32: number of the newest message the plugin has seen.
    pub seq_received: Option<usize>,
    /// u32: number of the newest message the plugin has answered.
    pub seq_processed: usize,
    /// u32: its result; 0 is success.
    pub result: usize,
    /// u32: RPC version of the guest's driver; 0 before it came.
    pub guest_rpc_version: usize,
    /// u32: how far the plugin has read or written migration data.
    pub migration_gsp_offset: usize,
    /// u32: all state has been said.
    pub migration_save_complete: usize,
}

/// Fields of message SETUP_CONFIG_PARAMS_AND_INIT.
#[derive(Debug)]
pub struct PluginConfigFacts {
    /// Length of the message.
    pub size: usize,
    /// 16 bytes: UUID of the vGPU.
    pub vgpu_uuid: usize,
    /// u32: PCI address of the VF.
    pub dbdf: usize,
    /// u32: PCI address of the VF in a driver VM.
    pub driver_vm_vf_dbdf: usize,
    /// u32: instance number; all ones is none.
    pub vgpu_device_instance_id: usize,
    /// u32: type id.
    pub vgpu_type: usize,
    /// u32: process of the virtual machine.
    pub vm_pid: usize,
    /// u32: MIG partition.
    pub swizz_id: usize,
    /// u32: channels of the vGPU.
    pub num_channels: usize,
    /// u32: channels the plugin takes.
    pub num_plugin_channels: usize,
    /// u32: what the machine monitor can do.
    pub vmm_cap: usize,
    /// u32: migration features.
    pub migration_feature: usize,
    /// u32: hypervisor.
    pub hypervisor_type: usize,
    /// u32: 1 is AArch64, 2 is x86-64.
    pub host_cpu_arch: usize,
    /// u64: bytes.
    pub host_page_size: usize,
    /// u8: unified memory in the guest.
    pub enable_uvm: usize,
    /// u8.
    pub linux_interrupt_optimization: usize,
    /// u8: the machine can migrate.
    pub vmm_migration_supported: usize,
    /// u8: console over VNC.
    pub enable_console_vnc: usize,
    /// u8.
    pub use_non_stall_linux_events: usize,
    /// u16: placement of the vGPU.
    pub placement_id: Option<usize>,
    /// u32: percent of channels at which to warn.
    pub channel_usage_threshold: Option<usize>,
}

/// Fields of the short messages in the plugin's message buffer.
#[derive(Debug)]
pub struct PluginMessageFacts {
    /// VERSION_NEGOTIATION, u32: version the host speaks.
    pub version_cpu: usize,
    /// VERSION_NEGOTIATION, u32: version the plugin agreed to.
    pub version_negotiated: usize,
    /// UPDATE_BME_STATE, u8: the guest's bus-master bit.
    pub bme_enable: usize,
    /// UPDATE_BME_STATE, u8: the plugin's answer.
    pub bme_allowed: usize,
}

/// What the host can ask of a plugin.
#[derive(Debug)]
pub struct PluginMessages {
    /// Agree on a version.
    pub version_negotiation: u32,
    /// Configure and initialise.
    pub setup_config_params_and_init: u32,
    /// Reset the vGPU.
    pub reset: u32,
    /// Suspend.
    pub migration_stop_work: u32,
    /// Cancel the suspend.
    pub migration_cancel_stop: u32,
    /// Say the state.
    pub migration_save_state: u32,
    /// Stop saying the state.
    pub migration_cancel_save: u32,
    /// Take a state.
    pub migration_restore_state: u32,
    /// Take the rest of a state.
    pub migration_restore_deferred_state: u32,
    /// Go on.
    pub migration_resume_work: u32,
    /// The guest's bus-master bit changed.
    pub update_bme_state: u32,
}

/// The vGPU software release the firmware belongs to.
#[derive(Debug)]
pub struct VgpuFacts {
    /// Major version a metadata file must have.
    pub major: u64,
    /// Minor version it must have; absent where any fits.
    pub minor: Option<u64>,
}

/// Firmware files that come with a release.
#[derive(Debug)]
pub struct FileFacts {
    /// There is a scrubber for chips whose vGPU WPR2 exceeds the scrubbed range.
    pub scrubber: bool,
}

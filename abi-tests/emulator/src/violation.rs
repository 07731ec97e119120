// SPDX-License-Identifier: MIT
//! The rules a driver can break, each with a name that tests and reports use.

use std::fmt;

macro_rules! rules {
    ($($name:ident $slug:literal $text:literal;)*) => {
        /// A rule of the hardware or the firmware that a driver can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule { $(#[doc = $text] $name,)* }

        impl Rule {
            /// The rule's name in reports; stable.
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$name => $slug,)* }
            }

            /// What the rule says.
            pub const fn text(self) -> &'static str {
                match self { $(Rule::$name => $text,)* }
            }

            /// Every rule there is.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];
        }
    };
}

rules! {
    AccessSize "access-size" "registers are accessed as aligned 32-bit words";
    DmaFault "dma-fault" "memory the device is told of can be reached";
    FalconInReset "falcon-in-reset" "a falcon is not touched while its engine is in reset";
    FalconScrubbing "falcon-scrubbing" "a falcon is not used before its memories are scrubbed";
    FalconCoreSelect "falcon-core-select" "the falcon core is selected before it is started";
    FalconDma "falcon-dma" "a falcon DMA transfer loads one aligned block of 256 bytes from mapped memory";
    FirmwareFile "firmware-file" "the board's firmware directory has the files a driver loads";
    UcodeUnknown "ucode-unknown" "a falcon runs the ucode of a known file";
    Fwsec "fwsec" "FWSEC is loaded as the ROM has it, with the fused version's signature and a valid command";
    FrtsRegion "frts-region" "FRTS data goes below the VGA workspace, one MiB long";
    FrtsTwice "frts-twice" "FWSEC-FRTS runs only while WPR2 is unset";
    Booter "booter" "booter and scrubber are loaded as their files have them, and run in the right state";
    Scrubber "scrubber" "the scrubber has run before WPR2 reaches below the scrubbed top of the framebuffer";
    SysmemFlush "sysmem-flush" "the page for flushing system memory is set and reachable before the firmware starts";
    WprMeta "wpr-meta" "GspFwWprMeta is complete and its ranges are in order";
    Radix3 "radix3" "the page table over the image is a complete three-level table of page addresses";
    ImageHash "image-hash" "image, bootloader and signature are the files' of the release";
    LibosArgs "libos-args" "the LibOS arguments name three log buffers and the RM arguments";
    LogBuffer "log-buffer" "a log buffer starts with a zero put pointer and its own page addresses";
    RmArgs "rm-args" "the RM arguments are those of a cold start";
    SharedMemory "shared-memory" "the shared memory lists its own pages and holds both queues";
    QueueHeader "queue-header" "the command queue's header describes the queue";
    QueuePointer "queue-pointer" "queue pointers stay below the number of elements";
    ElementCount "element-count" "an element has 1 to 16 pages, all of them written";
    Checksum "checksum" "an element's checksum makes its words fold to zero";
    ElementSequence "element-sequence" "elements are numbered one after the other";
    RpcHeader "rpc-header" "an RPC header has the right version and signature and no result yet";
    RpcLength "rpc-length" "lengths in element, RPC header and payload agree";
    Continuation "continuation" "a large message is continued by full records until it is complete";
    RpcOrder "rpc-order" "GSP_SET_SYSTEM_INFO comes first, then SET_REGISTRY, and commands only after INIT_DONE";
    RpcFunction "rpc-function" "functions the firmware serves are called";
    RpcContents "rpc-contents" "parameters of RPCs are right for the release";
    SystemInfo "system-info" "the system information is true";
    Registry "registry" "the registry table is well formed and agrees with the vGPU mode";
    Sequencer "sequencer" "RUN_CPU_SEQUENCER is carried out completely and in order";
    OsVersion "os-version" "the bootloader's version is in FALCON_OS before the first command";
    RmObject "rm-object" "RM objects have known parents and unused handles";
    RmControl "rm-control" "RM controls the firmware serves are called";
    RmLeak "rm-leak" "RM clients are freed before the firmware is unloaded";
    UnloadOrder "unload-order" "vGPUs, then the firmware, then FWSEC-SB, then booter_unload";
    VgpuHost "vgpu-host" "vGPUs are created only on firmware started for them";
    VgpuType "vgpu-type" "vGPU types are sane and known before they are used";
    VgpuHomogeneous "vgpu-homogeneous" "all vGPUs have the same type";
    VgpuMaxInstance "vgpu-max-instance" "a type's limit is kept";
    VgpuState "vgpu-state" "a plugin is booted, shut down and cleaned up in this order, once";
    VgpuBootload "vgpu-bootload" "a vGPU is booted with the parameters of its VF";
    VgpuChannels "vgpu-channels" "channels are a power of two, aligned, and nobody else's";
    VgpuFramebuffer "vgpu-framebuffer" "guest framebuffer is made of whole VMMU segments and as long as the type says";
    VgpuHeap "vgpu-heap" "a plugin's heap has the type's size and the release's buffers";
    VgpuOverlap "vgpu-overlap" "framebuffer and heaps of vGPUs and firmware do not overlap";
    PluginRpc "plugin-rpc" "a plugin is spoken to through the right buffers while it runs";
    PluginSequence "plugin-sequence" "plugin messages are numbered one after the other";
    PluginOrder "plugin-order" "VERSION_NEGOTIATION comes first, then SETUP_CONFIG_PARAMS_AND_INIT, then the others";
    PluginConfig "plugin-config" "a vGPU is configured as it was booted";
    PluginMigration "plugin-migration" "a migration's state arrives whole and unchanged";
    FalconFbif "falcon-fbif" "the falcon's memory interface is set to physical addresses before a transfer";
}

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// What was found, in words.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.rule.name(), self.detail, self.rule.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<_> = Rule::ALL.iter().map(|r| r.name()).collect();
        assert!(names.iter().all(|n| n
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}

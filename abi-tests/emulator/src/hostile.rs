// SPDX-License-Identifier: MIT
//! Ways the device can be made to misbehave, so that the driver's refusals are tried and not only written.

use std::{fmt, str::FromStr};

macro_rules! modes {
    ($($name:ident $slug:literal $text:literal;)*) => {
        /// One way to misbehave. It lasts until it is taken back.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Mode { $(#[doc = $text] $name,)* }

        impl Mode {
            /// The mode's name in configurations.
            pub const fn name(self) -> &'static str {
                match self { $(Mode::$name => $slug,)* }
            }

            /// What the device then does.
            pub const fn text(self) -> &'static str {
                match self { $(Mode::$name => $text,)* }
            }

            /// Every mode there is.
            pub const ALL: &'static [Mode] = &[$(Mode::$name,)*];
        }
    };
}

modes! {
    BadChecksum "bad-checksum" "messages of the firmware carry a wrong checksum";
    WrongSequence "wrong-sequence" "messages of the firmware skip an element sequence number";
    OversizeLength "oversize-length" "the length in a message's RPC header exceeds the elements it came in";
    ZeroElements "zero-elements" "the element count of a message is 0";
    ManyElements "many-elements" "the element count of a message is 0x7fffffff";
    BadSignature "bad-signature" "the RPC header's signature is wrong";
    BadHeaderVersion "bad-header-version" "the RPC header's version is wrong";
    ShortLength "short-length" "the length in a message's RPC header is smaller than the header";
    EndlessContinuation "endless-continuation" "a reply is followed by continuation records without end";
    WildReadPointer "wild-read-pointer" "the firmware's read pointer is outside the command queue";
    WildWritePointer "wild-write-pointer" "the firmware's write pointer is outside the status queue";
    ReplyNever "reply-never" "commands are consumed and never answered";
    ReadNever "read-never" "commands are never consumed, so the command queue fills";
    RpcResult "rpc-result" "every reply carries this RPC result (default 0x55)";
    ControlStatus "control-status" "every RM control answers with this status (default 0x55)";
    AllocStatus "alloc-status" "every RM allocation answers with this status (default 0x51)";
    FreeStatus "free-status" "every FREE of an RM object answers with this status (default 0x55)";
    BootloadStatus "bootload-status" "BOOTLOAD_GSP_VGPU_PLUGIN_TASK answers with this status (default 0x51)";
    ShutdownStatus "shutdown-status" "SHUTDOWN_GSP_VGPU_PLUGIN_TASK answers with this status (default 0x40)";
    TruncatedEvent "truncated-event" "events are cut to their RPC header";
    UnknownEvent "unknown-event" "an event with an unknown number precedes each reply";
    EventStorm "event-storm" "200 error-log events precede each reply";
    InitError "init-error" "INIT_DONE carries this RPC result (default 0x65)";
    InitNever "init-never" "INIT_DONE is never sent";
    SequencerGarbage "sequencer-garbage" "RUN_CPU_SEQUENCER carries an unknown opcode";
    SequencerOverrun "sequencer-overrun" "RUN_CPU_SEQUENCER announces more words than it carries";
    SequencerPollNever "sequencer-poll-never" "RUN_CPU_SEQUENCER polls for a value that never comes, for 20 ms";
    GfwNever "gfw-never" "the GFW boot progress never completes";
    FwsecError "fwsec-error" "FWSEC reports this error (default 0x1)";
    FwsecNoWpr "fwsec-no-wpr" "FWSEC succeeds in words and leaves the WPR2 registers unset";
    FalconDmaStuck "falcon-dma-stuck" "a falcon's DMA engine never becomes idle";
    FalconNeverHalts "falcon-never-halts" "a started falcon never halts";
    BooterError "booter-error" "booter_load reports this mailbox value (default 0x32)";
    BooterUnloadError "booter-unload-error" "booter_unload reports this mailbox value (default 0x32)";
    RiscvNever "riscv-never" "the GSP's RISC-V core never becomes active";
    SuspendNever "suspend-never" "UNLOADING_GUEST_DRIVER is answered but the processor never suspends";
    PluginNever "plugin-never" "a vGPU's plugin never reports that it has booted";
    PluginError "plugin-error" "plugin messages answer with this result (default 1)";
    PluginSilent "plugin-silent" "plugin messages are never answered";
    PluginBadVersion "plugin-bad-version" "VERSION_NEGOTIATION answers with a version nobody asked for";
    PluginWildOffset "plugin-wild-offset" "plugins report an offset outside the migration buffer";
    FallenOffBus "fallen-off-bus" "every register reads 0xffffffff";
    VbiosNoSignature "vbios-no-signature" "the ROM does not start with 55 aa";
    VbiosNoPcir "vbios-no-pcir" "the first image has no PCI data structure";
    VbiosZeroLength "vbios-zero-length" "an image's length is 0";
    VbiosNoBit "vbios-no-bit" "the PCI-AT image has no BIT";
    VbiosNoFalconData "vbios-no-falcon-data" "the BIT has no falcon data token";
    VbiosNoFwsec "vbios-no-fwsec" "there is no FWSEC image";
    VbiosNoLast "vbios-no-last" "no image is marked as the last";
    VbiosUcodeOutside "vbios-ucode-outside" "the falcon ucode table points outside the images";
    VbiosBadDescriptor "vbios-bad-descriptor" "the falcon ucode descriptor has an unknown version";
    VbiosHugeUcode "vbios-huge-ucode" "the falcon ucode descriptor's IMEM size wraps around";
    VbiosNoDmemmapper "vbios-no-dmemmapper" "FWSEC has no DMEM mapper";
    VbiosNoSignatureVersion "vbios-no-signature-version" "FWSEC has no signature for the fused version";
}

/// A mode with its value, written `name` or `name=value` (decimal or 0x hexadecimal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hostile {
    /// What the device does.
    pub mode: Mode,
    /// The value some modes take; their default when `None`.
    pub value: Option<u32>,
}

/// A hostile mode nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMode(String);

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown hostile mode \"{}\"; known are", self.0)?;
        Mode::ALL.iter().try_for_each(|m| write!(f, " {}", m.name()))
    }
}

impl std::error::Error for UnknownMode {}

impl FromStr for Hostile {
    type Err = UnknownMode;

    fn from_str(s: &str) -> Result<Self, UnknownMode> {
        let unknown = || UnknownMode(s.to_owned());
        let (name, value) = match s.split_once('=') {
            Some((name, value)) => (name, Some(parse_u32(value).ok_or_else(unknown)?)),
            None => (s, None),
        };
        let mode = Mode::ALL
            .iter()
            .copied()
            .find(|m| m.name() == name)
            .ok_or_else(unknown)?;
        Ok(Hostile { mode, value })
    }
}

fn parse_u32(s: &str) -> Option<u32> {
    match s.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => s.parse().ok(),
    }
}

/// Parses a list separated by commas (or, for command lines where the comma is taken, plus signs); empty is none.
///
/// # Errors
/// A name that is no mode, or a value that is no 32-bit number.
pub fn parse_list(list: &str) -> Result<Vec<Hostile>, UnknownMode> {
    list.split([',', '+'])
        .filter(|s| !s.is_empty())
        .map(str::parse)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_parse_with_values() {
        let list = parse_list("bad-checksum+booter-error=0x31,rpc-result=7").unwrap();
        assert_eq!(
            list[0],
            Hostile {
                mode: Mode::BadChecksum,
                value: None
            }
        );
        assert_eq!(
            list[1],
            Hostile {
                mode: Mode::BooterError,
                value: Some(0x31)
            }
        );
        assert_eq!(
            list[2],
            Hostile {
                mode: Mode::RpcResult,
                value: Some(7)
            }
        );
        assert_eq!(parse_list(""), Ok(vec![]));
    }

    #[test]
    fn an_unknown_mode_names_the_known_ones() {
        let text = parse_list("bad-checksums").unwrap_err().to_string();
        assert!(
            text.contains("\"bad-checksums\"") && text.contains(" bad-checksum "),
            "{text}"
        );
        assert!(parse_list("rpc-result=x").is_err());
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The one error type of the core.
//!
//! An [`Error`] says *what* went wrong ([`Kind`]), and where numbers help, what was expected and what was found. It is
//! `Copy` and a few words long, because it travels through code that must neither allocate nor format. The words are made
//! where the error leaves the core (see [`Error::describe`]).

use crate::text::Text;

/// Result of every fallible operation of the core.
pub type Result<T> = core::result::Result<T, Error>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $errno:ident, $words:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// The errno (positive, Linux numbering) that callers of the C ABI see.
            pub const fn errno(self) -> i32 {
                match self { $(Kind::$name => errno::$errno,)* }
            }

            /// The failure in words; no trailing punctuation.
            pub const fn words(self) -> &'static str {
                match self { $(Kind::$name => $words,)* }
            }

            /// Every kind, for tests and documentation.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];
        }
    };
}

macro_rules! errnos {
    ($($name:ident = $number:literal;)*) => {
        /// Linux errno values (positive), from `include/uapi/asm-generic/errno-base.h` and `errno.h`.
        #[allow(missing_docs)]
        pub mod errno {
            $(pub const $name: i32 = $number;)*

            /// The name of a value that the core knows.
            pub const fn name(value: i32) -> Option<&'static str> {
                match value {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    EPERM = 1;
    ENOENT = 2;
    EIO = 5;
    EAGAIN = 11;
    ENOMEM = 12;
    EACCES = 13;
    EBUSY = 16;
    ENODEV = 19;
    EINVAL = 22;
    ENOSPC = 28;
    EPROTO = 71;
    EBADMSG = 74;
    EOVERFLOW = 75;
    EMSGSIZE = 90;
    EOPNOTSUPP = 95;
    ETIMEDOUT = 110;
    ESTALE = 116;
    EKEYREJECTED = 129;
}

kinds! {
    /// An argument from the caller is out of range.
    InvalidArgument => EINVAL, "invalid argument";
    /// The platform had no memory left.
    NoMemory => ENOMEM, "out of memory";
    /// A platform operation failed; `found` is its errno.
    Platform => EIO, "the platform reported an error";
    /// The device no longer answers on the bus.
    DeviceGone => ENODEV, "the device does not answer";
    /// A falcon did not come back from its reset.
    FalconReset => EIO, "a falcon does not come back from its reset";
    /// A transfer into a falcon's memory did not end.
    FalconLoad => EIO, "loading a falcon does not end";
    /// A falcon's firmware did not halt.
    FalconHalt => ETIMEDOUT, "a falcon's firmware does not end";
    /// A falcon firmware's section lies outside its image or the falcon's memory, or is not aligned.
    UcodeGeometry => EBADMSG, "falcon firmware with an impossible section";
    /// The GPU's own start did not come to its end.
    GfwBoot => ETIMEDOUT, "the GPU's own start does not end";
    /// The firmware's start failed; `found` is its code.
    InitFailed => EIO, "the firmware could not start";
    /// The GPU was not booted as a vGPU host, or its vGPU types are not known.
    NotVgpuHost => EOPNOTSUPP, "the GPU does not host vGPUs";
    /// vGPUs are alive where none may be.
    VgpusAlive => EBUSY, "vGPUs are alive";
    /// There is no such log, or nothing was booted yet.
    NoLog => ENOENT, "there is no log";
    /// WPR2 is there where it must not be; `found` is its first byte. Only a reset of the GPU takes it away.
    WprPresent => EBUSY, "WPR2 is set; the GPU has to be reset";
    /// FWSEC said that it made WPR2, but it is not there.
    WprMissing => EIO, "FWSEC made no WPR2";
    /// WPR2 begins elsewhere.
    WprPlace => EIO, "FWSEC made WPR2 elsewhere";
    /// FWSEC reported an error.
    Fwsec => EIO, "FWSEC failed";
    /// The booter did not load GSP-RM; `found` is its code.
    BooterLoad => EIO, "the booter refused to load the firmware";
    /// The booter did not take WPR2 away; `found` is its code.
    BooterUnload => EIO, "the booter refused to unload the firmware";
    /// The scrubber halted without being done; `found` is its mailbox.
    Scrubber => EIO, "the scrubber failed";
    /// The RISC-V core does not run.
    RiscvInactive => EIO, "the firmware's core does not run";
    /// The firmware did not stop.
    Unload => ETIMEDOUT, "the firmware does not stop";
    /// A register that the CPU sequencer polls did not take its value; `found` is the firmware's code for it.
    SequencerPoll => ETIMEDOUT, "a register of the boot sequence does not change";
    /// The CPU sequencer is to wait impossibly long.
    SequencerWait => EPROTO, "the boot sequence wants to wait too long";
    /// SEC2 did not resume the firmware; `found` is its code.
    SequencerResume => EIO, "resuming the firmware failed";
    /// The firmware's interrupt table names no vector of its own, or one that does not exist.
    InterruptVector => EPROTO, "the firmware's interrupt vector is missing or impossible";
    /// The image in a firmware file is of another release than the file's name says.
    ReleaseMismatch => EBADMSG, "the firmware file holds another release";
    /// The operation does not fit the state the GPU or vGPU is in.
    BadState => EBUSY, "not possible in the present state";
    /// A wait ended without the awaited thing.
    Timeout => ETIMEDOUT, "timed out";
    /// The chip is not one the core knows; `found` is its id.
    UnknownChip => ENODEV, "unknown chip";
    /// A firmware file is absent.
    FirmwareMissing => ENOENT, "firmware file missing";

    /// A field lies outside its buffer; `found` is its offset.
    OutOfBounds => EBADMSG, "a field lies outside its buffer";
    /// No table for this firmware release.
    UnknownRelease => EOPNOTSUPP, "unknown firmware release";
    /// No fuse register for this microcode id.
    UcodeId => EBADMSG, "the hardware has no fuse register for this microcode id";
    /// The microcode is for an engine the core does not know.
    EngineMask => EBADMSG, "the microcode is for an unknown engine";

    /// The file is shorter than an ELF header.
    ElfTruncated => EBADMSG, "firmware image: too short for an ELF header";
    /// Not an ELF file.
    ElfMagic => EBADMSG, "firmware image: not an ELF file";
    /// Not ELF64.
    ElfClass => EBADMSG, "firmware image: not a 64-bit ELF file";
    /// Not little endian.
    ElfEndianness => EBADMSG, "firmware image: not little endian";
    /// Unknown ELF version.
    ElfVersion => EBADMSG, "firmware image: unknown ELF version";
    /// Not relocatable.
    ElfType => EBADMSG, "firmware image: wrong ELF type";
    /// Not RISC-V.
    ElfMachine => EBADMSG, "firmware image: not for RISC-V";
    /// Headers of an unknown length.
    ElfHeaderSize => EBADMSG, "firmware image: ELF headers of unknown length";
    /// There are program headers.
    ElfProgramHeaders => EBADMSG, "firmware image: has program headers";
    /// No section, or too many.
    ElfSectionCount => EBADMSG, "firmware image: too few or too many sections";
    /// The section table lies outside the file.
    ElfSectionTable => EBADMSG, "firmware image: the section table lies outside the file";
    /// A section lies outside the file.
    ElfSectionRange => EBADMSG, "firmware image: a section lies outside the file";
    /// Two parts of the file share bytes.
    ElfOverlap => EBADMSG, "firmware image: sections overlap";
    /// A section is compressed.
    ElfCompressed => EBADMSG, "firmware image: compressed section";
    /// The section names are no string table, or a name lies outside it.
    ElfNames => EBADMSG, "firmware image: bad section names";
    /// A section is absent.
    SectionMissing => EBADMSG, "firmware image: section missing";
    /// A section is there twice.
    SectionDuplicate => EBADMSG, "firmware image: section there twice";
    /// `.fwversion` is not a short, NUL-terminated text.
    FwVersion => EBADMSG, "firmware image: malformed version";
    /// `.fwimage` is empty.
    FwImageEmpty => EBADMSG, "firmware image: empty";
    /// The image is larger than a radix-3 table reaches.
    ImageTooLarge => EBADMSG, "firmware image: too large";
    /// The signature has the wrong length.
    SignatureSize => EBADMSG, "firmware image: signature of wrong length";

    /// The file is shorter than its container's header.
    BinTruncated => EBADMSG, "firmware file: too short";
    /// Wrong magic.
    BinMagic => EBADMSG, "firmware file: wrong magic";
    /// Unknown container version.
    BinVersion => EBADMSG, "firmware file: unknown version";
    /// The inner header lies outside the file.
    BinHeaderRange => EBADMSG, "firmware file: the header lies outside the file";
    /// The data lies outside the file or is empty.
    BinDataRange => EBADMSG, "firmware file: the data lies outside the file";
    /// Headers and data overlap.
    BinOverlap => EBADMSG, "firmware file: header and data overlap";
    /// The stated size ends before the data.
    BinSize => EBADMSG, "firmware file: the stated size ends before the data";
    /// The signatures lie outside the file or are of unequal length.
    HsSignatures => EBADMSG, "microcode file: bad signatures";
    /// The signature would be patched outside the data.
    HsPatch => EBADMSG, "microcode file: the signature's place lies outside the data";
    /// Malformed meta data.
    HsMeta => EBADMSG, "microcode file: bad meta data";
    /// Malformed load header.
    HsLoadHeader => EBADMSG, "microcode file: bad load header";
    /// Code or data lies outside the image.
    HsPiece => EBADMSG, "microcode file: code or data lies outside the image";
    /// Code and data overlap.
    HsOverlap => EBADMSG, "microcode file: code and data overlap";
    /// No signature for the version in the hardware's fuses.
    NoSignature => EKEYREJECTED, "no signature for the version in the fuses";
    /// Unknown bootloader descriptor.
    BootloaderVersion => EBADMSG, "bootloader: unknown descriptor version";
    /// A piece of the bootloader lies outside the image.
    BootloaderPiece => EBADMSG, "bootloader: a piece lies outside the image";
    /// Two pieces of the bootloader overlap.
    BootloaderOverlap => EBADMSG, "bootloader: pieces overlap";

    /// A queue pointer of the GSP lies outside the ring.
    QueuePointer => EIO, "the firmware's queue pointer is out of range";
    /// The GSP's queue header is not the known one.
    QueueShape => EPROTO, "the firmware's queue has an unknown shape";
    /// The GSP did not read commands in time; numbers are pages wanted and free.
    QueueFull => ETIMEDOUT, "the command queue stays full";
    /// An earlier command was sent only in part, so nothing more can be said to the firmware.
    ChannelBroken => EIO, "the command queue was left in the middle of a command";
    /// A message longer than the protocol can say.
    MessageTooLong => EMSGSIZE, "message too long";
    /// A message shorter than its header or its fixed part.
    MessageTooShort => EBADMSG, "message too short";
    /// A queue element of no or too many pages.
    ElementPages => EBADMSG, "queue element with an impossible page count";
    /// A queue element longer than what was written.
    ElementIncomplete => EBADMSG, "queue element reaches beyond what was written";
    /// A queue element whose length and page count disagree; numbers are pages.
    ElementLength => EBADMSG, "queue element whose length does not fit its page count";
    /// A queue element whose checksum is wrong.
    ElementChecksum => EBADMSG, "queue element with a wrong checksum";
    /// A queue element out of order.
    ElementSequence => EBADMSG, "queue element out of sequence";
    /// An RPC header without its signature.
    RpcSignature => EBADMSG, "message without the RPC signature";
    /// An RPC header of an unknown version.
    RpcVersion => EPROTO, "message of an unknown RPC version";
    /// A part of a long reply has an impossible length.
    ContinuationLength => EBADMSG, "continuation record of a wrong length";
    /// The firmware refused a command at the RPC level; `found` is its result.
    RpcFailed => EIO, "the firmware refused the command";
    /// The resource manager is not ready or wants the command again; `found` is its status, as for the others of its kind.
    RmBusy => EBUSY, "the firmware is busy";
    /// The resource manager is out of memory.
    RmNoMemory => ENOMEM, "the firmware is out of memory";
    /// The resource manager is out of something else.
    RmNoResources => ENOSPC, "the firmware is out of resources";
    /// The resource manager does not do this.
    RmNotSupported => EOPNOTSUPP, "the firmware does not support this";
    /// The resource manager refused.
    RmRefused => EIO, "the firmware's resource manager refused";
    /// The reply to a control is cut off or answers another one.
    ControlReply => EBADMSG, "reply that does not fit its control";
    /// The reply to an allocation is cut off or names another object.
    AllocReply => EBADMSG, "reply that does not fit its allocation";
    /// The firmware's interrupt table is longer than it can be.
    InterruptTable => EBADMSG, "interrupt table too long";
    /// The firmware's interrupt table does not name the GSP; `found` is its engine index.
    GspVectorMissing => EPROTO, "no interrupt vector for the firmware's processor";
    /// A VMMU segment size that does not exist.
    VmmuSegment => EBADMSG, "impossible VMMU segment size";
    /// No channels, or more than there can be.
    ChannelCount => EBADMSG, "impossible number of channels";
    /// The vGPU metadata file is shorter than its header.
    MetadataTruncated => EBADMSG, "vGPU metadata: too short";
    /// Not a vGPU metadata file.
    MetadataMagic => EBADMSG, "vGPU metadata: wrong magic";
    /// The vGPU metadata file is damaged.
    MetadataChecksum => EBADMSG, "vGPU metadata: wrong checksum";
    /// The vGPU metadata file is for another firmware release.
    MetadataRelease => EPROTO, "vGPU metadata: for another firmware release";
    /// The vGPU metadata file is for another vGPU release.
    MetadataVgpuRelease => EPROTO, "vGPU metadata: for another vGPU release";
    /// No blobs in the vGPU metadata file, or more than it has room for.
    MetadataBlobs => EBADMSG, "vGPU metadata: impossible number of blobs";
    /// A blob of unknown kind.
    MetadataBlobType => EBADMSG, "vGPU metadata: unknown blob";
    /// A blob longer than the file or than its parts.
    MetadataBlobSize => EBADMSG, "vGPU metadata: blob of wrong size";
    /// The control in the file is not this release's, or its parameters have another size.
    MetadataControl => EBADMSG, "vGPU metadata: wrong control";
    /// Too many type records, or records that do not divide their space.
    MetadataRecords => EBADMSG, "vGPU metadata: bad type records";
    /// The vGPU metadata file offers nothing for this device id.
    MetadataDevice => ENODEV, "vGPU metadata: no types for this device";
    /// A vGPU type that cannot be; `found` is its number.
    VgpuTypeInvalid => EBADMSG, "impossible vGPU type";
    /// Two vGPU types with one number.
    VgpuTypeTwice => EBADMSG, "vGPU type described twice";
    /// No vGPU type of this number.
    VgpuTypeUnknown => ENOENT, "unknown vGPU type";
    /// vGPUs of another type are alive, and one GPU carries one type at a time.
    VgpuTypesMixed => EBUSY, "vGPUs of another type are in use";
    /// As many vGPUs of the type are alive as one GPU carries.
    VgpuTypeExhausted => ENOSPC, "no more vGPUs of this type";
    /// A VF the firmware was not prepared for.
    VfRange => EINVAL, "no such VF";
    /// The VF has its vGPU already.
    VfBusy => EBUSY, "the VF has a vGPU already";
    /// The VF's last vGPU could not be stopped, so what it had cannot be given to another one until the firmware is restarted.
    VfQuarantined => EIO, "the VF's last vGPU could not be stopped";
    /// No channel ids left for another vGPU.
    NoChannels => ENOSPC, "no channel ids left";
    /// No frame buffer left for another vGPU.
    NoFramebuffer => ENOSPC, "no frame buffer left";
    /// The vGPU is gone.
    VgpuStale => ESTALE, "the vGPU is gone";
    /// The vGPU's plugin did not start; `found` is what stands in place of its mark.
    PluginSilent => ETIMEDOUT, "the vGPU's plugin does not start";
    /// The vGPU's plugin speaks a later version than the core.
    PluginVersion => EPROTO, "the vGPU's plugin speaks an unknown version";
    /// The vGPU's plugin did not answer.
    PluginTimeout => ETIMEDOUT, "the vGPU's plugin does not answer";
    /// The vGPU's plugin refused; `found` is its result.
    PluginRefused => EIO, "the vGPU's plugin refused";
    /// The vGPU's plugin points outside the migration buffer.
    MigrationOffset => EBADMSG, "the vGPU's plugin points outside the migration buffer";
    /// The vGPU is not in the state of migration that this step needs.
    MigrationState => EINVAL, "not possible in this state of migration";
    /// The firmware describes more frame-buffer regions than there can be.
    FbRegionCount => EBADMSG, "too many frame-buffer regions";
    /// A frame-buffer region is reversed, overlaps the one before, or lies outside the frame buffer.
    FbRegion => EBADMSG, "impossible frame-buffer region";
    /// A length inside an event is longer than the event.
    EventLength => EBADMSG, "event with a length beyond its end";
    /// The operations of a sequencer event do not fit its buffer or message; numbers are words.
    SequencerLength => EBADMSG, "sequencer list longer than its buffer";
    /// A sequencer operation reaches beyond its list.
    SequencerTruncated => EBADMSG, "sequencer operation cut off";
    /// A sequencer operation is not a known one.
    SequencerOpcode => EPROTO, "unknown sequencer operation";
    /// A sequencer operation names a save slot that does not exist.
    SequencerSaveSlot => EBADMSG, "sequencer save slot out of range";

    /// A ROM image does not start with a signature.
    RomSignature => EBADMSG, "VBIOS: no signature at the start of an image";
    /// A ROM image has no PCI data structure.
    RomPcir => EBADMSG, "VBIOS: no PCI data structure";
    /// A ROM image is empty or ends behind the ROM.
    RomImageLength => EBADMSG, "VBIOS: image of wrong length";
    /// The header in front of the images is not understood.
    RomIfr => EBADMSG, "VBIOS: unknown header in front of the images";
    /// No PCI-AT image.
    RomNoPciAt => EBADMSG, "VBIOS: no PCI-AT image";
    /// No FWSEC image.
    RomNoFwsec => EBADMSG, "VBIOS: no FWSEC image";
    /// A pointer leads outside the FWSEC images.
    VbiosPointer => EBADMSG, "VBIOS: a pointer leads outside the FWSEC images";
    /// No BIT table.
    BitMissing => EBADMSG, "VBIOS: no BIT table";
    /// The token for falcon data is absent or malformed.
    BitToken => EBADMSG, "VBIOS: no falcon data in the BIT table";
    /// The entry for FWSEC is absent, or the table is malformed.
    PmuTable => EBADMSG, "VBIOS: no FWSEC in the PMU lookup table";
    /// FWSEC's descriptor is too short or lies outside the VBIOS.
    FwsecDescriptor => EBADMSG, "FWSEC: bad descriptor";
    /// FWSEC's descriptor has an unknown version.
    FwsecVersion => EBADMSG, "FWSEC: unknown descriptor version";
    /// FWSEC's code or data lies outside the VBIOS.
    FwsecRange => EBADMSG, "FWSEC: code or data lies outside the VBIOS";
    /// FWSEC's signatures lie outside its descriptor, or their place outside its data.
    FwsecSignatures => EBADMSG, "FWSEC: bad signatures";
    /// FWSEC's application interface table is malformed.
    AppInterface => EBADMSG, "FWSEC: bad application interface table";
    /// FWSEC takes no commands.
    DmemmapperMissing => EBADMSG, "FWSEC: no DMEMMAPPER";
    /// FWSEC's command buffer lies outside its data.
    DmemmapperRange => EBADMSG, "FWSEC: the command buffer lies outside the data";

    /// The hardware reports an impossible size of the framebuffer.
    FbSize => EIO, "impossible size of the framebuffer";
    /// The VGA workspace lies behind the end of the framebuffer.
    FbWorkspace => EIO, "the VGA workspace lies outside the framebuffer";
    /// The framebuffer has no room for the firmware.
    FbTooSmall => ENOSPC, "the framebuffer is too small for the firmware";
}

/// A failure: its kind and, where numbers help, expectation and finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    expected: Option<u64>,
    found: Option<u64>,
}

impl Error {
    /// A failure without numbers.
    pub const fn new(kind: Kind) -> Self {
        Error {
            kind,
            expected: None,
            found: None,
        }
    }

    /// A failure where `found` was met in place of `expected`.
    pub const fn mismatch(kind: Kind, expected: u64, found: u64) -> Self {
        Error {
            kind,
            expected: Some(expected),
            found: Some(found),
        }
    }

    /// A failure because of the value `found`.
    pub const fn found(kind: Kind, found: u64) -> Self {
        Error {
            kind,
            expected: None,
            found: Some(found),
        }
    }

    /// What went wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The firmware answered, and did not do what was asked: nothing was lost on the way.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self.kind,
            Kind::RpcFailed
                | Kind::RmBusy
                | Kind::RmNoMemory
                | Kind::RmNoResources
                | Kind::RmNotSupported
                | Kind::RmRefused
        )
    }

    /// The device is no longer there: the core read it off the bus, or the platform says so.
    pub fn is_device_gone(&self) -> bool {
        match self.kind {
            Kind::DeviceGone => true,
            Kind::Platform => self.found == Some(errno::ENODEV as u64),
            _ => false,
        }
    }

    /// The failure of something that cannot be tried again: that the firmware is busy is a refusal then.
    pub fn of_last_try(self) -> Error {
        match self.kind {
            Kind::RmBusy => Error {
                kind: Kind::RmRefused,
                ..self
            },
            _ => self,
        }
    }

    /// Negative errno for the C ABI. A platform failure keeps the platform's own errno.
    pub fn to_errno(&self) -> i32 {
        match (self.kind, self.found) {
            (Kind::Platform, Some(e)) if e > 0 && e < 4096 => -(e as i32),
            _ => -self.kind.errno(),
        }
    }

    /// Writes the failure in words: `words: expected 0x.., found 0x..`; of the platform's, `words: ENOMEM`.
    pub fn describe<const N: usize>(&self, out: &mut Text<N>) {
        out.str(self.kind.words());
        match (self.expected, self.found) {
            (None, Some(f)) if self.kind == Kind::Platform => describe_errno(f, out.str(": ")),
            (Some(e), Some(f)) => {
                out.str(": expected ").hex(e).str(", found ").hex(f);
            }
            (None, Some(f)) => {
                out.str(": found ").hex(f);
            }
            (Some(e), None) => {
                out.str(": expected ").hex(e);
            }
            (None, None) => {}
        }
    }
}

/// The platform has more errnos than the core has names.
fn describe_errno<const N: usize>(value: u64, out: &mut Text<N>) {
    let known = i32::try_from(value).ok().and_then(errno::name);
    match known {
        Some(name) => out.str(name),
        None => out.str("errno ").dec(value),
    };
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error::new(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_errors_keep_their_errno() {
        assert_eq!(Error::found(Kind::Platform, 12).to_errno(), -errno::ENOMEM);
        assert_eq!(Error::new(Kind::Platform).to_errno(), -errno::EIO);
    }

    #[test]
    fn a_device_is_gone_by_the_bus_or_by_the_platform() {
        assert!(Error::new(Kind::DeviceGone).is_device_gone());
        assert!(Error::found(Kind::Platform, 19).is_device_gone());
        for other in [
            Error::found(Kind::Platform, 5),
            Error::new(Kind::Platform),
            // -ENODEV as well, but it is there.
            Error::found(Kind::UnknownChip, 19),
        ] {
            assert!(!other.is_device_gone(), "{other:?}");
        }
    }

    #[test]
    fn words_carry_both_numbers() {
        let mut t = Text::<96>::new();
        Error::mismatch(Kind::UnknownChip, 0x192, 0x1).describe(&mut t);
        assert_eq!(t.as_str(), "unknown chip: expected 0x192, found 0x1");
    }

    #[test]
    fn words_of_a_platform_error_name_its_errno() {
        for (found, words) in [
            (19, "the platform reported an error: ENODEV"),
            (4, "the platform reported an error: errno 4"),
            (1 << 40, "the platform reported an error: errno 1099511627776"),
        ] {
            let mut t = Text::<96>::new();
            Error::found(Kind::Platform, found).describe(&mut t);
            assert_eq!(t.as_str(), words);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Whether the Rust object is protected as the kernel's C code is: read from the machine code, against the kernel's configuration.
//!
//! objtool looks for some of this on some kernels; this looks for all of it on all of them, and leaves figures.

use crate::build::kbuild::Modules;
use crate::error::{Error, PathContext, Result};
use crate::kernel::Headers;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use object::elf;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The Rust half as kbuild links it into `novabridge.ko`.
const OBJECT: &str = "nvb_rs.o";

/// Bytes that a kernel with call padding has before each function (`CONFIG_FUNCTION_PADDING_BYTES` of its x86 configurations).
const PADDING: u64 = 16;
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
const INT3: u8 = 0xcc;
/// Names shown of the functions that break a rule.
const SHOWN_MAX: usize = 5;

/// What a kernel's configuration asks of the code of its modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wanted {
    /// No indirect call or jump but through a thunk.
    pub retpoline: bool,
    /// No return but through the thunk.
    pub return_thunk: bool,
    /// A trap behind each return and indirect jump, against straight-line speculation.
    pub sls: bool,
    /// A landing pad wherever an indirect branch may land.
    pub ibt: bool,
    /// Room before each function for the kernel to patch call accounting into.
    pub call_padding: bool,
}

impl Wanted {
    /// What the kernel of `headers` wants; options have old and new names.
    pub fn by(headers: &Headers) -> Self {
        let any = |options: &[&str]| options.iter().any(|option| headers.has(option));
        Wanted {
            retpoline: any(&["CONFIG_RETPOLINE", "CONFIG_MITIGATION_RETPOLINE"]),
            return_thunk: headers.return_thunks().is_some(),
            sls: any(&["CONFIG_SLS", "CONFIG_MITIGATION_SLS"]),
            ibt: any(&["CONFIG_X86_KERNEL_IBT"]),
            call_padding: any(&["CONFIG_CALL_PADDING"]),
        }
    }
}

/// What the code is like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Functions looked at.
    pub functions: usize,
    /// Functions with a plain return.
    pub returns: BTreeSet<String>,
    /// Functions with an indirect call or jump.
    pub indirect: BTreeSet<String>,
    /// Functions with a return or an indirect jump that no trap follows.
    pub unfenced: BTreeSet<String>,
    /// Places in the code whose address is taken.
    pub targets: usize,
    /// Functions whose address is taken and that begin with no landing pad.
    pub no_landing_pad: BTreeSet<String>,
    /// Functions without room before them.
    pub unpadded: BTreeSet<String>,
}

impl Measured {
    /// Reads the object at `path`.
    ///
    /// # Errors
    /// It is no ELF object.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).on("read", path)?;
        let file = ElfFile64::<Endianness>::parse(bytes.as_slice()).map_err(|error| {
            Error::cell(format!("{} cannot be read as an object", path.display())).found(error.to_string())
        })?;
        let code = Code::of(&file)?;
        let mut measured = Measured::default();
        for function in &code.functions {
            measured.function(&code, function);
        }
        measured.landing_pads(&file, &code);
        Ok(measured)
    }

    /// # Errors
    /// The code lacks what is `wanted`. Padding is left out when `can_pad` is false: the rustc could not make it, which was said
    /// where it was asked.
    pub fn demand(&self, wanted: Wanted, can_pad: bool) -> Result<()> {
        let rules = [
            (wanted.retpoline, "indirect branches", &self.indirect),
            (wanted.return_thunk, "returns that bypass the thunk", &self.returns),
            (
                wanted.sls,
                "returns or indirect jumps that no trap follows",
                &self.unfenced,
            ),
            (wanted.ibt, "branch targets without a landing pad", &self.no_landing_pad),
            (
                wanted.call_padding && can_pad,
                "functions without padding before them",
                &self.unpadded,
            ),
        ];
        let broken: Vec<String> = rules
            .into_iter()
            .filter(|(wanted, _, functions)| *wanted && !functions.is_empty())
            .map(|(_, what, functions)| {
                let shown: Vec<&str> = functions.iter().take(SHOWN_MAX).map(String::as_str).collect();
                format!("{what}: {} ({})", functions.len(), shown.join(", "))
            })
            .collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(
            Error::cell("the Rust object is not protected as this kernel protects its own code")
                .expected("what the kernel's configuration asks of modules")
                .found(broken.join("; ")),
        )
    }

    fn function(&mut self, code: &Code<'_>, function: &Function<'_>) {
        self.functions += 1;
        let mut decoder = Decoder::with_ip(64, function.body, function.address, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            let (returns, jumps) = match instruction.flow_control() {
                FlowControl::Return => (true, false),
                FlowControl::IndirectBranch => (false, true),
                FlowControl::IndirectCall => {
                    self.indirect.insert(function.name.clone());
                    continue;
                }
                _ => continue,
            };
            let set = if returns { &mut self.returns } else { &mut self.indirect };
            set.insert(function.name.clone());
            if (returns || jumps) && code.byte(function.section, instruction.next_ip()) != Some(INT3) {
                self.unfenced.insert(function.name.clone());
            }
        }
        if !is_padded(code, function) {
            self.unpadded.insert(function.name.clone());
        }
    }

    fn landing_pads(&mut self, file: &ElfFile64<'_, Endianness>, code: &Code<'_>) {
        let targets = code.targets(file);
        self.targets = targets.len();
        for (section, address) in targets {
            let first = (0..4).map(|offset| code.byte(section, address + offset));
            if !first.eq(ENDBR64.into_iter().map(Some)) {
                self.no_landing_pad.insert(code.name(section, address));
            }
        }
    }
}

/// A section's number in the object.
type Section = usize;

/// What a kernel wants, and what the object that was linked into its module has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Protection {
    /// What the configuration asks for.
    pub wanted: Wanted,
    /// What the machine code shows.
    pub measured: Measured,
}

impl Protection {
    /// Reads the object that went into `modules`, which were built for `headers`.
    ///
    /// # Errors
    /// Those of [`Measured::read`].
    pub fn of(modules: &Modules, headers: &Headers) -> Result<Self> {
        Ok(Protection {
            wanted: Wanted::by(headers),
            measured: Measured::read(&modules.path(OBJECT))?,
        })
    }

    /// In words, for the table of steps.
    pub fn shown(&self) -> String {
        let Wanted {
            retpoline,
            return_thunk,
            sls,
            ibt,
            call_padding,
        } = self.wanted;
        let all = [
            (retpoline, "retpolines"),
            (return_thunk, "return thunks"),
            (sls, "traps behind returns"),
            (ibt, "landing pads"),
            (call_padding, "call padding"),
        ];
        let wanted: Vec<&str> = all
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, name)| name)
            .collect();
        let lacking = if call_padding && !self.measured.unpadded.is_empty() {
            format!("; {} functions without padding", self.measured.unpadded.len())
        } else {
            String::new()
        };
        format!(
            "{} in {} functions{lacking}",
            wanted.join(", "),
            self.measured.functions
        )
    }
}

/// The object's executable sections and the functions in them.
struct Code<'d> {
    sections: Vec<(Section, u64, &'d [u8])>,
    functions: Vec<Function<'d>>,
}

struct Function<'d> {
    name: String,
    section: Section,
    address: u64,
    body: &'d [u8],
}

impl<'d> Code<'d> {
    fn of(file: &ElfFile64<'d, Endianness>) -> Result<Self> {
        let unreadable =
            |error: object::Error| Error::cell("the object's code cannot be read").found(error.to_string());
        let mut sections = Vec::new();
        for section in file.sections() {
            let object::SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            if sh_flags & u64::from(elf::SHF_EXECINSTR) != 0 {
                sections.push((
                    section.index().0,
                    section.address(),
                    section.data().map_err(unreadable)?,
                ));
            }
        }
        let mut code = Code {
            sections,
            functions: Vec::new(),
        };
        for symbol in file.symbols() {
            let (SymbolKind::Text, Some(section)) = (symbol.kind(), symbol.section_index()) else {
                continue;
            };
            let section = section.0;
            let body = usize::try_from(symbol.size())
                .ok()
                .filter(|size| *size > 0)
                .and_then(|size| code.from(section, symbol.address())?.get(..size));
            // objtool names the room before a function after it.
            let name = symbol.name().unwrap_or_default().to_owned();
            if let Some(body) = body.filter(|_| !name.starts_with("__pfx_")) {
                code.functions.push(Function {
                    name,
                    section,
                    address: symbol.address(),
                    body,
                });
            }
        }
        Ok(code)
    }

    /// The code from `address` to its section's end.
    fn from(&self, section: Section, address: u64) -> Option<&'d [u8]> {
        let (_, start, bytes) = self.sections.iter().find(|(index, ..)| *index == section)?;
        bytes.get(usize::try_from(address.checked_sub(*start)?).ok()?..)
    }

    fn byte(&self, section: Section, address: u64) -> Option<u8> {
        self.from(section, address)?.first().copied()
    }

    fn name(&self, section: Section, address: u64) -> String {
        let at = |function: &&Function<'_>| function.section == section && function.address == address;
        let known = self.functions.iter().find(at).map(|function| function.name.clone());
        known.unwrap_or_else(|| format!("{address:#x}"))
    }

    /// Where indirect branches may go: what pointers in constants and variables, and addresses computed by code, point to.
    fn targets(&self, file: &ElfFile64<'_, Endianness>) -> BTreeSet<(Section, u64)> {
        let mut found = BTreeSet::new();
        for section in file.sections() {
            // Other sections are tables for the kernel, which point to code without being branched through.
            let name = section.name().unwrap_or_default();
            if ![".text", ".rodata", ".data"]
                .iter()
                .any(|start| name.starts_with(start))
            {
                continue;
            }
            for (_, relocation) in section.relocations() {
                let (RelocationFlags::Elf { r_type }, RelocationTarget::Symbol(index)) =
                    (relocation.flags(), relocation.target())
                else {
                    continue;
                };
                let behind = match r_type {
                    elf::R_X86_64_64 | elf::R_X86_64_32S | elf::R_X86_64_32 => 0,
                    // Relative to the end of its own four bytes.
                    elf::R_X86_64_PC32 => 4,
                    _ => continue,
                };
                let Ok(symbol) = file.symbol_by_index(index) else {
                    continue;
                };
                let address = symbol.address().checked_add_signed(relocation.addend() + behind);
                found.extend(symbol.section_index().map(|section| section.0).zip(address));
            }
        }
        for function in &self.functions {
            found.extend(
                computed_addresses(function)
                    .into_iter()
                    .map(|address| (function.section, address)),
            );
        }
        found.retain(|(section, address)| self.byte(*section, *address).is_some());
        found
    }
}

/// Addresses within its own section that a function computes; the assembler leaves no relocation for these.
fn computed_addresses(function: &Function<'_>) -> Vec<u64> {
    let is_computed = |instruction: &Instruction| {
        instruction.mnemonic() == Mnemonic::Lea
            && instruction.op1_kind() == OpKind::Memory
            && instruction.is_ip_rel_memory_operand()
            // With a relocation the displacement is still empty, and the address that of the next instruction.
            && instruction.memory_displacement64() != instruction.next_ip()
    };
    Decoder::with_ip(64, function.body, function.address, DecoderOptions::NONE)
        .iter()
        .filter(is_computed)
        .map(|instruction| instruction.memory_displacement64())
        .collect()
}

/// Whether there is nothing but no-operations in the room before the function.
fn is_padded(code: &Code<'_>, function: &Function<'_>) -> bool {
    let room = function.address.checked_sub(PADDING);
    let Some(room) = room.and_then(|start| code.from(function.section, start)?.get(..PADDING as usize)) else {
        return false;
    };
    Decoder::new(64, room, DecoderOptions::NONE)
        .iter()
        .all(|instruction| instruction.mnemonic() == Mnemonic::Nop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hygiene::tests::assembled;

    fn measured(name: &str, text: &str) -> Measured {
        assembled(name, text, Measured::read)
    }

    /// A function with all protections, in which each `{…}` can be spoilt.
    fn function(padding: &str, entry: &str, branch: &str, end: &str) -> String {
        format!(
            ".text\n{padding}\n.type f,@function\nf: {entry}\n call __x86_indirect_thunk_rax@PLT\n {branch}\n {end}\n.size f,.-f\n\
             .section .rodata\n.quad f\n"
        )
    }

    const PAD: &str = ".rept 16\nnop\n.endr";
    const THUNK: &str = "jmp __x86_return_thunk";
    const ALL: Wanted = Wanted {
        retpoline: true,
        return_thunk: true,
        sls: true,
        ibt: true,
        call_padding: true,
    };

    #[test]
    fn protected_code_passes() {
        let found = measured("protected", &function(PAD, "endbr64", "nop", THUNK));
        assert_eq!((found.functions, found.targets), (1, 1));
        found.demand(ALL, true).unwrap();
    }

    #[test]
    fn each_missing_protection_is_named() {
        for (index, (text, words)) in [
            (function(PAD, "nop", "nop", THUNK), "without a landing pad: 1 (f)"),
            (
                function(PAD, "endbr64", "call *%rax", THUNK),
                "indirect branches: 1 (f)",
            ),
            (
                function(PAD, "endbr64", "nop", "ret\nint3"),
                "returns that bypass the thunk: 1 (f)",
            ),
            (
                function(PAD, "endbr64", "nop", "jmp *%rax"),
                "that no trap follows: 1 (f)",
            ),
            (
                function("nop", "endbr64", "nop", THUNK),
                "without padding before them: 1 (f)",
            ),
            (
                function(PAD, "endbr64", "lea g(%rip), %rax", THUNK)
                    + ".text\n.type g,@function\ng: nop\n.size g,.-g\n.rept 15\nnop\n.endr",
                "without a landing pad: 1 (g)",
            ),
        ]
        .iter()
        .enumerate()
        {
            let found = measured(&format!("unprotected-{index}"), text);
            let error = found.demand(ALL, true).unwrap_err();
            assert!(error.found.as_deref().unwrap().contains(words), "{words}: {error}");
            found.demand(Wanted::default(), true).unwrap();
        }
    }

    #[test]
    fn a_trap_is_enough_where_there_is_no_thunk() {
        let found = measured("trapped", &function(PAD, "endbr64", "nop", "ret\nint3"));
        let wanted = Wanted {
            return_thunk: false,
            ..ALL
        };
        found.demand(wanted, true).unwrap();
    }

    #[test]
    fn padding_is_not_asked_of_a_rustc_that_cannot_make_it() {
        let found = measured("unpadded", &function("nop", "endbr64", "nop", THUNK));
        assert!(found.demand(ALL, true).is_err());
        found.demand(ALL, false).unwrap();
    }
}

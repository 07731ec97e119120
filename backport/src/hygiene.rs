// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What is checked on the Rust object before it goes into a module.
//!
//! None of this is promised by the sources alone: it is read from the object rustc made.

use crate::error::{Error, PathContext, Result};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SymbolKind};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A frame this large leaves too little of the kernel's 16 KiB stack for what is below and above it.
pub const FRAME_LIMIT: u64 = 2048;
/// Section in which rustc records the frame of each function.
pub const STACK_SIZES: &str = ".stack_sizes";

/// What the kernel gives to any module, from 5.10 on.
const KERNEL_GIVES: [&str; 6] = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"];
/// What the C half of `novabridge.ko` gives to the Rust half, and what mitigations refer to.
const ALLOWED_PREFIXES: [&str; 3] = ["nvb_kernel_", "__x86_return_thunk", "__x86_indirect_thunk_"];
/// Relocations every module loader from 5.10 on knows and this code may need.
const ALLOWED_RELOCATIONS: [u32; 5] = [
    elf::R_X86_64_64,
    elf::R_X86_64_PC32,
    elf::R_X86_64_PLT32,
    elf::R_X86_64_32,
    elf::R_X86_64_32S,
];

/// What an object is like; recorded with each cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Findings {
    /// Bytes of code.
    pub text: u64,
    /// Bytes of constants.
    pub rodata: u64,
    /// Bytes of variables, initialised or not.
    pub data: u64,
    /// Functions and objects other code can link to.
    pub exports: Vec<String>,
    /// What must be linked to it.
    pub imports: Vec<String>,
    /// Number of functions with a recorded frame.
    pub functions: usize,
    /// The largest frame, in bytes.
    pub largest_frame: u64,
    /// Calls through retpolines.
    pub indirect_thunks: usize,
    /// Returns through the return thunk.
    pub return_thunks: usize,
    /// Each rule that is broken, in words.
    pub violations: Vec<String>,
}

impl Findings {
    /// # Errors
    /// A rule is broken.
    pub fn demand_clean(&self) -> Result<()> {
        if self.violations.is_empty() {
            return Ok(());
        }
        let shown = self.violations.iter().take(20).cloned().collect();
        Err(Error::cell("the Rust object is not fit for a kernel module")
            .expected("only nvb_* defined, nothing but the kernel's functions needed, no panic, no GOT, small frames")
            .found(format!("{} broken rules", self.violations.len()))
            .tail(shown))
    }
}

/// Reads a finished module: the same facts, of the C code and the Rust code together. None of the rules is applied: a module may need
/// whatever its kernel exports, and its build has checked that.
///
/// # Errors
/// It is no ELF object.
pub fn describe(path: &Path) -> Result<Findings> {
    let bytes = fs::read(path).on("read", path)?;
    let file = ElfFile64::<Endianness>::parse(bytes.as_slice()).map_err(|error| {
        Error::cell(format!("{} cannot be read as a module", path.display())).found(error.to_string())
    })?;
    let mut findings = Findings::default();
    sections(&file, &mut findings);
    symbols(&file, &mut findings);
    relocations(&file, &mut findings);
    findings.violations.clear();
    Ok(findings)
}

/// Reads the object at `path`.
///
/// # Errors
/// It is no ELF object for x86-64. Broken rules are no error here but [`Findings::violations`].
pub fn inspect(path: &Path) -> Result<Findings> {
    let bytes = fs::read(path).on("read", path)?;
    let file = ElfFile64::<Endianness>::parse(bytes.as_slice()).map_err(|error| {
        Error::cell(format!("{} cannot be read as an object", path.display())).found(error.to_string())
    })?;
    let little = file
        .elf_header()
        .endian()
        .is_ok_and(|endian| endian == Endianness::Little);
    if !little || file.architecture() != object::Architecture::X86_64 {
        return Err(
            Error::cell(format!("{} is not for x86-64", path.display())).found(format!("{:?}", file.architecture()))
        );
    }
    let mut findings = Findings::default();
    sections(&file, &mut findings);
    symbols(&file, &mut findings);
    relocations(&file, &mut findings);
    frames(&file, &mut findings)?;
    Ok(findings)
}

fn sections(file: &ElfFile64<'_, Endianness>, findings: &mut Findings) {
    for section in file.sections() {
        let object::SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
            continue;
        }
        let sum = if sh_flags & u64::from(elf::SHF_EXECINSTR) != 0 {
            &mut findings.text
        } else if sh_flags & u64::from(elf::SHF_WRITE) != 0 {
            &mut findings.data
        } else {
            &mut findings.rodata
        };
        *sum += section.size();
    }
}

fn symbols(file: &ElfFile64<'_, Endianness>, findings: &mut Findings) {
    let mut imports = BTreeSet::new();
    let mut exports = BTreeSet::new();
    for symbol in file.symbols() {
        let Ok(name) = symbol.name() else { continue };
        if name.is_empty() || symbol.kind() == SymbolKind::File {
            continue;
        }
        if is_panic(name) {
            findings.violations.push(format!("refers to the panic function {name}"));
        }
        if symbol.is_undefined() {
            imports.insert(name.to_owned());
            let given = KERNEL_GIVES.contains(&name) || ALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if !given {
                findings.violations.push(format!("needs {name}{}", helper_hint(name)));
            }
        } else if symbol.is_global() {
            exports.insert(name.to_owned());
            if !name.starts_with("nvb_") {
                findings
                    .violations
                    .push(format!("defines the global symbol {name}, which is not nvb_*"));
            }
        }
    }
    findings.imports = imports.into_iter().collect();
    findings.exports = exports.into_iter().collect();
}

/// Functions of core (or the handler) that only a panic reaches, in either mangling.
fn is_panic(name: &str) -> bool {
    name.contains("9panicking")
        || name.contains("rust_begin_unwind")
        || name.contains("unwrap_failed")
        || name.contains("expect_failed")
}

/// Says what a well-known helper of the compiler stands for.
fn helper_hint(name: &str) -> &'static str {
    match name {
        "__udivti3" | "__umodti3" | "__divti3" | "__modti3" | "__udivmodti4" => " (a 128-bit division)",
        "__rust_probestack" => " (a stack frame over one page)",
        "__muldf3" | "__adddf3" | "__divdf3" | "__gedf2" | "__ledf2" | "__floatundidf" | "__fixunsdfdi" => {
            " (floating point)"
        }
        _ => "",
    }
}

fn relocations(file: &ElfFile64<'_, Endianness>, findings: &mut Findings) {
    let mut odd = BTreeSet::new();
    for section in file.sections() {
        let object::SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 {
            continue;
        }
        for (_, relocation) in section.relocations() {
            if let RelocationFlags::Elf { r_type } = relocation.flags() {
                if !ALLOWED_RELOCATIONS.contains(&r_type) {
                    odd.insert((r_type, section.name().unwrap_or_default().to_owned()));
                }
            }
            let RelocationTarget::Symbol(index) = relocation.target() else {
                continue;
            };
            match file.symbol_by_index(index).and_then(|symbol| symbol.name()) {
                Ok("__x86_return_thunk") => findings.return_thunks += 1,
                Ok(name) if name.starts_with("__x86_indirect_thunk_") => findings.indirect_thunks += 1,
                _ => {}
            }
        }
    }
    for (r_type, section) in odd {
        findings.violations.push(format!(
            "has a relocation of type {r_type} in {section}, which the module loader does not know"
        ));
    }
}

/// Reads `.stack_sizes`: for each function its address (8 bytes, relocated) and its frame as a ULEB128.
fn frames(file: &ElfFile64<'_, Endianness>, findings: &mut Findings) -> Result<()> {
    let sections: Vec<_> = file
        .sections()
        .filter(|section| section.name() == Ok(STACK_SIZES))
        .collect();
    if sections.is_empty() {
        findings
            .violations
            .push("records no stack frames, so their size cannot be checked".to_owned());
    }
    for section in sections {
        let data = section
            .data()
            .map_err(|error| Error::cell("stack sizes cannot be read").found(error.to_string()))?;
        let mut at = 0usize;
        while let Some(rest) = data.get(at + 8..).filter(|rest| !rest.is_empty()) {
            let Some((size, length)) = uleb128(rest) else {
                findings
                    .violations
                    .push("has stack sizes that end within a number".to_owned());
                break;
            };
            findings.functions += 1;
            findings.largest_frame = findings.largest_frame.max(size);
            if size >= FRAME_LIMIT {
                let name = frame_owner(file, &section, at as u64)
                    .unwrap_or_else(|| format!("function {}", findings.functions));
                findings.violations.push(format!(
                    "has a stack frame of {size} bytes in {name} (limit {FRAME_LIMIT})"
                ));
            }
            at += 8 + length;
        }
    }
    Ok(())
}

/// The function that the entry at `offset` of `.stack_sizes` is about.
fn frame_owner<'d>(file: &ElfFile64<'d, Endianness>, section: &impl ObjectSection<'d>, offset: u64) -> Option<String> {
    let (_, relocation) = section.relocations().find(|(at, _)| *at == offset)?;
    let RelocationTarget::Symbol(index) = relocation.target() else {
        return None;
    };
    let base = file.symbol_by_index(index).ok()?;
    let address = base.address().checked_add_signed(relocation.addend())?;
    let home = base.section_index()?;
    let owner = file.symbols().find(|symbol| {
        symbol.kind() == SymbolKind::Text && symbol.section_index() == Some(home) && symbol.address() == address
    })?;
    owner.name().ok().map(str::to_owned)
}

/// The number at the start of `bytes` and how many bytes it takes.
fn uleb128(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use crate::proc::Cmd;

    /// Assembles `text` and has `read` look at the object.
    pub fn assembled<T>(name: &str, text: &str, read: impl FnOnce(&Path) -> Result<T>) -> T {
        let dir = Scratch::new(name);
        let (source, object) = (dir.0.join("a.s"), dir.0.join("a.o"));
        fs::write(&source, text).unwrap();
        Cmd::new("as")
            .arg(&source)
            .arg("-o")
            .arg(&object)
            .must("as failed")
            .unwrap();
        read(&object).unwrap()
    }

    fn findings(name: &str, text: &str) -> Findings {
        assembled(name, text, inspect)
    }

    const CLEAN: &str = "\
        .text\n.globl nvb_ok\n.type nvb_ok,@function\nnvb_ok: call memcpy@PLT\n jmp __x86_return_thunk\n\
        .section .stack_sizes,\"o\",@progbits,.text\n.quad nvb_ok\n.byte 0x88, 0x02\n";

    #[test]
    fn a_clean_object_is_clean() {
        let found = findings("clean", CLEAN);
        assert_eq!(found.violations, [""; 0]);
        assert_eq!(found.exports, ["nvb_ok"]);
        assert_eq!(found.imports, ["__x86_return_thunk", "memcpy"]);
        assert_eq!((found.functions, found.largest_frame, found.return_thunks), (1, 264, 1));
        found.demand_clean().unwrap();
    }

    #[test]
    fn each_broken_rule_is_named() {
        let broken = [
            (".globl other\nother: nop\n", "defines the global symbol other"),
            ("call __udivti3@PLT\n", "needs __udivti3 (a 128-bit division)"),
            ("call __muldf3@PLT\n", "needs __muldf3 (floating point)"),
            (
                "call _RNvNtCs1_4core9panicking9panic_fmt\n",
                "refers to the panic function",
            ),
            ("call *memcpy@GOTPCREL(%rip)\n", "has a relocation of type"),
            (
                ".section .stack_sizes,\"o\",@progbits,.text\n.quad nvb_ok\n.byte 0x80, 0x10\n",
                "has a stack frame of 2048 bytes in nvb_ok",
            ),
        ];
        for (index, (text, words)) in broken.iter().enumerate() {
            let found = findings(&format!("broken-{index}"), &format!("{CLEAN}.text\n{text}"));
            assert!(
                found.violations.iter().any(|violation| violation.contains(words)),
                "{words}: {:?}",
                found.violations
            );
            assert!(found.demand_clean().is_err());
        }
    }

    #[test]
    fn an_object_without_stack_sizes_is_not_taken_on_trust() {
        let found = findings("no-frames", ".globl nvb_a\nnvb_a: nop\n");
        assert_eq!(found.violations.len(), 1);
    }

    #[test]
    fn numbers_are_read_in_seven_bit_groups() {
        assert_eq!(uleb128(&[0x08]), Some((8, 1)));
        assert_eq!(uleb128(&[0x88, 0x02, 0xff]), Some((264, 2)));
        assert_eq!(uleb128(&[0x80]), None);
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The generated header, as a C compiler understands it.
//!
//! The preprocessor tells which macros and functions are the header's own. A small C file that mentions all of them is then
//! compiled with debug information, and the object says the types, their layout, and the values and types of the constants.

use super::{cdecl, docs, dwarf, elf::Elf};
use crate::model::*;
use crate::ty::{Signature, TypeRef};
use crate::{Error, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const FUNCTION: &str = "nvbgate_fn_";
const CONSTANT: &str = "nvbgate_const_";
const ALIGN: &str = "nvbgate_align_";

/// Reads the header at `path` with the compiler `cc`.
pub fn read(path: &Path, cc: &str) -> Result<Abi> {
    let path = path.canonicalize().map_err(Error::io(path))?;
    let preprocessed = run(Command::new(cc).args(["-E", "-dD"]).arg(&path))?;
    let own = cdecl::read(&preprocessed, &path.to_string_lossy());

    let dir = tempfile::tempdir().map_err(Error::io(&path))?;
    let object = compile(&path, &own, cc, dir.path())?;
    let bytes = std::fs::read(&object).map_err(Error::io(&object))?;
    let elf = Elf::parse(&bytes, &object)?;

    let (mut abi, marked) = dwarf::read_header(&elf, "nvbgate_")?;
    for (name, params) in &own.functions {
        let marker = format!("fn_{name}");
        if let Some((_, TypeRef::Function(signature))) = marked.iter().find(|(n, _)| *n == marker) {
            abi.functions.insert(name.clone(), name_params(signature, params));
        }
    }
    for (name, m) in own.macros {
        let ty = marked.iter().find(|(n, _)| *n == format!("const_{name}"));
        match ty {
            Some((_, ty)) => constant(&mut abi, &elf, name, ty.clone()),
            // An empty macro is an include guard.
            None if name.starts_with(MACRO_PREFIX) && !m.body.is_empty() => drop(abi.macros.insert(name, m)),
            None => {}
        }
    }
    for complete in &own.complete_types {
        align(&mut abi, &elf, complete);
    }
    let text = crate::error::read_text(&path)?;
    abi.contract = docs::from_header(&text, &abi).map_err(|message| Error::Data {
        path: path.clone(),
        message,
    })?;
    Ok(abi)
}

fn compile(header: &Path, own: &cdecl::Declarations, cc: &str, dir: &Path) -> Result<PathBuf> {
    let mut source = format!("#include \"{}\"\n", header.display());
    for (name, _) in &own.functions {
        let _ = writeln!(source, "__typeof__({name}) *{FUNCTION}{name};");
    }
    for (name, m) in &own.macros {
        if name.starts_with(MACRO_PREFIX) && m.params.is_none() && cdecl::is_constant(&m.body) {
            // An array for texts; __typeof__ leaves integers as they are.
            let _ = writeln!(source, "const __typeof__({name}) {CONSTANT}{name} = {name};");
        }
    }
    for complete in own.complete_types.iter().filter(|t| !t.starts_with("enum")) {
        let tag = complete.split(' ').next_back().unwrap_or_default();
        let _ = writeln!(source, "const unsigned long {ALIGN}{tag} = _Alignof({complete});");
    }
    let file = dir.join("gate.c");
    crate::error::write_text(&file, &source)?;
    let object = dir.join("gate.o");
    // Standard 11: what _Alignof needs. Unused types must stay, and be said in full.
    let flags = [
        "-std=gnu11",
        "-g",
        "-O0",
        "-fno-eliminate-unused-debug-types",
        "-c",
        "-o",
    ];
    let mut command = Command::new(cc);
    command.args(flags).arg(&object).arg(&file);
    if !cc.contains("clang") {
        command.arg("-gno-strict-dwarf");
    }
    run(&mut command)?;
    Ok(object)
}

fn run(command: &mut Command) -> Result<String> {
    let words = format!("{command:?}");
    let output = command.output().map_err(|e| Error::Compiler {
        command: words.clone(),
        stderr: e.to_string(),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Compiler {
        command: words,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn name_params(signature: &Signature, names: &[String]) -> Signature {
    let mut named = signature.clone();
    for (param, name) in named.params.iter_mut().zip(names) {
        param.name = name.clone();
    }
    named
}

fn constant(abi: &mut Abi, elf: &Elf<'_>, name: String, ty: TypeRef) {
    let bytes = elf.data_of(&format!("{CONSTANT}{name}")).unwrap_or_default();
    let value = match &ty {
        TypeRef::Array { .. } => {
            let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
            Value::Str(String::from_utf8_lossy(text).into_owned())
        }
        TypeRef::Int { signed: true, .. } => Value::Int(signed(&bytes)),
        _ => Value::Int(unsigned(&bytes)),
    };
    abi.constants.insert(name, Constant { ty, value });
}

fn unsigned(bytes: &[u8]) -> i128 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | i128::from(*byte))
}

fn signed(bytes: &[u8]) -> i128 {
    let n = unsigned(bytes);
    let bits = bytes.len() as u32 * 8;
    if bytes.last().is_some_and(|top| top & 0x80 != 0) {
        return n - (1i128 << bits);
    }
    n
}

fn align(abi: &mut Abi, elf: &Elf<'_>, complete: &str) {
    let tag = complete.split(' ').next_back().unwrap_or_default();
    let bytes = elf.data_of(&format!("{ALIGN}{tag}"));
    if let (Some(bytes), Some(TypeDecl::Struct(r) | TypeDecl::Union(r))) = (bytes, abi.types.get_mut(tag)) {
        r.align = unsigned(&bytes) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Abi {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("t.h");
        std::fs::write(&path, format!("#include <stdint.h>\n#include <stddef.h>\n{text}")).expect("write");
        read(&path, "cc").expect("header")
    }

    #[test]
    fn compiler_says_layout_and_values() {
        let abi = read_text(
            "#define NVB_A 0xffffffffu\n#define NVB_B (-2)\n#define NVB_C \"hi\"\n#define NVB_D (1ull << 40)\n\
             struct nvb_s { uint32_t size; void *p; const char *name; uint8_t tail[3]; };\n\
             struct __attribute__((packed)) nvb_p { uint8_t a; uint64_t b; };\n\
             union nvb_u { uint64_t a; size_t b; };\n\
             enum nvb_e { NVB_E_X = 3, NVB_E_Y };\n",
        );
        assert_eq!(
            crate::text::write(&abi).split_once("\n\n").expect("body").1,
            "const NVB_A: u32 = 4294967295\n\
             const NVB_B: i32 = -2\n\
             const NVB_C: [char; 3] = \"hi\"\n\
             const NVB_D: u64 = 1099511627776\n\n\
             enum nvb_e: u32\n  NVB_E_X = 3\n  NVB_E_Y = 4\n\n\
             struct nvb_p size 9 align 1\n     0 +1    a: u8\n     1 +8    b: u64\n\n\
             struct nvb_s size 32 align 8\n     0 +4    size: u32\n     4 +4    (hole)\n     8 +8    p: *mut void\n    \
             16 +8    name: *const char\n    24 +3    tail: [u8; 3]\n    27 +5    (hole)\n\n\
             union nvb_u size 8 align 8\n     0 +8    a: u64\n     0 +8    b: usize\n"
        );
    }

    #[test]
    fn functions_keep_parameter_names() {
        let abi = read_text(
            "struct nvb_gpu;\ntypedef void (*nvb_fn)(void *ctx, const char *text);\n\
             int32_t nvb_go(struct nvb_gpu **gpu, nvb_fn done, uint32_t (*plain)(void *));\n",
        );
        let text = crate::text::write(&abi);
        assert!(
            text.contains("fn nvb_go(gpu: *mut *mut nvb_gpu, done: nvb_fn, plain: fn(*mut void) -> u32) -> i32"),
            "{text}"
        );
        assert!(text.contains("opaque nvb_gpu"), "{text}");
    }

    #[test]
    fn refused_header_is_shown() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("bad.h");
        std::fs::write(&path, "struct nvb_s { unknown_t x; };\n").expect("write");
        let said = read(&path, "cc").unwrap_err().to_string();
        assert!(said.contains("unknown_t") && said.contains("fix the header"), "{said}");
    }
}

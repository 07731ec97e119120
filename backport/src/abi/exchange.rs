// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A program in three parts that shows whether Rust and C lay out the structs of the ABI alike: each side tells its layout, writes
//! byte n into field n, and reads what the other wrote. The parts are compiled by the compilers in question, and linked.

use novabridge_abi::model::{Abi, Record, TypeDecl};
use std::fmt::Write as _;
use std::path::Path;

/// The sources of the parts.
pub struct Sources {
    /// Rust's side, over the ABI's own types.
    pub rust: String,
    /// C's side, over the header.
    pub c: String,
    /// What has both tell and exchange.
    pub main: String,
    /// How many structs are exchanged.
    pub structs: usize,
}

/// Fields' names are words of Rust in places.
const RUST_WORDS: [&str; 2] = ["type", "priv"];

impl Sources {
    /// The parts for the structs of `abi`; `types` is the directory of the Rust types and `modules` its modules.
    pub fn new(abi: &Abi, types: &Path, modules: &[String]) -> Self {
        let structs: Vec<(&str, &Record)> = abi
            .types
            .iter()
            .filter_map(|(name, decl)| match decl {
                TypeDecl::Struct(record) => Some((name.as_str(), record)),
                _ => None,
            })
            .collect();
        let mut sources = Sources {
            rust: format!(
                "#![no_std]\n#![allow(warnings)]\n#[path = {:?}]\npub mod types;\n{}{RUST_HEAD}",
                types.join("mod.rs"),
                modules
                    .iter()
                    .map(|name| format!("use types::{name}::*;\n"))
                    .collect::<String>()
            ),
            c: C_HEAD.to_owned(),
            main: MAIN_HEAD.to_owned(),
            structs: structs.len(),
        };
        let mut calls = String::new();
        for (name, record) in structs {
            let fields: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
            sources.add_rust(name, &fields);
            sources.add_c(name, &fields);
            let _ = writeln!(sources.main, "EXTERNS({name})");
            let _ = writeln!(calls, "\tEXCHANGE({name}, {});", fields.len());
        }
        let _ = write!(sources.main, "\nint main(void)\n{{\n{calls}\treturn failed;\n}}\n");
        sources
    }

    fn add_rust(&mut self, name: &str, fields: &[&str]) {
        let (mut layout, mut write, mut check) = (String::new(), String::new(), String::new());
        for (i, field) in fields.iter().enumerate() {
            let n = i + 1;
            let field = match RUST_WORDS.contains(field) {
                true => format!("r#{field}"),
                false => (*field).to_owned(),
            };
            let _ = writeln!(
                layout,
                "    tell(p.cast(), addr_of!((*p).{field}), out.add({}));",
                2 * n
            );
            let _ = writeln!(write, "    core::ptr::write_bytes(addr_of_mut!((*p).{field}), {n}, 1);");
            let _ = writeln!(
                check,
                "    if !all(core::ptr::read(addr_of!((*p).{field})), {n}) {{ return {n}; }}"
            );
        }
        let _ = write!(
            self.rust,
            "\n#[no_mangle]\npub unsafe extern \"C\" fn rust_layout_{name}(out: *mut u64) {{\n    \
             let s = core::mem::MaybeUninit::<{name}>::uninit();\n    let p = s.as_ptr();\n    \
             *out = size_of::<{name}>() as u64;\n    *out.add(1) = align_of::<{name}>() as u64;\n{layout}}}\n\
             #[no_mangle]\npub unsafe extern \"C\" fn rust_write_{name}(p: *mut {name}) {{\n{write}}}\n\
             #[no_mangle]\npub unsafe extern \"C\" fn rust_check_{name}(p: *const {name}) -> u32 {{\n{check}    0\n}}\n"
        );
    }

    fn add_c(&mut self, name: &str, fields: &[&str]) {
        let (mut layout, mut write, mut check) = (String::new(), String::new(), String::new());
        for (i, field) in fields.iter().enumerate() {
            let n = i + 1;
            let _ = writeln!(
                layout,
                "\tout[{}] = offsetof(struct {name}, {field});\n\tout[{}] = sizeof(p->{field});",
                2 * n,
                2 * n + 1
            );
            let _ = writeln!(write, "\tset(&p->{field}, {n}, sizeof(p->{field}));");
            let _ = writeln!(
                check,
                "\tif (!all(&p->{field}, {n}, sizeof(p->{field})))\n\t\treturn {n};"
            );
        }
        let _ = write!(
            self.c,
            "\nvoid c_layout_{name}(uint64_t *out)\n{{\n\tstruct {name} *p;\n\n\tout[0] = sizeof(struct {name});\n\
             \tout[1] = _Alignof(struct {name});\n{layout}}}\n\
             void c_write_{name}(struct {name} *p)\n{{\n{write}}}\n\
             uint32_t c_check_{name}(const struct {name} *p)\n{{\n{check}\treturn 0;\n}}\n"
        );
    }
}

const RUST_HEAD: &str = "\
use core::mem::{align_of, size_of};
use core::ptr::{addr_of, addr_of_mut};

unsafe fn tell<T>(base: *const u8, field: *const T, out: *mut u64) {
    *out = field as u64 - base as u64;
    *out.add(1) = size_of::<T>() as u64;
}

unsafe fn all<T>(value: T, byte: u8) -> bool {
    let bytes = addr_of!(value).cast::<u8>();
    let mut at = 0;
    while at < size_of::<T>() {
        if *bytes.add(at) != byte {
            return false;
        }
        at += 1;
    }
    true
}
";

const C_HEAD: &str = "\
#include <stddef.h>
#include <novabridge.h>

static void set(void *to, unsigned char byte, size_t len)
{
\tunsigned char *p = to;

\twhile (len--)
\t\t*p++ = byte;
}

static int all(const void *from, unsigned char byte, size_t len)
{
\tconst unsigned char *p = from;

\twhile (len--)
\t\tif (*p++ != byte)
\t\t\treturn 0;
\treturn 1;
}
";

const MAIN_HEAD: &str = "\
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Rust's half is compiled as for a kernel, where functions return through this. */
__asm__(\".globl __x86_return_thunk\\n__x86_return_thunk:\\n\\tret\\n\");

static uint64_t bytes[512], rust[256], c[256];
static int failed;

#define EXTERNS(name) \\
\tvoid rust_layout_##name(uint64_t *), c_layout_##name(uint64_t *); \\
\tvoid rust_write_##name(void *), c_write_##name(void *); \\
\tuint32_t rust_check_##name(const void *), c_check_##name(const void *);

static void judge(const char *name, const char *what, int wrong)
{
\tif (!wrong)
\t\treturn;
\tprintf(\"%s: %s (%d)\\n\", name, what, wrong);
\tfailed = 1;
}

#define EXCHANGE(name, fields) do { \\
\trust_layout_##name(rust); \\
\tc_layout_##name(c); \\
\tjudge(#name, \"size, alignment, offsets or lengths differ\", memcmp(rust, c, (fields + 1) * 16) != 0); \\
\tmemset(bytes, 0, sizeof(bytes)); \\
\trust_write_##name(bytes); \\
\tjudge(#name, \"C reads this field otherwise than Rust wrote it\", c_check_##name(bytes)); \\
\tmemset(bytes, 0, sizeof(bytes)); \\
\tc_write_##name(bytes); \\
\tjudge(#name, \"Rust reads this field otherwise than C wrote it\", rust_check_##name(bytes)); \\
} while (0)

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_writes_tells_and_checks_every_field() {
        let model = "struct nvb_x size 8 align 4\n     0 +4    size: u32\n     4 +4    type: u32\n";
        let Ok(abi) = novabridge_abi::text::read(model, "here") else {
            panic!("the model is not understood");
        };
        let sources = Sources::new(&abi, Path::new("/types"), &["gpu".to_owned()]);
        assert_eq!(sources.structs, 1);
        for words in [
            "use types::gpu::*;",
            "write_bytes(addr_of_mut!((*p).r#type), 2, 1)",
            "fn rust_check_nvb_x",
        ] {
            assert!(sources.rust.contains(words), "{words}");
        }
        for words in [
            "offsetof(struct nvb_x, type)",
            "set(&p->type, 2, sizeof(p->type))",
            "c_check_nvb_x",
        ] {
            assert!(sources.c.contains(words), "{words}");
        }
        assert!(sources.main.contains("EXCHANGE(nvb_x, 2);"));
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware core as one relocatable object and as one assembly file.

use crate::cache::{Cache, Entry, Key};
use crate::error::{PathContext, Result};
use crate::hygiene::STACK_SIZES;
use crate::proc::Cmd;
use crate::rust::flags::TARGET;
use crate::rust::toolchain::Toolchain;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = include_str!("../../kernel/head.S");

/// What the two rustc calls made.
#[derive(Clone, Debug)]
pub struct KernelObject {
    /// `nvb_rs.obj`: all of the core and of `core`, link-time optimised, ready for the module's link.
    pub object: PathBuf,
    /// The same object with the record of its stack frames, for the check.
    pub checked: PathBuf,
    /// `nvb_rs.S`: the same as assembly, for kernels or machines where no rustc fits.
    pub assembly: PathBuf,
    /// Identifies both in later cache keys.
    pub key: Key,
    /// Whether they were there already.
    pub hit: bool,
}

/// Builds (or finds) the kernel object of the sources below `root`.
///
/// # Errors
/// The sources do not compile.
pub fn build(cache: &Cache, toolchain: &Toolchain, core: &Entry, root: &Path, flags: &[&str]) -> Result<KernelObject> {
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let key = Key::of("object-1")
        .with("core", core.path.file_name().unwrap_or_default().as_encoded_bytes())
        .with("rustc", &toolchain.verbose)
        .with("head", HEAD)
        .with_all("flag", flags)
        .with_tree("core-rs", &root.join("core-rs/src"), is_rust)?
        .with_tree("capi", &root.join("capi/src"), is_rust)?
        .build();
    let entry = cache.entry("object", &key, |dir| make(toolchain, &core.path, root, flags, dir))?;
    Ok(KernelObject {
        object: entry.path.join("nvb_rs.obj"),
        checked: entry.path.join("checked.obj"),
        assembly: entry.path.join("nvb_rs.S"),
        key,
        hit: entry.hit,
    })
}

fn make(toolchain: &Toolchain, core: &Path, root: &Path, flags: &[&str], dir: &Path) -> Result<()> {
    let base = |name: &str, kind: &str| {
        Cmd::new(&toolchain.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .args([
                "--crate-name",
                name,
                "--crate-type",
                kind,
                "--edition",
                "2021",
                "--target",
                TARGET,
            ])
            .args([
                "-Cpanic=abort",
                "-Copt-level=2",
                "-Ccodegen-units=1",
                "-Coverflow-checks=off",
                "--cfg",
                "nvb_kernel",
            ])
            // Our own warnings are for cargo's build of the same sources; here they would only depend on the rustc.
            .args([
                "--cap-lints",
                "allow",
                "--remap-path-prefix",
                &format!("{}=novabridge", root.display()),
            ])
            // Read back by the frame check, then taken out of what goes into the module.
            .arg("-Zemit-stack-sizes=yes")
            .args(flags)
            // Only our own core: a target installed by rustup would be a second candidate.
            .arg("--sysroot")
            .arg(core)
            .arg("-L")
            .arg(core)
            .arg("--out-dir")
            .arg(dir)
    };
    base("novabridge_core", "rlib")
        .arg(root.join("core-rs/src/lib.rs"))
        .must("the core cannot be built for the kernel")?;
    base("novabridge", "staticlib")
        .args(["-Clto=fat", "-Cembed-bitcode=yes", "--emit=link,obj,asm", "--extern"])
        .arg(format!(
            "novabridge_core={}",
            dir.join("libnovabridge_core.rlib").display()
        ))
        .arg(root.join("capi/src/lib.rs"))
        .must("the C ABI cannot be built for the kernel")?;
    let checked = dir.join("checked.obj");
    fs::rename(dir.join("novabridge.o"), &checked).on("rename", &checked)?;
    Cmd::new("objcopy")
        .args([
            "--remove-section",
            STACK_SIZES,
            "--remove-section",
            &format!(".rela{STACK_SIZES}"),
        ])
        .arg(&checked)
        .arg(dir.join("nvb_rs.obj"))
        .must("the record of stack frames cannot be taken out of the object")?;
    let assembly = dir.join("novabridge.s");
    let text = fs::read_to_string(&assembly).on("read", &assembly)?;
    let with_head = dir.join("nvb_rs.S");
    fs::write(&with_head, format!("{HEAD}{}", without_stack_sizes(&text))).on("write", &with_head)?;
    for leftover in ["novabridge.s", "libnovabridge.a", "libnovabridge_core.rlib"] {
        let path = dir.join(leftover);
        fs::remove_file(&path).on("remove", &path)?;
    }
    Ok(())
}

/// Takes out the blocks that go into the section of stack frames; each ends where another section begins.
fn without_stack_sizes(assembly: &str) -> String {
    let mut kept = String::with_capacity(assembly.len());
    let mut inside = false;
    for line in assembly.lines() {
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default();
        if word == ".section" {
            inside = words
                .next()
                .is_some_and(|rest| rest.trim_matches('"').starts_with(STACK_SIZES));
        } else if [".text", ".data", ".bss"].contains(&word) {
            inside = false;
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_frames_is_taken_out_of_the_assembly() {
        let text = "\t.text\nf:\n\tretq\n\t.section\t.stack_sizes,\"o\",@progbits,.text\n\t.quad\tf\n\t.byte\t8\n\t.text\ng:\n";
        assert_eq!(without_stack_sizes(text), "\t.text\nf:\n\tretq\n\t.text\ng:\n");
    }
}

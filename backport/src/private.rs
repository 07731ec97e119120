// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Programs of another Debian suite, run in place from an unpacked tree: no root, no chroot, no container.
//!
//! Such a program needs its own suite's C library, and that library its own loader. So each is started by a two-line script
//! that names both, found from the script's own place, so that the tree may be moved.

use crate::error::{Error, PathContext, Result};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where Debian has its libraries, before and after the merge of `/lib` into `/usr/lib`.
const LIBRARIES: [&str; 2] = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
/// The loader's name, the same in all suites.
const LOADER: &str = "ld-linux-x86-64.so.2";

/// Makes every program below the directories `below` of `tree` start with the tree's own loader and libraries.
///
/// # Errors
/// The tree has no loader; a file cannot be read or replaced.
pub fn adopt(tree: &Path, below: &[&str]) -> Result<()> {
    let loader = loader(tree)?;
    let mut todo: Vec<PathBuf> = below.iter().map(PathBuf::from).collect();
    while let Some(sub) = todo.pop() {
        // Suites differ in which of the directories they have.
        for item in fs::read_dir(tree.join(&sub)).into_iter().flatten().flatten() {
            let path = item.path();
            let name = sub.join(item.file_name());
            let kind = item.file_type().on("read", &path)?;
            if kind.is_dir() {
                todo.push(name);
            } else if kind.is_file() && is_program(&path)? {
                let plain = item.file_name().to_string_lossy().into_owned();
                let target = format!("{plain}.elf");
                let own = path.with_file_name(&target);
                fs::rename(&path, &own).on("rename", &path)?;
                write(&path, &script(&name, &loader, &target))?;
                // Debian's objtool and modpost put this behind the name they were started by, to find the one for a kernel.
                if let Some((front, variant)) = plain.split_once(".real-") {
                    let link = path.with_file_name(format!("{front}.elf.real-{variant}"));
                    std::os::unix::fs::symlink(&plain, &link).on("link", &link)?;
                }
            }
        }
    }
    Ok(())
}

/// Puts scripts into `bin` of `tree` that start those programs of its `usr/bin` that `wanted` names.
///
/// # Errors
/// As [`adopt`].
pub fn offer(tree: &Path, bin: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let loader = loader(tree)?;
    let into = tree.join(bin);
    fs::create_dir_all(&into).on("create", &into)?;
    let from = tree.join("usr/bin");
    for item in fs::read_dir(&from).on("read", &from)?.flatten() {
        let name = item.file_name().to_string_lossy().into_owned();
        // A link's target may be of a package that is not here.
        if wanted(&name) && item.path().is_file() && is_elf(&item.path())? {
            let place = Path::new(bin).join(&name);
            let target = format!("{}usr/bin/{name}", up(&place));
            write(&into.join(&name), &script(&place, &loader, &target))?;
        }
    }
    Ok(())
}

fn script(place: &Path, loader: &str, target: &str) -> String {
    let up = up(place);
    let libraries = LIBRARIES.map(|dir| format!("$d/{up}{dir}")).join(":");
    format!("#!/bin/sh\nd=${{0%/*}}\nexec \"$d/{up}{loader}\" --library-path \"{libraries}\" \"$d/{target}\" \"$@\"\n")
}

/// From the directory of `place` to the top.
fn up(place: &Path) -> String {
    "../".repeat(place.components().count().saturating_sub(1))
}

fn loader(tree: &Path) -> Result<String> {
    LIBRARIES
        .iter()
        .map(|dir| format!("{dir}/{LOADER}"))
        .find(|path| tree.join(path).is_file())
        .ok_or_else(|| Error::setup(format!("no {LOADER} among the unpacked packages")).expected("the package libc6"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).on("write", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).on("make executable", path)
}

/// Whether `path` is a file that Linux would start with a loader; libraries and object files are not marked executable.
fn is_program(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let data = fs::metadata(path).on("read", path)?;
    Ok(data.permissions().mode() & 0o111 != 0 && !name.contains(".so") && !name.ends_with(".elf") && is_elf(path)?)
}

fn is_elf(path: &Path) -> Result<bool> {
    let mut start = [0; 4];
    let mut file = fs::File::open(path).on("open", path)?;
    Ok(file.read(&mut start).on("read", path)? == 4 && &start == b"\x7fELF")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use std::process::Command;

    /// A tree whose loader is a script that shows how it was called.
    fn tree() -> Scratch {
        let dir = Scratch::new("private");
        for sub in ["usr/lib/x86_64-linux-gnu", "usr/lib/tools/deep", "usr/bin"] {
            fs::create_dir_all(dir.0.join(sub)).unwrap();
        }
        let loader = dir.0.join("usr/lib/x86_64-linux-gnu").join(LOADER);
        write(&loader, "#!/bin/sh\necho \"$3 $4\"\n").unwrap();
        for program in ["usr/lib/tools/deep/tool", "usr/bin/gcc-99", "usr/bin/other"] {
            write(&dir.0.join(program), "\x7fELF and more").unwrap();
        }
        dir
    }

    fn said(program: &Path) -> String {
        let out = Command::new(program).arg("argument").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    }

    #[test]
    fn a_program_starts_in_place_with_its_loader_also_after_the_tree_was_moved() {
        let dir = tree();
        adopt(&dir.0, &["usr/lib/tools", "usr/lib/absent"]).unwrap();
        assert!(said(&dir.0.join("usr/lib/tools/deep/tool")).ends_with("/tool.elf argument\n"));
        let moved = dir.0.join("moved");
        fs::create_dir(&moved).unwrap();
        fs::rename(dir.0.join("usr"), moved.join("usr")).unwrap();
        assert!(said(&moved.join("usr/lib/tools/deep/tool")).ends_with("/tool.elf argument\n"));
    }

    #[test]
    fn a_program_that_starts_its_own_variant_finds_it() {
        let dir = tree();
        let tools = dir.0.join("usr/lib/tools");
        write(&tools.join("objtool.real-x86"), "\x7fELF").unwrap();
        adopt(&dir.0, &["usr/lib/tools"]).unwrap();
        assert!(said(&tools.join("objtool.elf.real-x86")).ends_with("/objtool.real-x86.elf argument\n"));
    }

    #[test]
    fn only_wanted_programs_are_offered() {
        let dir = tree();
        offer(&dir.0, "bin", |name| name.starts_with("gcc")).unwrap();
        assert!(said(&dir.0.join("bin/gcc-99")).ends_with("/usr/bin/gcc-99 argument\n"));
        assert!(!dir.0.join("bin/other").exists());
    }

    #[test]
    fn a_tree_without_a_c_library_is_refused() {
        let dir = Scratch::new("private-empty");
        assert!(adopt(&dir.0, &[])
            .unwrap_err()
            .expected
            .as_deref()
            .unwrap()
            .contains("libc6"));
    }
}

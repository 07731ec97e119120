// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A Debian kernel: its image, the modules it ships, and the headers to build against.

use crate::apt::{Package, Root};
use crate::error::{Error, PathContext, Result};
use crate::fetch::{make_links_relative, Fetcher};
use crate::matrix::Kernel;
use std::fs;
use std::path::{Path, PathBuf};

/// The image package's part that a cell boots.
#[derive(Clone, Debug)]
pub struct Image {
    /// The kernel's own name, e.g. `6.1.0-56-amd64`.
    pub release: String,
    /// The bootable file.
    pub vmlinuz: PathBuf,
    /// `lib/modules/<release>`.
    pub modules: PathBuf,
    /// Packages it came from.
    pub packages: Vec<Package>,
    /// Whether it was unpacked already.
    pub hit: bool,
}

/// What modules are built against.
#[derive(Clone, Debug)]
pub struct Headers {
    /// The directory to give to `make -C`.
    pub dir: PathBuf,
    /// Libraries that kbuild's own programs need, for `LD_LIBRARY_PATH`.
    pub libraries: PathBuf,
    /// Packages they came from.
    pub packages: Vec<Package>,
    /// Whether they were unpacked already.
    pub hit: bool,
}

/// Parts of the image package a cell needs: the kernel, its configuration, and the modules of VFIO and what those use.
const IMAGE_PARTS: [&str; 5] = [
    "./boot/vmlinuz-*",
    "./boot/config-*",
    "./lib/modules/*/kernel/drivers/vfio/*",
    "./lib/modules/*/kernel/virt/lib/*",
    "./lib/modules/*/modules.builtin",
];

/// Splits what is needed to install a kernel into the files of its image and those of its headers.
///
/// # Errors
/// The suite does not have the kernel.
pub fn packages(root: &Root, kernel: &Kernel) -> Result<(Vec<Package>, Vec<Package>)> {
    let all = root.closure(&[&kernel.image, &kernel.headers], None)?;
    let pick = |prefixes: &[&str]| -> Vec<Package> {
        let wanted = |package: &&Package| {
            package.name != kernel.image
                && package.name != kernel.headers
                && prefixes.iter().any(|prefix| package.name.starts_with(prefix))
        };
        all.iter().filter(wanted).cloned().collect()
    };
    let (image, headers) = (pick(&["linux-image-"]), pick(&["linux-headers-", "linux-kbuild-"]));
    if image.is_empty() || headers.is_empty() {
        return Err(
            Error::setup(format!("{} and {} bring no kernel", kernel.image, kernel.headers))
                .expected("packages linux-image-* and linux-headers-*")
                .found(
                    all.iter()
                        .map(|package| package.name.as_str())
                        .collect::<Vec<_>>()
                        .join(" "),
                ),
        );
    }
    Ok((image, headers))
}

/// Unpacks the image.
///
/// # Errors
/// The download fails or the package has no kernel in it.
pub fn image(fetcher: &Fetcher<'_>, packages: Vec<Package>) -> Result<Image> {
    let tree = fetcher.tree("kernel-image-1", &packages, &IMAGE_PARTS, |_| Ok(()))?;
    let modules = only_entry(&tree.path.join("lib/modules"))?;
    let release = name_of(&modules);
    let vmlinuz = tree.path.join("boot").join(format!("vmlinuz-{release}"));
    if !vmlinuz.is_file() {
        return Err(Error::setup("the image package has no kernel").expected(vmlinuz.display().to_string()));
    }
    Ok(Image {
        release,
        vmlinuz,
        modules,
        packages,
        hit: tree.hit,
    })
}

/// Unpacks the headers so that they work where they are.
///
/// # Errors
/// The download fails or the packages are not laid out as Debian's are.
pub fn headers(fetcher: &Fetcher<'_>, mut packages: Vec<Package>) -> Result<Headers> {
    // objtool is linked with libelf, which a machine that has never built a kernel module lacks.
    packages.extend(fetcher.root.exactly(&["libelf1", "zlib1g"])?);
    let tree = fetcher.tree("kernel-headers-1", &packages, &[], |dir| {
        make_links_relative(dir)?;
        let makefile = flavour_dir(dir)?.join("Makefile");
        let text = fs::read_to_string(&makefile).on("read", &makefile)?;
        fs::write(&makefile, relocated(&text)?).on("write", &makefile)?;
        gather_libraries(dir)
    })?;
    Ok(Headers {
        dir: flavour_dir(&tree.path)?,
        libraries: tree.path.join("libraries"),
        packages,
        hit: tree.hit,
    })
}

/// Debian's flavour directory includes the common one by its installed path; make that relative to the file itself.
fn relocated(makefile: &str) -> Result<String> {
    let common = makefile.trim().strip_prefix("include /usr/src/").ok_or_else(|| {
        Error::setup("the headers package is laid out in a way this tool does not know")
            .expected("a Makefile that is one line: include /usr/src/linux-headers-...-common/Makefile")
            .found(makefile.lines().next().unwrap_or("an empty file"))
    })?;
    Ok(format!("include $(dir $(lastword $(MAKEFILE_LIST)))../{common}\n"))
}

/// `usr/src/linux-headers-*` with a configuration in it.
fn flavour_dir(tree: &Path) -> Result<PathBuf> {
    let src = tree.join("usr/src");
    let found = fs::read_dir(&src).on("read", &src)?.flatten().map(|item| item.path());
    found
        .into_iter()
        .find(|path| path.join(".config").is_file())
        .ok_or_else(|| {
            Error::setup("the headers package has no configured kernel tree")
                .expected(format!("{}/*/.config", src.display()))
        })
}

/// Libelf and zlib alone, in a directory of their own: nothing else must come between the compiler and its libraries.
fn gather_libraries(tree: &Path) -> Result<()> {
    let into = tree.join("libraries");
    fs::create_dir_all(&into).on("create", &into)?;
    for dir in ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
        for item in fs::read_dir(tree.join(dir)).into_iter().flatten().flatten() {
            let name = item.file_name();
            let is_wanted = ["libelf.so.", "libz.so."]
                .iter()
                .any(|start| name.to_string_lossy().starts_with(start));
            if is_wanted && item.file_type().is_ok_and(|kind| kind.is_symlink()) {
                let path = item.path();
                fs::copy(&path, into.join(&name)).on("copy", &path)?;
            }
        }
    }
    Ok(())
}

fn only_entry(dir: &Path) -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .on("read", dir)?
        .flatten()
        .map(|item| item.path())
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        _ => Err(Error::setup(format!(
            "{} should hold one kernel's modules",
            dir.display()
        ))),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flavour_makefile_finds_its_neighbour_wherever_it_is() {
        let text = relocated("include /usr/src/linux-headers-6.1.0-56-common/Makefile\n").unwrap();
        assert_eq!(
            text,
            "include $(dir $(lastword $(MAKEFILE_LIST)))../linux-headers-6.1.0-56-common/Makefile\n"
        );
        assert!(relocated("all:\n")
            .unwrap_err()
            .found
            .as_deref()
            .unwrap()
            .contains("all:"));
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A Debian kernel: its image, the modules it ships, and the headers to build against.

use crate::apt::{pool, Package, Root};
use crate::build::compiler::Compiler;
use crate::cache::{files_below, Key};
use crate::error::{Error, PathContext, Result};
use crate::fetch::{make_links_relative, Fetcher};
use crate::matrix::Kernel;
use crate::private;
use crate::proc::Cmd;
use crate::vm::vmlinux;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The parts of the image packages that a cell boots.
#[derive(Clone, Debug)]
pub struct Image {
    /// The kernel's own name, e.g. `6.1.0-56-amd64`.
    pub release: String,
    /// The kernel as it is booted: unpacked if it can be entered so, else the bootable file it came as.
    pub bootable: PathBuf,
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
    /// The kernel's own compiler and binutils, if they came with the headers.
    pub tools: Option<PathBuf>,
    /// Identifies the headers in later cache keys.
    pub identity: String,
    /// Packages they came from.
    pub packages: Vec<Package>,
    /// Whether they were unpacked already.
    pub hit: bool,
}

/// The name of the unpacked kernel in its tree.
const UNPACKED: &str = "vmlinux";
/// Packages a kernel's image may be split over: one up to 6.18, from 6.19 on one each for kernel, modules and what both need.
const IMAGE_PACKAGES: [&str; 4] = ["linux-image-", "linux-binary-", "linux-base-", "linux-modules-"];
/// Parts of them a cell needs: the kernel, and the modules of VFIO, of what those use, and of the processor's SHA-256.
const IMAGE_PARTS: [&str; 10] = [
    "./boot/vmlinuz-*",
    "./usr/lib/modules/*/vmlinuz",
    "./lib/modules/*/kernel/drivers/vfio/*",
    "./usr/lib/modules/*/kernel/drivers/vfio/*",
    "./lib/modules/*/kernel/virt/lib/*",
    "./usr/lib/modules/*/kernel/virt/lib/*",
    "./lib/modules/*/kernel/arch/x86/crypto/sha256*",
    "./usr/lib/modules/*/kernel/arch/x86/crypto/sha256*",
    "./lib/modules/*/modules.builtin",
    "./usr/lib/modules/*/modules.builtin",
];

/// The files that bring the kernel's image, and those that bring its headers with its own compiler.
///
/// # Errors
/// The suite does not have the kernel.
pub fn packages(root: &Root, kernel: &Kernel) -> Result<(Vec<Package>, Vec<Package>)> {
    let target = kernel.suite.target();
    let mut image = pool::closure(root, &kernel.image, target)?;
    image.retain(|package| IMAGE_PACKAGES.iter().any(|start| names_a_version(&package.name, start)));
    let headers = pool::closure(root, &kernel.headers, target)?;
    if image.is_empty()
        || !headers
            .iter()
            .any(|package| names_a_version(&package.name, "linux-headers-"))
    {
        return Err(
            Error::setup(format!("{} and {} bring no kernel", kernel.image, kernel.headers))
                .expected("packages linux-image-* and linux-headers-*")
                .found(
                    image
                        .iter()
                        .map(|package| package.name.as_str())
                        .collect::<Vec<_>>()
                        .join(" "),
                ),
        );
    }
    Ok((image, headers))
}

/// Whether a package is of one kernel, not the one that depends on the newest.
fn names_a_version(package: &str, start: &str) -> bool {
    package
        .strip_prefix(start)
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Unpacks the image.
///
/// # Errors
/// The download fails or the package has no kernel in it.
pub fn image(fetcher: &Fetcher<'_>, packages: Vec<Package>) -> Result<Image> {
    let tree = fetcher.tree("kernel-image-3", &packages, &IMAGE_PARTS, |dir| {
        Cmd::new("find")
            .arg(dir)
            .args(["-name", "*.ko.xz", "-exec", "xz", "--decompress", "{}", "+"])
            .must("the kernel's modules cannot be decompressed")?;
        vmlinux::unpack(&vmlinuz(dir)?, &dir.join(UNPACKED)).map(|_| ())
    })?;
    let unpacked = tree.path.join(UNPACKED);
    let modules = modules(&tree.path)?;
    Ok(Image {
        release: name_of(&modules),
        bootable: if unpacked.is_file() {
            unpacked
        } else {
            vmlinuz(&tree.path)?
        },
        modules,
        packages,
        hit: tree.hit,
    })
}

/// The directory of the kernel's modules, which is named after the kernel.
fn modules(tree: &Path) -> Result<PathBuf> {
    let [old, merged] = ["lib/modules", "usr/lib/modules"].map(|sub| tree.join(sub));
    only_entry(if old.is_dir() { &old } else { &merged })
}

/// The bootable file of the image packages.
fn vmlinuz(tree: &Path) -> Result<PathBuf> {
    let modules = modules(tree)?;
    let places = [
        tree.join("boot").join(format!("vmlinuz-{}", name_of(&modules))),
        modules.join("vmlinuz"),
    ];
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        Error::setup("the image package has no kernel")
            .expected(places.map(|path| path.display().to_string()).join(" or "))
    })
}

/// Unpacks the headers, with the compiler they ask for, so that they work where they are.
///
/// # Errors
/// The download fails or the packages are not laid out as Debian's are.
pub fn headers(fetcher: &Fetcher<'_>, packages: Vec<Package>) -> Result<Headers> {
    let tree = fetcher.tree("kernel-headers-3", &packages, &HEADERS_PARTS, |dir| {
        make_links_relative(dir)?;
        let makefile = flavour_dir(dir)?.join("Makefile");
        let text = fs::read_to_string(&makefile).on("read", &makefile)?;
        fs::write(&makefile, relocated(&text)?).on("write", &makefile)?;
        private::adopt(dir, &["usr/lib/gcc", "usr/libexec/gcc", "usr/src"])?;
        for item in fs::read_dir(dir.join("usr/lib")).on("read", dir)?.flatten() {
            let name = item.file_name().to_string_lossy().into_owned();
            if name.starts_with("linux-kbuild-") {
                private::adopt(dir, &[&format!("usr/lib/{name}")])?;
            }
        }
        private::offer(dir, TOOLS, is_tool)
    })?;
    Ok(Headers {
        dir: flavour_dir(&tree.path)?,
        tools: Some(tree.path.join(TOOLS)),
        identity: name_of(&tree.path),
        packages,
        hit: tree.hit,
    })
}

/// Any headers tree, as `/lib/modules/.../build` is one.
///
/// # Errors
/// It is not a configured kernel tree.
pub fn headers_at(dir: &Path) -> Result<Headers> {
    let dir = fs::canonicalize(dir).on("find", dir)?;
    let missing = ["Makefile", ".config", "include/generated/autoconf.h"]
        .into_iter()
        .find(|name| !dir.join(name).is_file());
    if let Some(name) = missing {
        return Err(
            Error::usage(format!("{} is not what modules are built against", dir.display()))
                .expected(format!(
                    "a configured kernel tree with {name}, such as /lib/modules/RELEASE/build"
                ))
                .fix("install the kernel's headers package (linux-headers-RELEASE, kernel-devel)"),
        );
    }
    let identity = identity(&dir)?.as_str().to_owned();
    Ok(Headers {
        dir,
        tools: None,
        identity,
        packages: Vec::new(),
        hit: true,
    })
}

/// What tells a tree, as it is now, from others: all that a module's build reads of it. A file's size and times stand for its
/// content; there are thousands, and a change that keeps the time of the last change of the inode is not made by accident.
fn identity(dir: &Path) -> Result<Key> {
    const PARTS: [&str; 9] = [
        ".config",
        "Makefile",
        "Module.symvers",
        "arch/x86/Makefile",
        "arch/x86/include",
        "include",
        "scripts",
        "tools/bpf/resolve_btfids",
        "tools/objtool",
    ];
    let mut key = Key::of("headers-at-2");
    for tree in trees(dir) {
        key = key.with("tree", tree.as_os_str().as_encoded_bytes());
        for part in PARTS {
            // Debian's scripts and tools are links into another package.
            let Ok(top) = fs::canonicalize(tree.join(part)) else {
                continue;
            };
            let files = match top.is_dir() {
                true => files_below(&top)?,
                false => vec![PathBuf::new()],
            };
            for file in files {
                let path = if file.as_os_str().is_empty() {
                    top.clone()
                } else {
                    top.join(&file)
                };
                let meta = fs::metadata(&path).on("read", &path)?;
                let stamp = format!("{} {}.{}", meta.len(), meta.ctime(), meta.ctime_nsec());
                key = key.with(part, file.as_os_str().as_encoded_bytes()).with("stamp", stamp);
            }
        }
    }
    Ok(key.build())
}

/// The tree itself, and the one its sources are in where those are apart: kbuild then leaves a link, or a makefile that includes the other.
fn trees(dir: &Path) -> BTreeSet<PathBuf> {
    let makefile = fs::read_to_string(dir.join("Makefile")).unwrap_or_default();
    let included = makefile.lines().filter_map(|line| {
        let file = Path::new(line.strip_prefix("include ")?.trim());
        dir.join(file).parent().map(Path::to_path_buf)
    });
    let all = [dir.to_path_buf(), dir.join("source")].into_iter().chain(included);
    let configured = |tree: &PathBuf| tree.join("include").is_dir();
    all.filter_map(|tree| fs::canonicalize(tree).ok())
        .filter(configured)
        .collect()
}

impl Headers {
    /// One option of the kernel's configuration, without quotes.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn config(&self, option: &str) -> Result<Option<String>> {
        let path = self.dir.join(".config");
        let text = fs::read_to_string(&path).on("read", &path)?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='));
        Ok(value.map(|value| value.trim_matches('"').to_owned()))
    }

    /// Whether an option is built in.
    pub fn has(&self, option: &str) -> bool {
        // The configuration is there: without it this would not have become a headers tree.
        self.config(option).ok().flatten().as_deref() == Some("y")
    }

    /// The option by which this kernel wants its modules' returns to go through a thunk.
    pub fn return_thunks(&self) -> Option<&'static str> {
        let options = ["CONFIG_RETHUNK", "CONFIG_MITIGATION_RETHUNK"];
        options.into_iter().find(|option| self.has(option))
    }

    /// The kernel's release, as modules name it.
    ///
    /// # Errors
    /// The headers do not say.
    pub fn release(&self) -> Result<String> {
        let path = self.dir.join("include/generated/utsrelease.h");
        let text = fs::read_to_string(&path).on("read", &path)?;
        let name = text.split('"').nth(1).map(str::to_owned);
        name.ok_or_else(|| Error::setup(format!("{} names no release", path.display())))
    }

    /// The compiler this kernel was built with, as its configuration says.
    ///
    /// # Errors
    /// It is not here.
    pub fn compiler(&self) -> Result<Compiler> {
        let text = self.config("CONFIG_CC_VERSION_TEXT")?.unwrap_or_default();
        let program = text.split_whitespace().next().unwrap_or("gcc");
        Compiler::find(program, self.tools.as_deref()).map_err(|error| error.expected(text.clone()))
    }
}

/// The directory of [`Headers::tools`] within the unpacked tree.
const TOOLS: &str = "tools";
/// Of all that is needed to install the headers, the parts a build uses.
const HEADERS_PARTS: [&str; 8] = [
    "./usr/src/linux-headers-*",
    "./usr/lib/linux-kbuild-*",
    "./usr/lib/gcc/*",
    "./usr/libexec/gcc/*",
    "./usr/bin/*",
    "./lib/x86_64-linux-gnu/*",
    "./usr/lib/x86_64-linux-gnu/*.so*",
    "./usr/lib/x86_64-linux-gnu/ldscripts/*",
];

/// What kbuild calls of a compiler's and binutils' programs, and what makes type information.
fn is_tool(name: &str) -> bool {
    let plain = name.strip_prefix("x86_64-linux-gnu-").unwrap_or(name);
    plain.starts_with("gcc-")
        || [
            "gcc", "as", "ld", "ld.bfd", "ar", "nm", "objcopy", "objdump", "readelf", "strip", "pahole",
        ]
        .contains(&plain)
}

/// Debian's flavour directory names its neighbours by their installed paths; make those relative to the file itself.
fn relocated(makefile: &str) -> Result<String> {
    let known = |line: &str| {
        ["include /usr/src/", "KBUILD_OUTPUT=/usr/src/"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    if makefile.trim().is_empty() || !makefile.lines().all(known) {
        return Err(
            Error::setup("the headers package is laid out in a way this tool does not know")
                .expected("a Makefile that includes /usr/src/linux-headers-...-common/Makefile and sets nothing but KBUILD_OUTPUT")
                .found(makefile.lines().next().unwrap_or("an empty file")),
        );
    }
    Ok(makefile.replace("/usr/src/", "$(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)/"))
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
    use crate::cache::tests::Scratch;

    #[test]
    fn packages_that_only_depend_on_the_newest_kernel_bring_none() {
        assert!(names_a_version("linux-modules-7.3.4+deb13-amd64", "linux-modules-"));
        assert!(!names_a_version("linux-image-amd64", "linux-image-"));
        assert!(!names_a_version("linux-base", "linux-base-"));
    }

    #[test]
    fn a_directory_that_is_no_kernel_tree_is_refused_with_what_it_lacks() {
        let error = headers_at(Path::new("/")).unwrap_err();
        assert_eq!(error.class, crate::error::Class::Usage);
        assert!(error.expected.as_deref().unwrap().contains("Makefile"), "{error}");
    }

    #[test]
    fn a_changed_header_makes_another_tree_of_it() {
        let dir = Scratch::new("headers-at");
        let (tree, common) = (dir.0.join("flavour"), dir.0.join("common"));
        let put = |top: &Path, name: &str, text: &str| {
            let path = top.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(&common, "Makefile", "");
        put(&common, "include/linux/vfio_pci_core.h", "a");
        put(&dir.0, "kbuild/scripts/mod/modpost", "a");
        put(&tree, "Makefile", &format!("include {}/Makefile\n", common.display()));
        put(&tree, ".config", "");
        put(&tree, "include/generated/autoconf.h", "a");
        std::os::unix::fs::symlink("../kbuild/scripts", tree.join("scripts")).unwrap();
        let identity = || headers_at(&tree).unwrap().identity;
        let mut before = identity();
        assert_eq!(before, identity());
        for (top, name) in [
            (&common, "include/linux/vfio_pci_core.h"),
            (&tree, "include/generated/autoconf.h"),
            (&dir.0, "kbuild/scripts/mod/modpost"),
        ] {
            // Times of files are as exact as the kernel's clock ticks.
            std::thread::sleep(std::time::Duration::from_millis(20));
            put(top, name, "b");
            let after = identity();
            assert_ne!(before, after, "{name}");
            before = after;
        }
    }

    #[test]
    fn the_flavour_makefile_finds_its_neighbour_wherever_it_is() {
        let here = "$(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)";
        let text = relocated("KBUILD_OUTPUT=/usr/src/a\ninclude /usr/src/b/Makefile\n").unwrap();
        assert_eq!(text, format!("KBUILD_OUTPUT={here}/a\ninclude {here}/b/Makefile\n"));
        assert!(relocated("all:\n")
            .unwrap_err()
            .found
            .as_deref()
            .unwrap()
            .contains("all:"));
    }
}

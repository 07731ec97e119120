// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The C compiler of a build: the one the kernel was built with, or another.
//!
//! A kernel's configuration records what its own compiler can do, and kbuild chooses flags by it. For clang on a kernel that gcc
//! built, what speaks of gcc is therefore set anew on make's command line, which outranks the recorded configuration; everything
//! that changes code or structures stays as it was recorded.

use crate::apt::Package;
use crate::cache::files_below;
use crate::error::{Error, Result};
use crate::kernel::Headers;
use crate::matrix::Packaged;
use crate::private;
use crate::proc::Cmd;
use crate::session::Session;
use std::path::{Path, PathBuf};

/// The C compiler in use.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Compiler {
    /// The program, as make is told.
    pub program: String,
    /// The first line it says about itself.
    pub version: String,
    /// What of the kernel's configuration had to be set anew for it, as make is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// The directory it is in, if that is none of the machine's.
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// The packages it came from, if those are neither the machine's nor the headers'.
    #[serde(skip)]
    pub packages: Vec<Package>,
}

impl Compiler {
    /// The compiler `program` in `tools`, else as the machine has it.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn find(program: &str, tools: Option<&Path>) -> Result<Self> {
        let private = tools.map(|dir| dir.join(program)).filter(|path| path.is_file());
        let run = private.clone().unwrap_or_else(|| PathBuf::from(program));
        let text = Cmd::new(&run).arg("--version").query().ok_or_else(|| {
            Error::setup(format!("the C compiler {program} cannot be run"))
                .found("nothing of that name")
                .fix(format!("install {program}, or name another one (--cc)"))
        })?;
        Ok(Compiler {
            program: program.to_owned(),
            version: text.lines().next().unwrap_or_default().to_owned(),
            variables: Vec::new(),
            dir: private.and_then(|path| path.parent().map(Path::to_path_buf)),
            packages: Vec::new(),
        })
    }

    /// The packages of a suite's clang.
    ///
    /// # Errors
    /// The suite does not have it.
    pub fn clang_packages(session: &Session, wanted: &Packaged) -> Result<Vec<Package>> {
        let root = session.root(wanted.suite.view())?;
        let mut packages = root.closure(&[&wanted.package], wanted.suite.target())?;
        packages.retain(|package| !NOT_FOR_KBUILD.iter().any(|part| package.name.contains(part)));
        Ok(packages)
    }

    /// A suite's clang, unpacked privately.
    ///
    /// # Errors
    /// The suite does not have it, or it does not run here.
    pub fn clang(session: &Session, wanted: &Packaged) -> Result<Self> {
        let root = session.root(wanted.suite.view())?;
        let packages = Self::clang_packages(session, wanted)?;
        let program = &wanted.package;
        let tree = session.fetcher(&root).tree("clang-1", &packages, &CLANG_PARTS, |dir| {
            private::offer(dir, "tools", |name| name == program)
        })?;
        let mut compiler = Self::find(program, Some(&tree.path.join("tools")))?;
        compiler.packages = packages;
        Ok(compiler)
    }

    /// The headers a suite's clang brings for programs without a C library, which a kernel has itself.
    ///
    /// # Errors
    /// The suite does not have them.
    pub fn clang_headers(session: &Session, wanted: &Packaged) -> Result<PathBuf> {
        let root = session.root(wanted.suite.view())?;
        let mut packages = root.closure(&[&wanted.package], wanted.suite.target())?;
        packages.retain(|package| package.name.starts_with("libclang-common-"));
        let tree = session
            .fetcher(&root)
            .tree("clang-headers-1", &packages, &CLANG_HEADERS, |_| Ok(()))?
            .path;
        let found = files_below(&tree)?
            .into_iter()
            .find(|file| file.ends_with("include/stddef.h"));
        let file = found.ok_or_else(|| {
            Error::setup(format!("{} brings no headers", wanted.package)).expected("stddef.h in libclang-common-*-dev")
        })?;
        Ok(tree.join(file.parent().unwrap_or(&file)))
    }

    /// The same, told how to build for this kernel.
    #[must_use]
    pub fn adapted(mut self, kernel: &Headers) -> Self {
        if self.is_clang() && kernel.has("CONFIG_CC_IS_GCC") {
            self.variables = CLANG_FOR_GCC.map(str::to_owned).to_vec();
            self.variables
                .push(format!("CONFIG_CLANG_VERSION={}", number(&self.version)));
            if kernel.has("CONFIG_UBSAN_BOUNDS_STRICT") {
                self.variables.extend(CHECK_BOUNDS.map(str::to_owned));
            }
            if kernel.has("CONFIG_FTRACE_MCOUNT_USE_CC") {
                let record = if kernel.has("CONFIG_HAVE_OBJTOOL_NOP_MCOUNT") {
                    RECORD_BY_OBJTOOL
                } else {
                    RECORD_BY_RECORDMCOUNT
                };
                self.variables.push("CONFIG_FTRACE_MCOUNT_USE_CC=".to_owned());
                self.variables.extend(record.map(str::to_owned));
            }
        }
        self
    }

    fn is_clang(&self) -> bool {
        self.version.contains("clang")
    }
}

/// What depends on clang brings that only programs would need: development files, sanitizers, a linker's plugin.
const NOT_FOR_KBUILD: [&str; 7] = [
    "-dev",
    "binutils",
    "libasan",
    "libtsan",
    "liblsan",
    "libclang1",
    "linker-tools",
];

/// The version as kbuild compares it: "clang version 19.1.7 (3+b1)" is 190107; 0 if it cannot be read.
fn number(version: &str) -> u32 {
    let numbers = version.split("version ").nth(1).unwrap_or_default();
    let numbers = numbers
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    numbers.take(3).fold(0, |all, part: u32| all * 100 + part)
}

/// What is taken of clang's packages: the program and the libraries it runs with.
const CLANG_PARTS: [&str; 5] = [
    "./usr/bin/clang*",
    "./usr/lib/llvm-*/bin/clang*",
    "./usr/lib/llvm-*/lib/*.so*",
    "./lib/x86_64-linux-gnu/*.so*",
    "./usr/lib/x86_64-linux-gnu/*.so*",
];

/// What is taken of its headers.
const CLANG_HEADERS: [&str; 1] = ["./usr/lib/llvm-*/lib/clang/*/include/*std*"];

/// What kbuild has to know instead of what it recorded of gcc.
const CLANG_FOR_GCC: [&str; 7] = [
    // As all kernels since 5.15 do by themselves. Also, with another assembler clang would start itself anew by the name of its
    // program, which here is the loader's.
    "LLVM_IAS=1",
    // Mitigations and warnings are spelt differently.
    "CONFIG_CC_IS_GCC=",
    "CONFIG_CC_IS_CLANG=y",
    "CONFIG_GCC_VERSION=0",
    // Functions are aligned all the same, by the flag compilers had before.
    "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=",
    // Has no levels in clang.
    "CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough",
    // Headers use gcc's address spaces where gcc has them; clang takes them too, but finds one of them named twice.
    "KCFLAGS=-Wno-duplicate-decl-specifier",
];
/// The check of array bounds by its name in clang.
const CHECK_BOUNDS: [&str; 2] = ["CONFIG_UBSAN_BOUNDS_STRICT=", "CONFIG_UBSAN_ARRAY_BOUNDS=y"];
/// gcc itself lists the calls that ftrace patches; clang has no such flag, and another program does it for either. The calls must be
/// left as gcc leaves them, for this kernel to turn into nops: nops that are there already make it warn when the module is loaded.
/// Before objtool could be told so, recordmcount has to do it.
const RECORD_BY_OBJTOOL: [&str; 2] = ["CONFIG_FTRACE_MCOUNT_USE_OBJTOOL=y", "CONFIG_HAVE_OBJTOOL_NOP_MCOUNT="];
const RECORD_BY_RECORDMCOUNT: [&str; 2] = [
    "CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT=y",
    "CONFIG_HAVE_C_RECORDMCOUNT=y",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::Scratch;
    use std::fs;

    #[test]
    fn only_clang_on_a_kernel_of_gcc_is_told_what_to_do() {
        let dir = Scratch::new("compiler");
        let kernel = |config: &str| {
            fs::write(dir.0.join(".config"), config).unwrap();
            Headers {
                dir: dir.0.clone(),
                tools: None,
                identity: String::new(),
                packages: Vec::new(),
                hit: true,
            }
        };
        let compiler = |version: &str| Compiler {
            program: "cc".to_owned(),
            version: version.to_owned(),
            variables: Vec::new(),
            dir: None,
            packages: Vec::new(),
        };
        let told = |version: &str, config: &str| compiler(version).adapted(&kernel(config)).variables;
        let gcc = "CONFIG_CC_IS_GCC=y\n";
        let traced = "CONFIG_CC_IS_GCC=y\nCONFIG_FTRACE_MCOUNT_USE_CC=y\n";
        assert!(told("gcc-14 (Debian) 14.2.0", traced).is_empty());
        assert!(told("Debian clang version 19.1.7", "CONFIG_CC_IS_CLANG=y\n").is_empty());
        let plain = told("Debian clang version 19.1.7 (3+b1)", gcc);
        assert!(plain.contains(&"CONFIG_CLANG_VERSION=190107".to_owned()), "{plain:?}");
        assert!(!plain.iter().any(|one| one.contains("MCOUNT")));
        let records = |config: &str, by: &str| told("Debian clang version 19.1.7", config).contains(&by.to_owned());
        assert!(records(traced, RECORD_BY_RECORDMCOUNT[0]));
        let told_not_to = format!("{traced}CONFIG_HAVE_OBJTOOL_NOP_MCOUNT=y\n");
        assert!(records(&told_not_to, RECORD_BY_OBJTOOL[0]) && !records(&told_not_to, RECORD_BY_RECORDMCOUNT[0]));
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The guest's files: an archive with the firmware, which all cells share, and a small one with what is the cell's own.
//!
//! The kernel takes archives one behind the other, as one file; a boot puts them together.

use crate::build::kbuild::{Modules, MODULES};
use crate::build::programs::Programs;
use crate::cache::{Cache, Entry, Key};
use crate::error::{Error, PathContext, Result};
use crate::kernel::Image;
use crate::proc::Cmd;
use crate::vm::firmware::{self, Firmware};
use crate::vm::initramfs::Archive;
use crate::vm::modules;
use novabridge_protocol::{Plan, PLAN_PATH};
use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// How many VFs the guest enables.
const VFS: u32 = 4;
/// An archive in its entry.
const ARCHIVE: &str = "files.cpio";

/// What goes to the guest.
pub struct Files<'a> {
    /// The kernel, with its own modules.
    pub image: &'a Image,
    /// The modules under test.
    pub built: &'a Modules,
    /// The GPU's firmware.
    pub firmware: &'a Firmware,
    /// The guest's program, and the one that makes vGPU types.
    pub programs: &'a Programs,
    /// The firmware's release.
    pub release: &'a str,
}

/// The finished archives.
pub struct Packed {
    /// In the order the kernel is to unpack them.
    pub archives: [PathBuf; 2],
    /// How many of the kernel's own modules are in them.
    pub modules: usize,
    /// Whether both were there already.
    pub hit: bool,
}

impl Files<'_> {
    /// Packs them (or finds them packed).
    ///
    /// # Errors
    /// The kernel lacks a module; a file cannot be read.
    pub fn pack(&self, cache: &Cache) -> Result<Packed> {
        let shared = self.firmware(cache)?;
        let drivers: Vec<PathBuf> = MODULES.iter().map(|name| self.built.path(name)).collect();
        let needed = modules::needed(&self.image.modules, &drivers)?;
        let own = self.own(cache, &needed, &drivers)?;
        Ok(Packed {
            hit: shared.hit && own.hit,
            archives: [shared.path.join(ARCHIVE), own.path.join(ARCHIVE)],
            modules: needed.len(),
        })
    }

    fn firmware(&self, cache: &Cache) -> Result<Entry> {
        let packages = self.firmware.packages.iter().map(|package| package.sha256.as_str());
        let key = Key::of("guest-firmware-1")
            .with_all("package", packages)
            .with("release", self.release)
            .with_file("metadata", &self.programs.metadata)?
            .build();
        cache.entry("guest-firmware", &key, |dir| {
            let types = dir.join("vgpu-types.bin");
            Cmd::new(&self.programs.metadata)
                .args(["--release", self.release])
                .arg(&types)
                .must("the vGPU type file cannot be made")?;
            let mut out = Output::create(dir.join(ARCHIVE))?;
            for (name, file) in firmware::files(&self.firmware.dir, self.release)? {
                out.file(&format!("lib/firmware/{name}"), &file)?;
            }
            out.file(
                &format!("lib/firmware/{}", firmware::metadata_name(self.release)),
                &types,
            )?;
            out.finish()
        })
    }

    fn own(&self, cache: &Cache, needed: &[PathBuf], drivers: &[PathBuf]) -> Result<Entry> {
        let packages = self.image.packages.iter().map(|package| package.sha256.as_str());
        let key = Key::of("initramfs-3")
            .with_all("package", packages)
            .with("release", self.release)
            .with("modules", self.built.key.as_str())
            .with_file("guest", &self.programs.guest)?
            .build();
        cache.entry("initramfs", &key, |dir| {
            let mut out = Output::create(dir.join(ARCHIVE))?;
            for name in ["proc", "sys", "dev", "tmp"] {
                out.with(|archive| archive.directory(name))?;
            }
            // The kernel opens it for /init before anything is mounted.
            out.with(|archive| archive.device("dev/console", 5, 1))?;
            out.program("init", &self.programs.guest)?;
            let mut placed = Vec::new();
            for module in needed.iter().chain(drivers) {
                let name = module.file_name().unwrap_or_default().to_string_lossy();
                let name = format!("lib/modules/{name}");
                out.file(&name, module)?;
                placed.push(format!("/{name}"));
            }
            let mut own = placed.split_off(needed.len()).into_iter();
            let plan = Plan {
                kernel_modules: placed,
                pf_module: own.next().unwrap_or_default(),
                vf_module: own.next().unwrap_or_default(),
                release: self.release.to_owned(),
                vfs: VFS,
            };
            let plan = serde_json::to_vec(&plan)
                .map_err(|error| Error::cell("the plan cannot be written").found(error.to_string()))?;
            out.with(|archive| archive.file(PLAN_PATH.trim_start_matches('/'), &plan))?;
            out.finish()
        })
    }
}

/// An archive that takes files by their paths, and says in which of them something went wrong.
struct Output {
    archive: Archive<BufWriter<fs::File>>,
    path: PathBuf,
}

impl Output {
    fn create(path: PathBuf) -> Result<Self> {
        Ok(Output {
            archive: Archive::create(&path)?,
            path,
        })
    }

    fn with(&mut self, add: impl FnOnce(&mut Archive<BufWriter<fs::File>>) -> io::Result<()>) -> Result<()> {
        add(&mut self.archive).on("write", &self.path)
    }

    fn file(&mut self, name: &str, from: &Path) -> Result<()> {
        let data = fs::read(from).on("read", from)?;
        self.with(|archive| archive.file(name, &data))
    }

    fn program(&mut self, name: &str, from: &Path) -> Result<()> {
        let data = fs::read(from).on("read", from)?;
        self.with(|archive| archive.program(name, &data))
    }

    fn finish(self) -> Result<()> {
        self.archive.finish().on("write", &self.path).map(|_| ())
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What process 1 owes the machine: file systems, modules, and an end.

use anyhow::{bail, Context, Result};
use nix::{
    errno::Errno,
    kmod::{delete_module, finit_module, DeleteModuleFlags, ModuleInitFlags},
    mount::{mount, MsFlags},
    sys::reboot::{reboot, RebootMode},
    unistd::sync,
};
use std::{
    ffi::CString,
    fs::{self, File},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Mounts what the kernel offers.
pub fn mount_all() -> Result<()> {
    for (fs_type, target) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("debugfs", "/sys/kernel/debug"),
    ] {
        fs::create_dir_all(target).with_context(|| format!("creating {target}"))?;
        mount(Some(fs_type), target, Some(fs_type), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("mounting {fs_type} on {target}"))?;
    }
    Ok(())
}

/// Loads a module from its file.
pub fn load_module(path: &str) -> Result<()> {
    let file = File::open(path).with_context(|| format!("opening {path}"))?;
    finit_module(&file, &CString::default(), ModuleInitFlags::empty()).with_context(|| format!("loading {path}"))
}

/// Unloads the module that was loaded from `path`; fails at once when it is in use.
pub fn unload_module(path: &str) -> Result<(), Errno> {
    let name = module_name(path);
    // The name is a file's name, which has no NUL.
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    delete_module(&name, DeleteModuleFlags::O_NONBLOCK)
}

/// The kernel's name of a module: the file's, with '-' as '_'.
pub fn module_name(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    stem.to_string_lossy().replace('-', "_")
}

/// Writes to a file of sysfs, for a caller that wants to see the error number.
pub fn try_write(path: impl AsRef<Path>, value: &str) -> Result<(), Errno> {
    fs::write(path, value).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
}

/// Waits until `done` returns something.
pub fn wait_for<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = done() {
            return Ok(found);
        }
        if start.elapsed() > limit {
            bail!("{what}: not within {limit:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Milliseconds since the kernel started.
pub fn uptime_ms() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 = text.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or_default();
    (seconds * 1000.0) as u64
}

/// Ends the machine. Does not return while it works.
pub fn power_off() -> ! {
    sync();
    loop {
        // The type says that it never succeeds and returns.
        let Err(errno) = reboot(RebootMode::RB_POWER_OFF);
        eprintln!("init: power off: {errno}");
        thread::sleep(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_names_are_the_kernels() {
        assert_eq!(
            module_name("/lib/modules/novabridge-vfio-pci.ko"),
            "novabridge_vfio_pci"
        );
    }

    #[test]
    fn waiting_ends() {
        let mut calls = 0;
        let third = wait_for("x", Duration::from_secs(9), || {
            calls += 1;
            (calls == 3).then_some(calls)
        });
        assert_eq!(third.unwrap(), 3);
        assert!(wait_for("x", Duration::ZERO, || None::<()>).is_err());
    }
}

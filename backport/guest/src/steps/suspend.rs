// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A suspend of the machine's devices, without the machine's (Documentation/power/basic-pm-debugging.rst).

use super::Cell;
use crate::{client::Client, report::Report, system::try_write};
use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use std::{fs, path::Path};

/// What the log has of a suspend that is refused: the PF driver's words, and the kernel's of how it gives up.
pub(super) const REFUSAL: [&str; 3] = ["no suspend while a VF is open", "returns -16", "failed to suspend"];

impl Cell<'_> {
    pub(super) fn suspend(&mut self, report: &mut Report) -> Result<()> {
        if let Some(what) = lacks_test(Path::new("/sys")) {
            report.not_offered(what);
            return Ok(());
        }
        let client = Client::open(self.vf(0)?)?;
        let found = suspend_devices()?;
        ensure!(
            found == Err(Errno::EBUSY),
            "a suspend of the devices with a vGPU open: expected EBUSY, found {found:?}"
        );
        ensure!(client.engine().state()?.alive, "the vGPU did not survive the refusal");
        drop(client);

        let found = suspend_devices()?;
        ensure!(found == Ok(()), "a suspend of the devices: found {found:?}");
        let state = self.gpu_info("state")?;
        ensure!(
            state == "running",
            "state of the GPU after the devices resumed: found {state:?}"
        );
        Ok(())
    }
}

/// Suspends and resumes all devices; the kernel's answer.
fn suspend_devices() -> Result<Result<(), Errno>> {
    let set = |path: &str, value: &str| fs::write(path, value).with_context(|| format!("writing {value:?} to {path}"));
    set("/sys/module/suspend/parameters/pm_test_delay", "0")?;
    set("/sys/power/pm_test", "devices")?;
    let answer = try_write("/sys/power/state", "freeze");
    set("/sys/power/pm_test", "none")?;
    Ok(answer)
}

/// What of a device suspend without the machine's this kernel lacks, if it lacks any.
fn lacks_test(sys: &Path) -> Option<String> {
    let option = match ["power/state", "power/pm_test"].map(|name| sys.join(name).exists()) {
        [false, _] => "cannot suspend (no /sys/power/state: CONFIG_SUSPEND)",
        [true, false] => "cannot suspend devices alone (no /sys/power/pm_test: CONFIG_PM_DEBUG)",
        [true, true] => return None,
    };
    Some(format!("this kernel {option}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_for_a_suspend_is_named() {
        let sys = std::env::temp_dir().join(format!("guest-sys-{}", std::process::id()));
        let lacks = || lacks_test(&sys);
        fs::create_dir_all(sys.join("power")).unwrap();
        assert!(lacks().unwrap().contains("CONFIG_SUSPEND"));
        fs::write(sys.join("power/state"), "").unwrap();
        assert!(lacks().unwrap().contains("CONFIG_PM_DEBUG"));
        fs::write(sys.join("power/pm_test"), "").unwrap();
        assert_eq!(lacks(), None);
        fs::remove_dir_all(&sys).unwrap();
    }
}

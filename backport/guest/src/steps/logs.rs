// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The firmware's logs, as debugfs shows them.

use super::Cell;
use crate::report::Report;
use anyhow::{ensure, Context, Result};
use std::{fs, io::ErrorKind, path::Path};

impl Cell<'_> {
    /// With a vGPU open on VF 0.
    pub(super) fn logs(&mut self, report: &mut Report) -> Result<()> {
        let gpu = self.gpu_dir()?;
        for name in ["log_init", "log_intr", "log_rm"] {
            let log = read(&gpu.join(name))?.with_context(|| format!("there is no {name} of the GPU"))?;
            // The firmware keeps the number of its words in the first one.
            let words = log.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            ensure!(
                (1..log.len() as u64 / 8).contains(&words),
                "{name} has {} bytes and says it holds {words} words",
                log.len()
            );
            report.note(name, words);
        }
        let vgpu = gpu.join("vf0");
        for name in ["log_init", "log_task"] {
            let log = read(&vgpu.join(name))?.with_context(|| format!("there is no {name} of the vGPU"))?;
            ensure!(!log.is_empty(), "{name} of the vGPU is empty");
            report.note(&format!("vgpu {name}"), log.len());
        }
        // Some releases have none.
        let kernel = read(&vgpu.join("log_kernel"))?;
        report.note("vgpu log_kernel", kernel.map(|log| log.len()));
        Ok(())
    }

    /// That a closed vGPU has left no files.
    pub(super) fn logs_gone(&self) -> Result<()> {
        let vgpu = self.gpu_dir()?.join("vf0");
        ensure!(!vgpu.exists(), "{} is still there", vgpu.display());
        Ok(())
    }
}

/// A log's bytes; `None` if the firmware has no such log.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(log) => Ok(Some(log)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

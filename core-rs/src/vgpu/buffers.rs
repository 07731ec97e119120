// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The buffers at the beginning of a vGPU's management heap, through which host and plugin talk.
//!
//! In this order: control (host to plugin), response (plugin to host), message (both), migration, error, then the logs of the
//! plugin's init task, of the plugin, and in later releases of its kernel. Source: `dev_vgpu_gsp.h` as published with the vGPU
//! series (v1 for 535, RFC v2 for 570).

use crate::platform::Platform;
use crate::pramin::Pramin;
use crate::release::Release;
use crate::Result;

/// An area of the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Offset in the heap.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// Where each buffer lies.
#[derive(Clone, Copy, Debug)]
pub struct Buffers {
    /// Host to plugin: what to do.
    pub control: Area,
    /// Plugin to host: what was done.
    pub response: Area,
    /// Bodies of messages, both ways.
    pub message: Area,
    /// State of a vGPU that migrates, as a ring.
    pub migration: Area,
    /// Errors the plugin reports.
    pub error: Area,
    /// Log of the init task.
    pub init_log: Area,
    /// Log of the plugin.
    pub vgpu_log: Area,
    /// Log of the plugin's kernel; of size 0 in releases that have none.
    pub kernel_log: Area,
    /// Bytes of all.
    pub total: u64,
}

impl Buffers {
    /// Those of `release`.
    pub fn of(release: &Release) -> Self {
        let sizes = &release.plugin;
        let mut total: u64 = 0;
        let mut next = |size: u64| {
            let area = Area { offset: total, size };
            total = total.wrapping_add(size);
            area
        };
        let control = next(sizes.ctrl_size);
        let response = next(sizes.response_size);
        let message = next(sizes.message_size);
        let migration = next(sizes.migration_size);
        let error = next(sizes.error_size);
        let init_log = next(sizes.init_log_size);
        let vgpu_log = next(sizes.vgpu_log_size);
        let kernel_log = next(sizes.kernel_log_size);
        Buffers {
            control,
            response,
            message,
            migration,
            error,
            init_log,
            vgpu_log,
            kernel_log,
            total,
        }
    }

    /// Clears what an earlier vGPU may have left at `heap`: its mark would be taken for the new plugin's, its messages for
    /// replies, its logs for news. A log is empty when its first word, the write position, is 0.
    ///
    /// # Errors
    /// Those of [`Pramin::zero`].
    pub fn clear<P: Platform>(&self, pramin: &Pramin<P>, heap: u64) -> Result<()> {
        for area in [self.control, self.response, self.message, self.error] {
            pramin.zero(heap.saturating_add(area.offset), area.size)?;
        }
        for log in [self.init_log, self.vgpu_log, self.kernel_log] {
            pramin.zero(heap.saturating_add(log.offset), log.size.min(8))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release;

    #[test]
    fn areas_of_both_releases() {
        let old = Buffers::of(release::find(b"535.113.01").unwrap());
        let new = Buffers::of(release::find(b"570.144").unwrap());
        for buffers in [&old, &new] {
            assert_eq!(buffers.migration.offset, 0x3000);
            assert_eq!(buffers.error.offset, 0x203000);
            assert_eq!(
                buffers.init_log,
                Area {
                    offset: 0x204000,
                    size: 0x20000
                }
            );
            assert_eq!(
                buffers.vgpu_log,
                Area {
                    offset: 0x224000,
                    size: 0x40000
                }
            );
        }
        assert_eq!((old.kernel_log.size, old.total), (0, 0x264000));
        assert_eq!((new.kernel_log.offset, new.kernel_log.size), (0x264000, 0x10000));
        assert_eq!(new.total, 0x274000);
    }
}

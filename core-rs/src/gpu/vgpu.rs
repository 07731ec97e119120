// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPUs of a GPU whose firmware runs: [`crate::vgpu::Manager`]'s operations for whoever has a [`Gpu`].
//!
//! Every operation fails with [`Kind::BadState`] when the firmware does not run, besides what its own documentation and that of
//! the manager say.

use super::running::Running;
use super::Gpu;
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::vgpu::{Config, Hardware, Info, Log, Manager, VgpuId, VgpuType};

/// A vGPU type, and how many vGPUs of it could be created now.
#[derive(Clone, Copy)]
pub struct Offer {
    /// The type.
    pub kind: VgpuType,
    /// How many.
    pub available: u32,
}

impl<P: Platform> Running<P> {
    fn hardware(&self) -> Hardware<'_, P> {
        Hardware {
            channel: &self.channel,
            pramin: &self.pramin,
        }
    }

    fn manager(&self) -> Result<&Manager<P>> {
        self.vgpus.as_deref().ok_or_else(|| Kind::NotVgpuHost.into())
    }
}

impl<P: Platform> Gpu<P> {
    /// Does something with the manager.
    fn with_manager<R>(
        &self,
        doing: &str,
        action: impl FnOnce(&Manager<P>, &Hardware<'_, P>) -> Result<R>,
    ) -> Result<R> {
        let done = self.running().and_then(|running| {
            let manager = running.manager()?;
            action(manager, &running.hardware())
        });
        self.told(doing, done)
    }

    /// How many types there are; none unless booted as a vGPU host.
    ///
    /// # Errors
    /// None but [`Kind::BadState`].
    pub fn vgpu_type_count(&self) -> Result<u32> {
        let running = self.running()?;
        Ok(running
            .vgpus
            .as_ref()
            .map_or(0, |manager| manager.types().count() as u32))
    }

    /// The type at place `index` of the list.
    ///
    /// # Errors
    /// [`Kind::VgpuTypeUnknown`] behind its end.
    pub fn vgpu_type_at(&self, index: u32) -> Result<Offer> {
        self.offer(|manager| {
            manager
                .types()
                .nth(index as usize)
                .ok_or_else(|| Error::found(Kind::VgpuTypeUnknown, index.into()))
        })
    }

    /// The type with number `id`.
    ///
    /// # Errors
    /// [`Kind::VgpuTypeUnknown`].
    pub fn vgpu_type_find(&self, id: u32) -> Result<Offer> {
        self.offer(|manager| manager.find_type(id))
    }

    /// A question whose refusal is an answer and no failure: it is not told.
    fn offer(&self, find: impl FnOnce(&Manager<P>) -> Result<VgpuType>) -> Result<Offer> {
        let running = self.running()?;
        let manager = match &running.vgpus {
            Some(manager) => manager,
            None => return Err(Kind::VgpuTypeUnknown.into()),
        };
        let kind = find(manager)?;
        Ok(Offer {
            kind,
            available: manager.available(&kind),
        })
    }

    /// Creates a vGPU.
    ///
    /// # Errors
    /// As [`Manager::create`].
    pub fn vgpu_create(&self, config: &Config) -> Result<VgpuId> {
        self.with_manager("creating a vGPU", |manager, hardware| manager.create(hardware, config))
    }

    /// Destroys a vGPU; it is gone whatever is returned.
    ///
    /// # Errors
    /// As [`Manager::destroy`].
    pub fn vgpu_destroy(&self, id: VgpuId) -> Result<()> {
        self.with_manager("destroying a vGPU", |manager, hardware| {
            manager.destroy(hardware, id).map_err(Error::of_last_try)
        })
    }

    /// Resets a vGPU.
    ///
    /// # Errors
    /// As [`Manager::reset`].
    pub fn vgpu_reset(&self, id: VgpuId) -> Result<()> {
        self.with_manager("resetting a vGPU", |manager, hardware| manager.reset(hardware, id))
    }

    /// Tells a vGPU's plugin whether its VF may master the bus.
    ///
    /// # Errors
    /// As [`Manager::set_bus_master`].
    pub fn vgpu_set_bus_master(&self, id: VgpuId, enabled: bool) -> Result<()> {
        self.with_manager("setting a vGPU's bus mastering", |manager, hardware| {
            manager.set_bus_master(hardware, id, enabled)
        })
    }

    /// What is known of a vGPU.
    ///
    /// # Errors
    /// As [`Manager::info`].
    pub fn vgpu_info(&self, id: VgpuId) -> Result<Info> {
        self.with_manager("asking for a vGPU", |manager, hardware| manager.info(hardware, id))
    }

    /// Reads from a vGPU's log; returns the number of bytes, 0 behind the end.
    ///
    /// # Errors
    /// As [`Manager::read_log`].
    pub fn vgpu_read_log(&self, id: VgpuId, log: Log, off: u64, buf: &mut [u8]) -> Result<usize> {
        let read = self.with_manager("reading a vGPU's log", |manager, hardware| {
            match manager.read_log(hardware, id, log, off, buf) {
                // An answer and no failure: it is not told.
                Err(error) if error.kind() == Kind::NoLog => Ok(None),
                read => read.map(Some),
            }
        })?;
        read.ok_or_else(|| Kind::NoLog.into())
    }

    /// Suspends a vGPU.
    ///
    /// # Errors
    /// As [`Manager::suspend`].
    pub fn vgpu_suspend(&self, id: VgpuId) -> Result<()> {
        self.with_manager("suspending a vGPU", |manager, hardware| manager.suspend(hardware, id))
    }

    /// Resumes a vGPU.
    ///
    /// # Errors
    /// As [`Manager::resume`].
    pub fn vgpu_resume(&self, id: VgpuId) -> Result<()> {
        self.with_manager("resuming a vGPU", |manager, hardware| manager.resume(hardware, id))
    }

    /// Reads the next piece of a suspended vGPU's state; 0 = all was said.
    ///
    /// # Errors
    /// As [`Manager::save`].
    pub fn vgpu_save(&self, id: VgpuId, bytes: &mut [u8]) -> Result<usize> {
        self.with_manager("saving a vGPU", |manager, hardware| manager.save(hardware, id, bytes))
    }

    /// Gives a suspended vGPU the next piece of a state; returns how much was taken.
    ///
    /// # Errors
    /// As [`Manager::restore`].
    pub fn vgpu_restore(&self, id: VgpuId, bytes: &[u8]) -> Result<usize> {
        self.with_manager("restoring a vGPU", |manager, hardware| {
            manager.restore(hardware, id, bytes)
        })
    }
}

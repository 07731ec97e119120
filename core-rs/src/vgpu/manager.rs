// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The vGPUs of one GPU, from creation to destruction.

use super::bootload;
use super::buffers::Area;
use super::migration::Stage;
use super::plugin::Plugin;
use super::reservation::{Reservation, Supply, Table};
use super::setup;
use super::space::Range;
use super::types::{Types, VgpuType};
use super::{Config, Hardware};
use crate::error::{Error, Kind, Result};
use crate::mem::Values;
use crate::platform::{Level, Platform};
use crate::rm::{self, Client};
use crate::rpc::static_info::StaticInfo;
use crate::sync::{Guard, Mutex};
use crate::text::Text;
use crate::wire;

/// RM client number of the manager.
const OWN_CLIENT: u16 = 0;
/// More VFs than any GPU has; keeps client numbers apart.
const VFS_MAX: u32 = 256;

/// Names a vGPU: its VF, and which of the vGPUs that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VgpuId {
    /// Index of the VF.
    pub vf: u32,
    generation: u32,
}

impl VgpuId {
    /// The id as a number, for users that cannot hold it as what it is.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.vf as u64
    }

    /// The id of a number that [`VgpuId::to_bits`] gave; any other number is the id of no vGPU or of another one.
    pub const fn from_bits(bits: u64) -> Self {
        VgpuId {
            vf: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

/// What is known of a vGPU.
#[derive(Clone, Copy)]
pub struct Info {
    /// Its type.
    pub kind: VgpuType,
    /// Its guest frame buffer.
    pub framebuffer: Range,
    /// Its channel ids.
    pub channels: Range,
    /// RPC version of the guest's driver; 0 before it came.
    pub guest_version: u32,
    /// Suspended, or on the way to or from another host.
    pub suspended: bool,
}

/// Logs of a vGPU's plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Of the init task.
    Init,
    /// Of the plugin.
    Task,
    /// Of the plugin's kernel.
    Kernel,
}

/// A running vGPU.
pub(super) struct Instance {
    generation: u32,
    client: Client,
    pub(super) plugin: Plugin,
    pub(super) stage: Stage,
}

/// The vGPUs of one GPU.
pub struct Manager<P: Platform> {
    client: Client,
    types: Types<P>,
    table: Mutex<P, Table<P>>,
    instances: Values<P, Mutex<P, Option<Instance>>>,
}

impl<P: Platform> Manager<P> {
    /// Asks the firmware what there is, tells it the vGPU types for PCI device id `device`, and prepares for `vfs` VFs, as many as
    /// `partitions` of them with a vGPU at once.
    ///
    /// # Errors
    /// Those of the platform's allocations, locks and files, of [`rm`]'s queries, and of the metadata file.
    pub fn new(hardware: &Hardware<'_, P>, info: &StaticInfo, device: u16, vfs: u32, partitions: u32) -> Result<Self> {
        if vfs == 0 || vfs > VFS_MAX {
            return Err(Error::mismatch(Kind::VfRange, VFS_MAX.into(), vfs.into()));
        }
        let client = Client::new(hardware.channel, OWN_CLIENT)?;
        Self::with_client(hardware, client, info, device, vfs, partitions).map_err(|error| {
            let _ = client.free(hardware.channel);
            error
        })
    }

    fn with_client(
        hardware: &Hardware<'_, P>,
        client: Client,
        info: &StaticInfo,
        device: u16,
        vfs: u32,
        partitions: u32,
    ) -> Result<Self> {
        let channel = hardware.channel;
        let platform = channel.platform();
        let target = client.subdevice();
        let segment = rm::vmmu_segment_size(channel, target)?;
        let channels = rm::channel_count(channel, target)?;
        let supply = Supply::new(channels, segment, partitions, info);
        Ok(Manager {
            client,
            types: Types::load(channel, target, device)?,
            table: Mutex::new(platform, Table::new(platform, vfs, supply)?)?,
            instances: Values::new(platform, vfs as usize, |_| Mutex::new(platform, None))?,
        })
    }

    /// Gives the firmware back what the manager has of it. The caller has made sure that no vGPU is [`Manager::alive`].
    ///
    /// # Errors
    /// Those of [`Client::free`]. The manager is of no use behind this in any case.
    pub fn close(&self, hardware: &Hardware<'_, P>) -> Result<()> {
        self.client.free(hardware.channel)
    }

    /// The types, in the order of the metadata file.
    pub fn types(&self) -> impl Iterator<Item = VgpuType> + '_ {
        self.types.iter()
    }

    /// The type with number `id`.
    ///
    /// # Errors
    /// [`Kind::VgpuTypeUnknown`].
    pub fn find_type(&self, id: u32) -> Result<VgpuType> {
        self.types.find(id)
    }

    /// How many vGPUs of type `kind` could be created now.
    pub fn available(&self, kind: &VgpuType) -> u32 {
        self.table.lock().available(kind)
    }

    /// How many vGPUs there are, those being created or destroyed included.
    pub fn alive(&self) -> u32 {
        self.table.lock().alive()
    }

    /// How many vGPUs there can be.
    pub fn vfs(&self) -> u32 {
        self.instances.as_slice().len() as u32
    }

    /// Bytes of a VMMU segment.
    pub fn segment(&self) -> u64 {
        self.table.lock().supply().segment()
    }

    /// Channel ids in all.
    pub fn channels(&self) -> u32 {
        self.table.lock().supply().channels()
    }

    /// Bytes of frame buffer free for further vGPUs.
    #[cfg(test)]
    pub fn free_framebuffer(&self) -> u64 {
        self.table.lock().free_framebuffer()
    }

    /// Creates a vGPU. What had been taken when it fails is given back.
    ///
    /// # Errors
    /// - [`Kind::VgpuTypeUnknown`], [`Kind::VgpuTypesMixed`], [`Kind::VgpuTypeExhausted`].
    /// - [`Kind::VfRange`], [`Kind::VfBusy`], [`Kind::VfQuarantined`].
    /// - [`Kind::NoChannels`], [`Kind::NoFramebuffer`].
    /// - Those of [`Client::new`] and of [`rm::control()`]: the firmware refused.
    /// - [`Kind::PluginSilent`], [`Kind::PluginVersion`], [`Kind::PluginTimeout`], [`Kind::PluginRefused`].
    pub fn create(&self, hardware: &Hardware<'_, P>, config: &Config) -> Result<VgpuId> {
        let kind = self.types.find(config.type_id)?;
        let mut instance = self.instance(config.vf)?;
        let (reservation, generation) = self.table.lock().reserve(config.vf, &kind)?;
        let created = self.bring_up(hardware, config, &reservation, generation);
        match created {
            Ok((client, plugin)) => {
                *instance = Some(Instance {
                    generation,
                    client,
                    plugin,
                    stage: Stage::Running,
                });
                Ok(VgpuId {
                    vf: config.vf,
                    generation,
                })
            }
            Err(Failure { error, stopped }) => {
                self.settle(hardware, config.vf, stopped);
                Err(error)
            }
        }
    }

    fn bring_up(
        &self,
        hardware: &Hardware<'_, P>,
        config: &Config,
        reservation: &Reservation,
        generation: u32,
    ) -> core::result::Result<(Client, Plugin), Failure> {
        let channel = hardware.channel;
        let release = channel.release();
        let mut plugin = Plugin::new(release, bootload::gfid(config.vf), reservation.heap.start);
        plugin.buffers().clear(hardware.pramin, reservation.heap.start)?;
        let client = Client::new(channel, client_number(config.vf, generation))?;

        let booted = bootload::start(channel, client.subdevice(), config, reservation, &plugin);
        if let Err(error) = booted {
            let stopped = error.is_refusal() || {
                // It may have been carried out and only its reply lost. If so, one of these is not refused.
                let end = stop(hardware, client, config.vf);
                end.is_stopped() || end.is_refused()
            };
            if error.is_refusal() {
                let _ = client.free(channel);
            }
            return Err(Failure { error, stopped });
        }
        let started = plugin
            .wait_started(hardware)
            .and_then(|()| setup::negotiate(hardware, &mut plugin))
            .and_then(|()| setup::configure(hardware, config, reservation, client, &mut plugin));
        started.map_err(|error| Failure {
            error,
            stopped: stop(hardware, client, config.vf).is_stopped(),
        })?;
        Ok((client, plugin))
    }

    /// Destroys a vGPU. It is gone in any case; the result says whether the firmware agreed.
    ///
    /// # Errors
    /// [`Kind::VgpuStale`]: it was gone before. The first of those of [`rm::control()`] and [`Client::free`]. If the firmware
    /// could not be brought to stop the plugin, the VF and what its vGPU had are out of use until the firmware is restarted.
    pub fn destroy(&self, hardware: &Hardware<'_, P>, id: VgpuId) -> Result<()> {
        let mut instance = self.live(id)?;
        let taken = instance.take().ok_or(Kind::VgpuStale)?;
        let end = stop(hardware, taken.client, id.vf);
        self.settle(hardware, id.vf, end.is_stopped());
        end.result()
    }

    /// Resets a vGPU (the plugin's RESET: what a function-level reset of the VF means).
    ///
    /// # Errors
    /// [`Kind::VgpuStale`], [`Kind::MigrationState`]: it is suspended; [`Kind::PluginTimeout`], [`Kind::PluginRefused`]; those of the frame-buffer window.
    pub fn reset(&self, hardware: &Hardware<'_, P>, id: VgpuId) -> Result<()> {
        let reset = hardware.channel.release().plugin_messages.reset;
        self.with(id, |instance| {
            instance.stage.expect_running()?;
            instance.plugin.call(hardware, reset, &mut [])
        })
    }

    /// Tells the plugin whether the VF may master the bus.
    ///
    /// # Errors
    /// As [`Manager::reset`].
    pub fn set_bus_master(&self, hardware: &Hardware<'_, P>, id: VgpuId, enabled: bool) -> Result<()> {
        let release = hardware.channel.release();
        let mut body = [0; 4];
        wire::put_u8(&mut body, release.plugin_message.bme_enable, enabled.into())?;
        self.with(id, |instance| {
            instance.stage.expect_running()?;
            let message = release.plugin_messages.update_bme_state;
            instance.plugin.call(hardware, message, &mut body)
        })
    }

    /// What is known of a vGPU.
    ///
    /// # Errors
    /// [`Kind::VgpuStale`]; those of the frame-buffer window.
    pub fn info(&self, hardware: &Hardware<'_, P>, id: VgpuId) -> Result<Info> {
        let field = hardware.channel.release().plugin_response.guest_rpc_version;
        self.with(id, |instance| {
            let reservation = self.table.lock().get(id.vf, id.generation)?;
            Ok(Info {
                kind: self.types.find(reservation.type_id)?,
                framebuffer: reservation.framebuffer,
                channels: reservation.channels,
                guest_version: instance.plugin.response(hardware, field)?,
                suspended: instance.stage.expect_running().is_err(),
            })
        })
    }

    /// Reads from a log, from `offset` on. Returns how much there was to read: less than asked for at the log's end.
    ///
    /// # Errors
    /// [`Kind::NoLog`]: the release has no such log; [`Kind::VgpuStale`]; those of the frame-buffer window.
    pub fn read_log(
        &self,
        hardware: &Hardware<'_, P>,
        id: VgpuId,
        log: Log,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<usize> {
        self.with(id, |instance| {
            let buffers = instance.plugin.buffers();
            let Area { offset: start, size } = match log {
                Log::Init => buffers.init_log,
                Log::Task => buffers.vgpu_log,
                Log::Kernel => buffers.kernel_log,
            };
            if size == 0 {
                return Err(Kind::NoLog.into());
            }
            let len = size.saturating_sub(offset).min(bytes.len() as u64) as usize;
            let at = instance.plugin.address(start.saturating_add(offset));
            hardware.pramin.read(at, bytes.get_mut(..len).unwrap_or(&mut []))?;
            Ok(len)
        })
    }

    /// Runs `f` on a live vGPU.
    pub(super) fn with<R>(&self, id: VgpuId, f: impl FnOnce(&mut Instance) -> Result<R>) -> Result<R> {
        let mut instance = self.live(id)?;
        f(instance.as_mut().ok_or(Kind::VgpuStale)?)
    }

    fn live(&self, id: VgpuId) -> Result<Guard<'_, P, Option<Instance>>> {
        let instance = self.instance(id.vf)?;
        match instance.as_ref() {
            Some(live) if live.generation == id.generation => Ok(instance),
            _ => Err(Error::found(Kind::VgpuStale, id.vf.into())),
        }
    }

    fn instance(&self, vf: u32) -> Result<Guard<'_, P, Option<Instance>>> {
        let slots = self.instances.as_slice();
        slots
            .get(vf as usize)
            .map(Mutex::lock)
            .ok_or_else(|| Error::mismatch(Kind::VfRange, slots.len() as u64, vf.into()))
    }

    /// Gives back what VF `vf` has, if its plugin is `stopped`; else nobody may have it.
    fn settle(&self, hardware: &Hardware<'_, P>, vf: u32, stopped: bool) {
        if stopped {
            self.table.lock().release(vf);
            return;
        }
        self.table.lock().quarantine(vf);
        let mut line = Text::<128>::new();
        line.str("VF ").dec(vf.into());
        line.str(": the firmware did not stop its vGPU; it stays out of use until the GPU is shut down");
        hardware.channel.platform().log(Level::Error, line.as_str());
    }
}

/// RM client number of a vGPU: differs between VFs, and between the vGPUs of a VF, so that a client that the firmware did not
/// free is in nobody's way.
fn client_number(vf: u32, generation: u32) -> u16 {
    const VF_BITS: u32 = 9;
    (vf.wrapping_add(1) | generation << VF_BITS) as u16
}

/// Why bringing up a vGPU failed.
struct Failure {
    error: Error,
    /// No plugin runs that could still use what was reserved.
    stopped: bool,
}

impl From<Error> for Failure {
    /// Before BOOTLOAD there is no plugin.
    fn from(error: Error) -> Self {
        Failure { error, stopped: true }
    }
}

/// How the firmware took the end of a vGPU.
struct End {
    shutdown: Result<()>,
    cleanup: Result<()>,
    free: Result<()>,
}

impl End {
    /// One of the two is enough: a plugin that was shut down does not run, and one that was cleaned up does not exist.
    fn is_stopped(&self) -> bool {
        self.shutdown.is_ok() || self.cleanup.is_ok()
    }

    /// The firmware answered both and did neither.
    fn is_refused(&self) -> bool {
        let refused = |outcome: &Result<()>| outcome.map_err(|error| error.is_refusal()) == Err(true);
        refused(&self.shutdown) && refused(&self.cleanup)
    }

    fn result(self) -> Result<()> {
        self.shutdown.and(self.cleanup).and(self.free)
    }
}

fn stop<P: Platform>(hardware: &Hardware<'_, P>, client: Client, vf: u32) -> End {
    let channel = hardware.channel;
    End {
        shutdown: bootload::shut_down(channel, client.subdevice(), vf),
        cleanup: bootload::clean_up(channel, client.subdevice(), vf),
        free: client.free(channel),
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The first words with a started plugin: agreeing on a version, then telling it what its vGPU is.

use super::plugin::Plugin;
use super::reservation::Reservation;
use super::{Config, Hardware, PLUGIN_CHANNELS};
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::release::Release;
use crate::rm::Client;
use crate::wire;

/// Room for the parameters of any release (112 bytes in 570).
const CONFIG_MAX: usize = 128;
/// `migration_feature`, `hypervisor_type` (KVM) and `host_cpu_arch` (x86-64) as RFC v2 sends them.
const MIGRATION_FEATURE: u32 = 0x4000;
const HYPERVISOR_KVM: u32 = 4;
const HOST_X86_64: u32 = 2;
const HOST_PAGE_SIZE: u64 = 4096;

/// VERSION_NEGOTIATION: we say the version of the buffers' format that we speak; a plugin that answers with a later one would
/// not be understood. One that leaves the answer 0 agrees (RFC v2 does not even look).
///
/// # Errors
/// [`Kind::PluginVersion`]; those of [`Plugin::call`].
pub fn negotiate<P: Platform>(hardware: &Hardware<'_, P>, plugin: &mut Plugin) -> Result<()> {
    let release = hardware.channel.release();
    let fields = &release.plugin_message;
    let ours = release.plugin.ctrl_version;
    let mut body = [0; 8];
    wire::put_u32(&mut body, fields.version_cpu, ours)?;
    plugin.call(hardware, release.plugin_messages.version_negotiation, &mut body)?;
    match wire::get_u32(&body, fields.version_negotiated)? {
        theirs if theirs > ours => Err(Error::mismatch(Kind::PluginVersion, ours.into(), theirs.into())),
        _ => Ok(()),
    }
}

/// SETUP_CONFIG_PARAMS_AND_INIT. The values that are not of this vGPU are those of RFC v2's `rpc.c`.
///
/// # Errors
/// Those of [`Plugin::call`].
pub fn configure<P: Platform>(
    hardware: &Hardware<'_, P>,
    config: &Config,
    reservation: &Reservation,
    client: Client,
    plugin: &mut Plugin,
) -> Result<()> {
    let release = hardware.channel.release();
    let mut body = [0; CONFIG_MAX];
    encode_config(release, config, reservation, client, &mut body)?;
    let body = wire::bytes_mut(&mut body, 0, release.plugin_config.size)?;
    plugin.call(hardware, release.plugin_messages.setup_config_params_and_init, body)
}

fn encode_config(
    release: &Release,
    config: &Config,
    reservation: &Reservation,
    client: Client,
    body: &mut [u8],
) -> Result<()> {
    let fields = &release.plugin_config;
    // The firmware wants the vGPUs of a host to differ; their VFs do.
    wire::put(body, fields.vgpu_uuid, b"NovaBridge")?;
    wire::put_u32(body, fields.vgpu_uuid.saturating_add(12), config.sbdf)?;
    for (offset, value) in [
        (fields.dbdf, config.sbdf),
        (fields.vgpu_device_instance_id, client.handle()),
        (fields.vgpu_type, config.type_id),
        (fields.vm_pid, config.vm_pid),
        (fields.num_channels, reservation.channels.len() as u32),
        (fields.num_plugin_channels, PLUGIN_CHANNELS),
        (fields.migration_feature, MIGRATION_FEATURE),
        (fields.hypervisor_type, HYPERVISOR_KVM),
        (fields.host_cpu_arch, HOST_X86_64),
    ] {
        wire::put_u32(body, offset, value)?;
    }
    wire::put_u64(body, fields.host_page_size, HOST_PAGE_SIZE)?;
    for offset in [
        fields.vmm_migration_supported,
        fields.enable_console_vnc,
        fields.use_non_stall_linux_events,
    ] {
        wire::put_u8(body, offset, 1)?;
    }
    Ok(())
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Starting and stopping a vGPU's plugin in the firmware.

use super::plugin::Plugin;
use super::reservation::Reservation;
use super::{Config, PLUGIN_CHANNELS};
use crate::mem::Block;
use crate::platform::Platform;
use crate::release::Release;
use crate::rm::{self, Target};
use crate::rpc::Channel;
use crate::wire;
use crate::Result;

/// Room for the parameters of SHUTDOWN and CLEANUP: the graphics function.
const GFID_PARAMS_MAX: usize = 8;

/// Graphics function of VF `vf`; 0 is the PF.
pub fn gfid(vf: u32) -> u32 {
    vf.saturating_add(1)
}

/// Starts the plugin (`NV2080_CTRL_CMD_VGPU_MGR_INTERNAL_BOOTLOAD_GSP_VGPU_PLUGIN_TASK`).
///
/// # Errors
/// Those of [`rm::control()`] and of the platform's `mem_alloc`.
pub fn start<P: Platform>(
    channel: &Channel<P>,
    target: Target,
    config: &Config,
    reservation: &Reservation,
    plugin: &Plugin,
) -> Result<()> {
    let release = channel.release();
    // 6.6 KB, too much for a kernel stack.
    let mut params = Block::new(channel.platform(), release.bootload.size)?;
    encode(release, config, reservation, plugin, params.bytes_mut())?;
    let command = release.controls.vgpu_bootload;
    rm::control(channel, target, command, params.bytes(), 0, |_| Ok(()))
}

fn encode(
    release: &Release,
    config: &Config,
    reservation: &Reservation,
    plugin: &Plugin,
    params: &mut [u8],
) -> Result<()> {
    let layout = &release.bootload;
    let channels = reservation.channels;
    for (offset, value) in [
        (layout.dbdf, config.sbdf),
        (layout.gfid, gfid(config.vf)),
        (layout.vgpu_type, config.type_id),
        (layout.vm_pid, config.vm_pid),
        (layout.num_channels, channels.len() as u32),
        (layout.num_plugin_channels, PLUGIN_CHANNELS),
        (layout.num_guest_fb_segments, 1),
    ] {
        wire::put_u32(params, offset, value)?;
    }
    // The same channel ids on every engine; what stands for engines that are not there is not read.
    for engine in 0..layout.chid_offset.count {
        if let Some(offset) = layout.chid_offset.offset(engine) {
            wire::put_u32(params, offset, channels.start as u32)?;
        }
    }
    let buffers = plugin.buffers();
    // "Offset" in their names notwithstanding, the places of the logs are frame-buffer addresses (RFC v2, `vgpu.c`); that of
    // the control buffer, 0, is an offset in the heap.
    for (offset, value) in [
        (layout.guest_fb_addrs.at, reservation.framebuffer.start),
        (layout.guest_fb_lengths.at, reservation.framebuffer.len()),
        (layout.plugin_heap_addr, reservation.heap.start),
        (layout.plugin_heap_length, reservation.heap.len()),
        (layout.ctrl_buff_offset, buffers.control.offset),
        (layout.init_task_log_offset, plugin.address(buffers.init_log.offset)),
        (layout.init_task_log_size, buffers.init_log.size),
        (layout.vgpu_task_log_offset, plugin.address(buffers.vgpu_log.offset)),
        (layout.vgpu_task_log_size, buffers.vgpu_log.size),
    ] {
        wire::put_u64(params, offset, value)?;
    }
    let kernel_log = plugin.address(buffers.kernel_log.offset);
    wire::put_u64_opt(params, layout.kernel_log_offset, kernel_log)?;
    wire::put_u64_opt(params, layout.kernel_log_size, buffers.kernel_log.size)
}

/// Stops the plugin.
///
/// # Errors
/// Those of [`rm::control()`].
pub fn shut_down<P: Platform>(channel: &Channel<P>, target: Target, vf: u32) -> Result<()> {
    let release = channel.release();
    let layout = &release.plugin_shutdown;
    gfid_control(
        channel,
        target,
        release.controls.vgpu_shutdown,
        vf,
        layout.gfid,
        layout.size,
    )
}

/// Makes the firmware forget the plugin.
///
/// # Errors
/// Those of [`rm::control()`].
pub fn clean_up<P: Platform>(channel: &Channel<P>, target: Target, vf: u32) -> Result<()> {
    let release = channel.release();
    let layout = &release.plugin_cleanup;
    let command = release.controls.vgpu_plugin_cleanup;
    gfid_control(channel, target, command, vf, layout.gfid, layout.size)
}

fn gfid_control<P: Platform>(
    channel: &Channel<P>,
    target: Target,
    command: u32,
    vf: u32,
    offset: usize,
    size: usize,
) -> Result<()> {
    let mut params = [0; GFID_PARAMS_MAX];
    wire::put_u32(&mut params, offset, gfid(vf))?;
    let params = wire::bytes(&params, 0, size)?;
    rm::control(channel, target, command, params, 0, |_| Ok(()))
}

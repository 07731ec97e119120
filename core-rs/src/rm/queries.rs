// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Controls that ask the firmware about the GPU.

use super::control::{control, read_control, Target};
use crate::error::{Error, Kind, Result};
use crate::platform::Platform;
use crate::release::Release;
use crate::rpc::Channel;
use crate::wire;

/// "No vector" in the interrupt table (`NV_INTR_VECTOR_INVALID`).
const NO_VECTOR: u32 = u32::MAX;
/// Segment sizes there are (`NV2080_CTRL_GPU_VMMU_SEGMENT_SIZE_*`): 32 to 512 MiB.
const SEGMENTS: [u64; 5] = [32 << 20, 64 << 20, 128 << 20, 256 << 20, 512 << 20];
/// The runlist whose channels are counted: that of graphics and compute, which every GPU has.
const RUNLIST: u32 = 0;
/// Room for the parameters that name a runlist.
const PARAMS_MAX: usize = 16;
/// More channels than any GPU has (the known ones have 2048 per runlist): a bound for what the firmware says.
const CHANNELS_MAX: u32 = 4096;

/// The vector the GSP interrupts with, from the firmware's interrupt table.
///
/// # Errors
/// - Those of [`control()`].
/// - [`Kind::InterruptTable`]: a table longer than its struct.
/// - [`Kind::GspVectorMissing`]: the table does not name the GSP.
pub fn gsp_vector<P: Platform>(channel: &Channel<P>, target: Target) -> Result<u32> {
    let release = channel.release();
    let command = release.controls.intr_get_kernel_table;
    read_control(channel, target, command, release.intr_table.size, |table| {
        find_gsp(release, table)
    })
}

fn find_gsp(release: &Release, table: &[u8]) -> Result<u32> {
    let entries = &release.intr_table.entries;
    let layout = &release.intr_entry;
    let count = wire::get_u32(table, release.intr_table.len)?;
    if count as usize > entries.count {
        return Err(Error::mismatch(
            Kind::InterruptTable,
            entries.count as u64,
            count.into(),
        ));
    }
    for index in 0..count as usize {
        let at = entries.offset(index).unwrap_or(table.len());
        let engine = wire::get_u16(table, at.saturating_add(layout.engine_idx))?;
        let vector = wire::get_u32(table, at.saturating_add(layout.vector_stall))?;
        if u32::from(engine) == release.limits.mc_engine_gsp && vector != NO_VECTOR {
            return Ok(vector);
        }
    }
    Err(Error::found(
        Kind::GspVectorMissing,
        release.limits.mc_engine_gsp.into(),
    ))
}

/// Bytes of a VMMU segment: the granularity in which frame buffer is given to a guest.
///
/// # Errors
/// Those of [`control()`]; [`Kind::VmmuSegment`]: a size that does not exist.
pub fn vmmu_segment_size<P: Platform>(channel: &Channel<P>, target: Target) -> Result<u64> {
    let release = channel.release();
    let layout = &release.vmmu_segment;
    let command = release.controls.gpu_get_vmmu_segment_size;
    let size = read_control(channel, target, command, layout.size, |params| {
        wire::get_u64(params, layout.segment_size)
    })?;
    if SEGMENTS.contains(&size) {
        Ok(size)
    } else {
        Err(Error::found(Kind::VmmuSegment, size))
    }
}

/// Channels of the GPU.
///
/// # Errors
/// Those of [`control()`]; [`Kind::ChannelCount`]: none, or more than there can be.
pub fn channel_count<P: Platform>(channel: &Channel<P>, target: Target) -> Result<u32> {
    let release = channel.release();
    let layout = &release.num_channels;
    let command = release.controls.fifo_get_num_channels;
    let mut params = [0; PARAMS_MAX];
    wire::put_u32(&mut params, layout.runlist_id, RUNLIST)?;
    let params = wire::bytes(&params, 0, layout.size)?;
    let count = control(channel, target, command, params, layout.size, |params| {
        wire::get_u32(params, layout.num_channels)
    })?;
    if (1..=CHANNELS_MAX).contains(&count) {
        Ok(count)
    } else {
        Err(Error::mismatch(Kind::ChannelCount, CHANNELS_MAX.into(), count.into()))
    }
}

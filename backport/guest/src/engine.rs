// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What a VF's BAR0 offers to its guest: the interrupt tree, and the emulated board's test engine.
//!
//! The tree is the hardware's (`NV_VIRTUAL_FUNCTION_PRIV_CPU_INTR_*`, OpenRM `dev_vm.h` of TU102). The test engine at
//! 0x10000 has no counterpart in hardware; it does DMA in the VF's name and shows what the firmware knows of the vGPU.

use crate::mapping::Mapping;
use anyhow::{bail, Result};

const LEAF: u64 = 0x1000;
const LEAF_EN_SET: u64 = 0x1200;
const LEAF_EN_CLEAR: u64 = 0x1400;
const TOP: u64 = 0x1600;
const TOP_EN_SET: u64 = 0x1608;
const LEAF_TRIGGER: u64 = 0x1640;

const SRC: u64 = 0x10000;
const DST: u64 = 0x10008;
const LEN: u64 = 0x10010;
const CTRL: u64 = 0x10014;
const STATUS: u64 = 0x10018;
const STATE: u64 = 0x1001c;
const RESETS: u64 = 0x10020;
const LOSE: u64 = 0x10028;
const LINK_ERROR: u64 = 0x1002c;

/// Bytes of BAR0 that hold all of this, without the MSI-X table behind it, which VFIO does not let a client map.
pub const MAPPED: u64 = 0x20000;
/// A register that keeps what is written to it.
pub const SCRATCH: u64 = SRC;

/// What a copy goes from and to.
#[derive(Clone, Copy, Debug)]
pub enum Copy {
    /// From system memory to system memory.
    Memory = 1,
    /// From system memory to the vGPU's framebuffer.
    ToFramebuffer = 2,
    /// From the vGPU's framebuffer to system memory.
    FromFramebuffer = 3,
}

/// An error that Advanced Error Reporting tells of.
#[derive(Clone, Copy, Debug)]
pub enum LinkError {
    /// A request was not answered.
    Nonfatal = 0,
    /// The link failed, and is reset.
    Fatal = 1,
}

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Done,
    /// The bus refused an access.
    DmaFault,
    /// There is no vGPU.
    NoVgpu,
    /// The VF is not a bus master.
    NotBusMaster,
    /// The range is not inside the framebuffer.
    OutOfRange,
}

/// What the firmware knows of the VF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// A vGPU lives on it.
    pub alive: bool,
    /// The firmware was told that bus mastering is on.
    pub bus_master: bool,
    /// Type of the vGPU.
    pub vgpu_type: u32,
    /// Resets that the firmware's plugin was asked for.
    pub resets: u32,
}

/// The registers of one VF.
pub struct Engine<'a>(pub &'a Mapping);

impl Engine<'_> {
    /// Reads the state.
    pub fn state(&self) -> Result<State> {
        let state = self.0.read32(STATE)?;
        Ok(State {
            alive: state & 1 != 0,
            bus_master: state & 2 != 0,
            vgpu_type: state >> 16,
            resets: self.0.read32(RESETS)?,
        })
    }

    /// Copies `len` bytes and waits for the end; an interrupt on vector 0 of the tree follows.
    pub fn copy(&self, kind: Copy, src: u64, dst: u64, len: u32) -> Result<Status> {
        for (register, value) in [(SRC, src), (DST, dst)] {
            self.0.write32(register, value as u32)?;
            self.0.write32(register + 4, (value >> 32) as u32)?;
        }
        self.0.write32(LEN, len)?;
        self.0.write32(CTRL, kind as u32)?;
        // The device has done it when the write is through.
        Ok(match self.0.read32(STATUS)? {
            0 => Status::Done,
            1 => Status::DmaFault,
            2 => Status::NoVgpu,
            3 => Status::NotBusMaster,
            4 => Status::OutOfRange,
            other => bail!("the test engine's status is {other:#x}"),
        })
    }

    /// Takes the whole GPU off the bus, until its physical function or its link is reset. Its configuration space stays.
    pub fn lose(&self) -> Result<()> {
        self.0.write32(LOSE, 1)
    }

    /// Has the root port report an error of the GPU's link.
    pub fn link_error(&self, error: LinkError) -> Result<()> {
        self.0.write32(LINK_ERROR, error as u32)
    }

    /// Lets vector `vector` (below 32) of the tree through, or stops it.
    pub fn enable(&self, vector: u32, on: bool) -> Result<()> {
        self.0
            .write32(if on { LEAF_EN_SET } else { LEAF_EN_CLEAR }, 1 << vector)?;
        if on {
            self.0.write32(TOP_EN_SET, 1)?;
        }
        Ok(())
    }

    /// Makes vector `vector` of the tree pending.
    pub fn trigger(&self, vector: u32) -> Result<()> {
        self.0.write32(LEAF_TRIGGER, vector)
    }

    /// The pending vectors of leaf 0, and whether the tree's top shows them.
    pub fn pending(&self) -> Result<(u32, bool)> {
        Ok((self.0.read32(LEAF)?, self.0.read32(TOP)? & 1 != 0))
    }

    /// Takes back what is pending in leaf 0.
    pub fn acknowledge(&self, vectors: u32) -> Result<()> {
        self.0.write32(LEAF, vectors)
    }
}

// SPDX-License-Identifier: MIT
//! What every unit of the device shares: memory, the way to the host, the record of broken rules and the hostile modes.

use crate::{
    config::Config,
    framebuffer::Framebuffer,
    host::{Func, Host, Location},
    hostile::{Hostile, Mode},
    violation::{Rule, Violation},
};
use std::{collections::BTreeMap, sync::Arc};

/// Violations kept; a driver gone wild would fill the memory otherwise. The host is told of all of them.
const KEPT_VIOLATIONS: usize = 1000;

pub(crate) struct Board {
    pub config: Config,
    pub fb: Arc<Framebuffer>,
    pub hostile: Vec<Hostile>,
    pub violations: Vec<Violation>,
    pub counters: BTreeMap<&'static str, u64>,
    /// A test took the GPU off the bus; a reset of the PF brings it back.
    pub lost: bool,
    host: Box<dyn Host>,
}

impl Board {
    pub fn new(config: Config, host: Box<dyn Host>, fb: Arc<Framebuffer>) -> Self {
        Board {
            hostile: config.hostile.clone(),
            config,
            fb,
            violations: Vec::new(),
            counters: BTreeMap::new(),
            lost: false,
            host,
        }
    }

    /// Records that the driver broke `rule`.
    pub fn violate(&mut self, rule: Rule, detail: impl Into<String>) {
        let violation = Violation {
            rule,
            detail: detail.into(),
        };
        self.host.violation(&violation);
        self.count("violations", 1);
        if self.violations.len() < KEPT_VIOLATIONS {
            self.violations.push(violation);
        }
    }

    /// Records a breach of `rule` unless `ok`; gives `ok` back.
    pub fn check(&mut self, ok: bool, rule: Rule, detail: impl FnOnce() -> String) -> bool {
        if !ok {
            self.violate(rule, detail());
        }
        ok
    }

    pub fn count(&mut self, name: &'static str, by: u64) {
        *self.counters.entry(name).or_default() += by;
    }

    /// Whether a hostile mode is on.
    pub fn is(&self, mode: Mode) -> bool {
        self.hostile.iter().any(|h| h.mode == mode)
    }

    /// Whether nothing answers any more.
    pub fn is_off_bus(&self) -> bool {
        self.lost || self.is(Mode::FallenOffBus)
    }

    /// The value of a hostile mode that is on.
    pub fn value(&self, mode: Mode, default: u32) -> Option<u32> {
        self.hostile
            .iter()
            .find(|h| h.mode == mode)
            .map(|h| h.value.unwrap_or(default))
    }

    #[must_use]
    pub fn dma_read(&mut self, func: Func, addr: u64, buf: &mut [u8]) -> bool {
        self.count("dma-read-bytes", buf.len() as u64);
        self.host.dma_read(func, addr, buf)
    }

    #[must_use]
    pub fn dma_write(&mut self, func: Func, addr: u64, data: &[u8]) -> bool {
        self.count("dma-write-bytes", data.len() as u64);
        self.host.dma_write(func, addr, data)
    }

    /// Reads `len` bytes of the PF's bus address space, or records that `what` could not be read.
    pub fn fetch(&mut self, addr: u64, len: usize, what: &str) -> Option<Vec<u8>> {
        let mut buf = vec![0; len];
        if self.dma_read(0, addr, &mut buf) {
            return Some(buf);
        }
        self.violate(Rule::DmaFault, format!("{what}: {len} bytes at {addr:#x}"));
        None
    }

    pub fn irq(&mut self, func: Func, vector: u32) {
        self.count("interrupts", 1);
        self.host.irq(func, vector);
    }

    pub fn location(&self) -> Option<Location> {
        self.host.location()
    }
}

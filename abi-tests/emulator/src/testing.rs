// SPDX-License-Identifier: MIT
//! A host for the unit tests: flat memory, counted interrupts.

use crate::{
    board::Board,
    config::Config,
    framebuffer::Framebuffer,
    host::{Func, Host},
    violation::Violation,
};
use std::sync::{Arc, Mutex};

/// System memory from address 0, shared with the device.
#[derive(Clone)]
pub(crate) struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    pub irqs: Arc<Mutex<Vec<(Func, u32)>>>,
}

impl Memory {
    pub fn new(len: usize) -> Self {
        Memory {
            bytes: Arc::new(Mutex::new(vec![0; len])),
            irqs: Arc::default(),
        }
    }

    pub fn put(&self, at: u64, data: &[u8]) {
        self.bytes.lock().unwrap()[at as usize..][..data.len()].copy_from_slice(data);
    }

    pub fn put_u64(&self, at: u64, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    pub fn take(&self, at: u64, len: usize) -> Vec<u8> {
        self.bytes.lock().unwrap()[at as usize..][..len].to_vec()
    }
}

impl Host for Memory {
    fn dma_read(&self, _func: Func, addr: u64, buf: &mut [u8]) -> bool {
        let bytes = self.bytes.lock().unwrap();
        let range = usize::try_from(addr)
            .ok()
            .and_then(|at| bytes.get(at..at.checked_add(buf.len())?));
        range.map(|from| buf.copy_from_slice(from)).is_some()
    }

    fn dma_write(&self, _func: Func, addr: u64, data: &[u8]) -> bool {
        let mut bytes = self.bytes.lock().unwrap();
        let range = usize::try_from(addr)
            .ok()
            .and_then(|at| bytes.get_mut(at..at.checked_add(data.len())?));
        range.map(|to| to.copy_from_slice(data)).is_some()
    }

    fn irq(&self, func: Func, vector: u32) {
        self.irqs.lock().unwrap().push((func, vector));
    }

    fn violation(&self, _violation: &Violation) {}
}

/// A board in that memory.
pub(crate) fn board(memory: &Memory) -> Board {
    let config = Config::default();
    let fb = Arc::new(Framebuffer::new(config.fb_size).unwrap());
    Board::new(config, Box::new(memory.clone()), fb)
}

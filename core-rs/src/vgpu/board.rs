// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! A machine with a frame buffer and a scripted firmware, for tests: it keeps account of clients and plugins, and fails where
//! it is told to. The real emulator lives elsewhere and shares nothing with this.

use crate::error::{Error, Kind, Result};
use crate::platform::{DmaKind, Level, Platform, RawDma, RawFirmware, RawLock};
use crate::queue::peer::{Peer, Rpc};
use crate::release::Release;
use crate::rpc::Channel;
use crate::testing::Machine;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard};

pub const FB_SIZE: u64 = 48 << 30;
pub const SEGMENT: u64 = 128 << 20;

/// How an answer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is done and the answer says so.
    Refused,
    /// Nothing is done and nothing said.
    Ignored,
    /// It is done, but the answer gets lost.
    Lost,
    /// It is done, but the answer is damaged (of a plugin: lost).
    Damaged,
}

/// A plugin task.
#[derive(Clone, Debug)]
pub struct Plugin {
    pub client: u32,
    pub type_id: u32,
    pub heap: u64,
    pub framebuffer: (u64, u64),
    pub channels: (u32, u32),
    pub configured: Vec<u8>,
    pub bus_master: bool,
    pub resets: u32,
    pub running: bool,
    pub received: Vec<u8>,
    said: usize,
    saving: bool,
    restoring: bool,
    offset: u32,
}

pub struct Firmware {
    release: &'static Release,
    peer: Option<Peer>,
    fb: HashMap<u64, u32>,
    window: u64,
    pub clients: BTreeMap<u32, BTreeSet<u32>>,
    pub plugins: BTreeMap<u32, Plugin>,
    pub uploads: Vec<Vec<u8>>,
    /// Answers given so far, by the resource manager and by plugins.
    pub answers: u32,
    /// Which answer fails, and how.
    pub fail: Option<(u32, Failure)>,
    /// SHUTDOWN and CLEANUP are refused.
    pub unstoppable: bool,
    /// Version that plugins answer a negotiation with.
    pub plugin_version: u32,
    /// Bytes of the state that every plugin says when it is saved.
    pub state_len: usize,
}

#[derive(Clone)]
pub struct Board {
    pub machine: Machine,
    firmware: Arc<Mutex<Firmware>>,
}

impl Board {
    pub fn new(release: &'static Release) -> Self {
        let firmware = Firmware {
            release,
            peer: None,
            fb: HashMap::new(),
            window: 0,
            clients: BTreeMap::new(),
            plugins: BTreeMap::new(),
            uploads: vec![],
            answers: 0,
            fail: None,
            unstoppable: false,
            plugin_version: 1,
            state_len: 100_003,
        };
        Board {
            machine: Machine::new(),
            firmware: Arc::new(Mutex::new(firmware)),
        }
    }

    /// A channel with the firmware at its other end.
    pub fn channel(&self) -> Channel<Board> {
        let channel = Channel::new(self, self.firmware().release).unwrap();
        let peer = Peer::new(&self.machine, channel.init_arguments().shared_mem_addr);
        self.firmware().peer = Some(peer);
        channel
    }

    pub fn firmware(&self) -> MutexGuard<'_, Firmware> {
        self.firmware.lock().unwrap()
    }

    /// Makes answer number `n` from now (1 is the next one) fail.
    pub fn fail_answer(&self, n: u32, failure: Failure) {
        let mut firmware = self.firmware();
        firmware.fail = Some((firmware.answers + n, failure));
    }
}

fn get(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn get64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

impl Firmware {
    pub fn fb_word(&mut self, addr: u64) -> &mut u32 {
        assert!(addr < FB_SIZE && addr % 4 == 0, "frame buffer access at {addr:#x}");
        self.fb.entry(addr).or_insert(0)
    }

    fn fb_bytes(&mut self, addr: u64, len: usize) -> Vec<u8> {
        let first = addr & !3;
        let words = (first..addr + len as u64).step_by(4);
        let bytes: Vec<u8> = words.flat_map(|at| self.fb_word(at).to_le_bytes()).collect();
        let skip = (addr - first) as usize;
        bytes[skip..skip + len].to_vec()
    }

    pub fn put_fb(&mut self, addr: u64, bytes: &[u8]) {
        let first = addr & !3;
        let skip = (addr - first) as usize;
        let mut padded = self.fb_bytes(first, (skip + bytes.len() + 3) & !3);
        padded[skip..skip + bytes.len()].copy_from_slice(bytes);
        for (at, word) in (first..).step_by(4).zip(padded.chunks(4)) {
            *self.fb_word(at) = get(word, 0);
        }
    }

    /// Counts an answer; says how it fails.
    fn next_answer(&mut self) -> Option<Failure> {
        self.answers += 1;
        self.fail
            .filter(|(n, _)| *n == self.answers)
            .map(|(_, failure)| failure)
    }

    fn serve(&mut self) {
        let mut peer = self.peer.take().expect("a doorbell without queues");
        let total = |function, bytes: &[u8]| match function {
            76 => 24 + get(bytes, 16) as usize,
            _ => 0,
        };
        while let Some(rpc) = peer.take(total) {
            self.answer(&mut peer, rpc);
        }
        self.peer = Some(peer);
    }

    fn answer(&mut self, peer: &mut Peer, rpc: Rpc) {
        let failure = self.next_answer();
        let mut reply = rpc.payload.clone();
        if failure == Some(Failure::Ignored) {
            return;
        }
        let status = match failure {
            Some(Failure::Refused) => 0x1f,
            _ => self.carry_out(rpc.function, &mut reply),
        };
        match rpc.function {
            76 => put(&mut reply, 12, status),
            103 => put(&mut reply, 16, status),
            10 => put(&mut reply, 12, status),
            _ => {}
        }
        match failure {
            Some(Failure::Lost) => {}
            Some(Failure::Damaged) => {
                let mut element = peer.element(rpc.function, rpc.sequence, 0, &reply[..24.min(reply.len())]);
                element[80] ^= 0x80;
                peer.send_element(&element);
            }
            _ => peer.send(rpc.function, rpc.sequence, 0, &reply),
        }
    }

    /// Does what a command asks for. Returns RM's status.
    fn carry_out(&mut self, function: u32, body: &mut [u8]) -> u32 {
        const OBJECT_NOT_FOUND: u32 = 0x57;
        const DUPLICATE: u32 = 0x19;
        match function {
            65 => {
                let layout = &self.release.static_info;
                let list = layout.fb_regions;
                // A reserved region, then all but the last 600 MiB.
                put(body, list, 2);
                for (index, (base, limit, reserved)) in
                    [(0, (64 << 20) - 1, 1u64), (64 << 20, FB_SIZE - (600 << 20) - 1, 0)]
                        .into_iter()
                        .enumerate()
                {
                    let at = list + 8 + index * 48;
                    body[at..at + 8].copy_from_slice(&u64::to_le_bytes(base));
                    body[at + 8..at + 16].copy_from_slice(&u64::to_le_bytes(limit));
                    body[at + 16..at + 24].copy_from_slice(&reserved.to_le_bytes());
                    body[at + 28..at + 30].copy_from_slice(&[1, 1]);
                }
                0
            }
            103 => {
                let (client, parent, object, class) = (get(body, 0), get(body, 4), get(body, 8), get(body, 12));
                let tree = self.clients.entry(client).or_default();
                let parent_there = if class == 0 {
                    parent == 0 && object == client
                } else {
                    tree.contains(&parent)
                };
                if !parent_there {
                    return OBJECT_NOT_FOUND;
                }
                if tree.insert(object) {
                    0
                } else {
                    DUPLICATE
                }
            }
            10 => {
                assert_eq!(get(body, 0), get(body, 8), "only clients are freed");
                match self.clients.remove(&get(body, 0)) {
                    Some(_) => 0,
                    None => OBJECT_NOT_FOUND,
                }
            }
            76 => {
                let known = self
                    .clients
                    .get(&get(body, 0))
                    .map_or(false, |tree| tree.contains(&get(body, 4)));
                if !known {
                    return OBJECT_NOT_FOUND;
                }
                let command = get(body, 8);
                let client = get(body, 0);
                self.control(client, command, &mut body[24..])
            }
            other => panic!("command {other}"),
        }
    }

    fn control(&mut self, client: u32, command: u32, params: &mut [u8]) -> u32 {
        const OBJECT_NOT_FOUND: u32 = 0x57;
        let layout = &self.release.bootload;
        match command {
            0x2080017e => params[..8].copy_from_slice(&SEGMENT.to_le_bytes()),
            0x20800a61 => put(params, 4, 2048),
            0x20804003 => self.uploads.push(params.to_vec()),
            0x20804001 => {
                assert_eq!(params.len(), layout.size);
                let gfid = get(params, layout.gfid);
                let channels = (get(params, layout.chid_offset.at), get(params, layout.num_channels));
                for engine in 0..layout.chid_offset.count {
                    assert_eq!(get(params, layout.chid_offset.at + 4 * engine), channels.0);
                }
                assert_eq!(get(params, layout.num_guest_fb_segments), 1);
                let heap = get64(params, layout.plugin_heap_addr);
                assert_eq!(get64(params, layout.init_task_log_offset), heap + 0x204000);
                assert_eq!(get64(params, layout.vgpu_task_log_offset), heap + 0x224000);
                let plugin = Plugin {
                    client,
                    type_id: get(params, layout.vgpu_type),
                    heap,
                    framebuffer: (
                        get64(params, layout.guest_fb_addrs.at),
                        get64(params, layout.guest_fb_lengths.at),
                    ),
                    channels,
                    configured: vec![],
                    bus_master: false,
                    resets: 0,
                    running: true,
                    received: vec![],
                    said: 0,
                    saving: false,
                    restoring: false,
                    offset: 0,
                };
                assert_eq!(*self.fb_word(heap + 8), 0, "the mark of an earlier plugin was left");
                assert!(self.plugins.insert(gfid, plugin).is_none(), "two plugins on one VF");
                // Its start is something that can fail, too.
                if self.next_answer().is_none() {
                    *self.fb_word(heap + 8) = 0x4e65_4a6f;
                }
            }
            0x20804002 | 0x20804008 if self.unstoppable => return 0x1f,
            0x20804002 => match self.plugins.get_mut(&get(params, 0)) {
                Some(plugin) => plugin.running = false,
                None => return OBJECT_NOT_FOUND,
            },
            0x20804008 => {
                if self.plugins.remove(&get(params, 0)).is_none() {
                    return OBJECT_NOT_FOUND;
                }
            }
            other => panic!("control {other:#x}"),
        }
        0
    }

    /// The doorbell of a plugin.
    fn ring(&mut self, value: u32) {
        assert_eq!(value % 32, 17);
        let gfid = value / 32;
        let mut plugin = self.plugins.get(&gfid).expect("a doorbell nobody listens to").clone();
        if plugin.running {
            self.attend(&mut plugin);
            self.plugins.insert(gfid, plugin);
        }
    }

    fn attend(&mut self, plugin: &mut Plugin) {
        let fields = &self.release.plugin_response;
        let control = self.fb_bytes(plugin.heap, 64);
        let places = [
            get64(&control, 16),
            get64(&control, 24),
            get64(&control, 32),
            get64(&control, 40),
        ];
        assert_eq!(places, [0x1000, 0x2000, 0x3000, 0x203000]);
        assert_eq!(get(&control, 0), 1);
        let response = plugin.heap + 0x1000;
        let sequence = get(&control, 8);
        let in_progress = control[52] != 0;
        if *self.fb_word(response + fields.seq_processed as u64) != sequence {
            let failure = self.next_answer();
            if failure == Some(Failure::Ignored) {
                return;
            }
            let refused = failure == Some(Failure::Refused);
            if !refused {
                self.message(plugin, get(&control, 4));
            }
            if failure.is_none() || refused {
                *self.fb_word(response + fields.result as u64) = if refused { 5 } else { 0 };
                *self.fb_word(response + fields.seq_processed as u64) = sequence;
            }
        }
        if in_progress {
            self.migrate(plugin, get(&control, 48));
        }
    }

    fn message(&mut self, plugin: &mut Plugin, kind: u32) {
        let at = plugin.heap + 0x2000;
        let fields = &self.release.plugin_response;
        let (gsp, complete) = (
            fields.migration_gsp_offset as u64,
            fields.migration_save_complete as u64,
        );
        match kind {
            1 => {
                assert_eq!(*self.fb_word(at), 1);
                *self.fb_word(at + 4) = self.plugin_version;
            }
            2 => plugin.configured = self.fb_bytes(at, self.release.plugin_config.size),
            3 => plugin.resets += 1,
            4 | 5 | 7 | 9 | 10 => {
                plugin.saving = false;
                plugin.restoring &= kind == 9;
            }
            6 | 8 => {
                plugin.saving = kind == 6;
                plugin.restoring = kind == 8;
                plugin.offset = 0;
                plugin.said = 0;
                *self.fb_word(plugin.heap + 0x1000 + gsp) = 0;
                *self.fb_word(plugin.heap + 0x1000 + complete) = 0;
            }
            13 => plugin.bus_master = self.fb_bytes(at, 1)[0] != 0,
            other => panic!("plugin message {other}"),
        }
    }

    /// Moves a piece of state; `host` is the host's offset in the ring.
    fn migrate(&mut self, plugin: &mut Plugin, host: u32) {
        const RING: u32 = 2 << 20;
        // Few and odd, so that pieces end anywhere.
        const PIECE: u32 = 70_001;
        let ring = plugin.heap + 0x3000;
        let fields = &self.release.plugin_response;
        let response = plugin.heap + 0x1000;
        if plugin.saving {
            let room = (host + RING - plugin.offset - 4) % RING;
            let left = (self.state_len - plugin.said) as u32;
            let len = PIECE.min(room).min(left).min(RING - plugin.offset);
            let piece: Vec<u8> = (plugin.said..plugin.said + len as usize).map(state_byte).collect();
            self.put_fb(ring + u64::from(plugin.offset), &piece);
            plugin.offset = (plugin.offset + len) % RING;
            plugin.said += len as usize;
            let complete = plugin.said == self.state_len;
            *self.fb_word(response + fields.migration_save_complete as u64) = complete.into();
        }
        if plugin.restoring {
            while plugin.offset != host {
                let end = if host > plugin.offset { host } else { RING };
                let piece = self.fb_bytes(ring + u64::from(plugin.offset), (end - plugin.offset) as usize);
                plugin.received.extend(piece);
                plugin.offset = end % RING;
            }
        }
        *self.fb_word(response + fields.migration_gsp_offset as u64) = plugin.offset;
    }
}

pub fn state_byte(index: usize) -> u8 {
    (index ^ index >> 7 ^ index >> 16) as u8
}

const WINDOW: std::ops::Range<u32> = 0x70_0000..0x80_0000;

// SAFETY: everything but registers is the inner machine's.
unsafe impl Platform for Board {
    fn read32(&self, off: u32) -> Result<u32> {
        if WINDOW.contains(&off) {
            let mut firmware = self.firmware();
            let addr = firmware.window + u64::from(off - WINDOW.start);
            return Ok(*firmware.fb_word(addr));
        }
        self.machine.read32(off)
    }

    fn write32(&self, off: u32, value: u32) -> Result<()> {
        match off {
            0x1700 => self.firmware().window = u64::from(value) << 16,
            0x11_0c00 => self.firmware().serve(),
            0xb8_2200 => self.firmware().ring(value),
            _ if WINDOW.contains(&off) => {
                let mut firmware = self.firmware();
                let addr = firmware.window + u64::from(off - WINDOW.start);
                *firmware.fb_word(addr) = value;
            }
            _ => return Err(Error::found(Kind::Platform, off.into())),
        }
        Ok(())
    }

    fn dma_alloc(&self, len: u64, kind: DmaKind) -> Result<RawDma> {
        self.machine.dma_alloc(len, kind)
    }

    unsafe fn dma_free(&self, dma: &RawDma) {
        // SAFETY: the caller's promise is ours.
        unsafe { self.machine.dma_free(dma) }
    }

    fn dma_page_addr(&self, dma: &RawDma, page: u64) -> Result<u64> {
        self.machine.dma_page_addr(dma, page)
    }

    fn dma_sync_for_device(&self, dma: &RawDma, off: u64, len: u64) -> Result<()> {
        self.machine.dma_sync_for_device(dma, off, len)
    }

    fn mem_alloc(&self, len: usize) -> Result<NonNull<u8>> {
        self.machine.mem_alloc(len)
    }

    unsafe fn mem_free(&self, mem: NonNull<u8>, len: usize) {
        // SAFETY: the caller's promise is ours.
        unsafe { self.machine.mem_free(mem, len) }
    }

    fn now_ns(&self) -> u64 {
        self.machine.now_ns()
    }

    fn sleep_us(&self, us: u32) {
        self.machine.sleep_us(us)
    }

    fn lock_create(&self) -> Result<RawLock> {
        self.machine.lock_create()
    }

    unsafe fn lock_destroy(&self, lock: RawLock) {
        // SAFETY: the caller's promise is ours.
        unsafe { self.machine.lock_destroy(lock) }
    }

    fn lock_acquire(&self, lock: RawLock) {
        self.machine.lock_acquire(lock)
    }

    unsafe fn lock_release(&self, lock: RawLock) {
        // SAFETY: the caller's promise is ours.
        unsafe { self.machine.lock_release(lock) }
    }

    fn event_token(&self) -> u32 {
        self.machine.event_token()
    }

    fn event_wait(&self, token: u32, timeout_us: u64) -> bool {
        // Replies that found the queue full go out as it empties.
        if let Some(peer) = self.firmware().peer.as_mut() {
            peer.flush();
        }
        // Waits that end by time-out only shall not take many rounds.
        self.machine.advance_us(500_000);
        self.machine.event_wait(token, timeout_us)
    }

    fn event_signal(&self) {
        self.machine.event_signal()
    }

    fn firmware_get(&self, name: &str) -> Result<RawFirmware> {
        self.machine.firmware_get(name)
    }

    unsafe fn firmware_put(&self, fw: &RawFirmware) {
        // SAFETY: the caller's promise is ours.
        unsafe { self.machine.firmware_put(fw) }
    }

    fn log(&self, level: Level, line: &str) {
        self.machine.log(level, line)
    }
}

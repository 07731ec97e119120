// SPDX-License-Identifier: MIT
//! A vGPU's state on its way through the 2 MiB migration buffer.
//!
//! What the real state is, only the firmware knows; here it is a header, the start of the guest framebuffer and a hash over
//! both, which is more than one buffer full. The buffer is a ring: while saving the plugin writes and the CPU reads, while
//! restoring the other way round; each moves its own offset (the plugin's is in the response, the CPU's in the control
//! buffer) and rings or sends an event. Equal offsets mean empty, so one word stays free. Once the plugin has written all of a
//! state it says so. RESTORE_DEFERRED_STATE puts a state that came in whole into effect.
//!
//! How the real plugin uses the offsets is not published; this is what the names and comments of `dev_vgpu_gsp.h` say.

use super::plugin::{words, Plugin, BAD_DATA, MIGRATION};
use crate::{
    board::Board,
    bytes::{get_u32, put},
    violation::Rule,
};
use sha2::{Digest, Sha256};

const RING: usize = 2 << 20;
const GAP: usize = 4;
const MAGIC: u32 = 0x4d42_564e;
const VERSION: u32 = 1;
const HEADER: usize = 32;
const HASH: usize = 32;
/// How much of the guest framebuffer goes along.
const FB_PIECE: u64 = 3 << 20;

/// Which way the state goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Neither,
    Out,
    In,
}

/// A migration under way.
#[derive(Default)]
pub(super) struct Migration {
    way: Way,
    state: Vec<u8>,
    /// Bytes of `state` that have been written into the ring.
    done: usize,
    /// `migration_buf_gsp_access_offset` of the response.
    pub gsp_offset: u32,
}

impl Migration {
    /// Whether the state has been written out completely.
    pub fn saved(&self) -> bool {
        self.way == Way::Out && self.done == self.state.len()
    }

    /// SAVE_STATE.
    pub fn save(plugin: &Plugin, board: &Board) -> Self {
        Migration {
            way: Way::Out,
            state: snapshot(plugin, board),
            ..Migration::default()
        }
    }

    /// RESTORE_STATE.
    pub fn restore() -> Self {
        Migration {
            way: Way::In,
            ..Migration::default()
        }
    }

    /// Goes on as far as the CPU's offset allows; true when the plugin's offset moved.
    pub fn go_on(&mut self, plugin: &Plugin, board: &mut Board, cpu_offset: u32) -> bool {
        if self.way == Way::Neither {
            return false;
        }
        let cpu = cpu_offset as usize;
        if !board.check(cpu < RING, Rule::PluginMigration, || {
            format!("gfid {}: the CPU's offset is {cpu:#x}", plugin.gfid)
        }) {
            return false;
        }
        let mut at = self.gsp_offset as usize;
        // Bytes from the one's offset to the other's, going round.
        let ahead = |from: usize, to: usize| (to + RING - from) % RING;
        let mut left = match self.way {
            Way::Out => (RING - GAP - ahead(cpu, at)).min(self.state.len() - self.done),
            _ => ahead(at, cpu),
        };
        let moved = left != 0;
        while left != 0 {
            let take = left.min(RING - at);
            if self.way == Way::Out {
                plugin.put(board, MIGRATION + at as u64, &self.state[self.done..self.done + take]);
                self.done += take;
            } else {
                self.state.extend(plugin.get(board, MIGRATION + at as u64, take));
            }
            at = (at + take) % RING;
            left -= take;
        }
        self.gsp_offset = at as u32;
        moved
    }

    /// RESTORE_DEFERRED_STATE: all of the state has come.
    pub fn restored(self, plugin: &Plugin, board: &mut Board) -> u32 {
        match check(&self.state, plugin) {
            Ok(fb) => {
                let mut at = 0;
                while at < fb.len() {
                    let Some((to, room)) = plugin.guest_fb(at as u64) else {
                        break;
                    };
                    let take = (fb.len() - at).min(room as usize);
                    let written = board.fb.write(to, &fb[at..at + take]);
                    debug_assert!(written, "segments were checked");
                    at += take;
                }
                0
            }
            Err(why) => {
                board.violate(Rule::PluginMigration, format!("gfid {}: {why}", plugin.gfid));
                BAD_DATA
            }
        }
    }
}

fn snapshot(plugin: &Plugin, board: &Board) -> Vec<u8> {
    let len = FB_PIECE.min(plugin.guest_fb_len()) as usize;
    let channels = plugin.channels.end - plugin.channels.start;
    let mut state = words(&[
        MAGIC,
        VERSION,
        plugin.kind.id,
        channels,
        len as u32,
        plugin.resets,
        0,
        0,
    ]);
    state.resize(HEADER + len, 0);
    let mut at = 0;
    while at < len {
        let Some((from, room)) = plugin.guest_fb(at as u64) else {
            break;
        };
        let take = (len - at).min(room as usize);
        let read = board.fb.read(from, &mut state[HEADER + at..HEADER + at + take]);
        debug_assert!(read, "segments were checked");
        at += take;
    }
    let hash: [u8; HASH] = Sha256::digest(&state).into();
    let end = state.len();
    state.resize(end + HASH, 0);
    put(&mut state, end, &hash);
    state
}

/// The framebuffer piece of a state that fits this vGPU.
fn check<'a>(state: &'a [u8], plugin: &Plugin) -> Result<&'a [u8], String> {
    let len = get_u32(state, 16) as usize;
    if (get_u32(state, 0), get_u32(state, 4)) != (MAGIC, VERSION) || state.len() != HEADER + len + HASH {
        return Err(format!("{} bytes are no state", state.len()));
    }
    let (body, hash) = state.split_at(HEADER + len);
    if Sha256::digest(body)[..] != *hash {
        return Err("the state was changed on its way".to_owned());
    }
    let kind = get_u32(state, 8);
    if kind != plugin.kind.id {
        return Err(format!("a state of type {kind} for type {}", plugin.kind.id));
    }
    Ok(&body[HEADER..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        layout::release,
        testing::{board, Memory},
        vgpu::VgpuType,
    };

    fn plugin(gfid: u32) -> Plugin {
        let kind = VgpuType {
            id: 941,
            name: "t".to_owned(),
            max_instance: 4,
            fb_length: 4 << 20,
            heap: 4 << 20,
            bar1_mib: 64,
        };
        let base = u64::from(gfid) << 28;
        // Two segments, so that the piece spans both.
        let segments = vec![
            base + (64 << 20)..base + (66 << 20),
            base + (32 << 20)..base + (34 << 20),
        ];
        let heap = base..base + (4 << 20);
        Plugin::new(release("570.144").unwrap(), gfid, 1, kind, 0..64, segments, heap)
    }

    #[test]
    fn a_state_moves_to_another_vgpu_around_the_ring() {
        let memory = Memory::new(4096);
        let mut board = board(&memory);
        let (source, target) = (plugin(1), plugin(2));
        let content = crate::bytes::pattern(5, 2 << 20);
        assert!(board.fb.write(source.segments[0].start, &content));
        assert!(board.fb.write(source.segments[1].start, &content));
        let mut save = Migration::save(&source, &board);
        let mut restore = Migration::restore();
        let mut cpu = 0;
        assert!(save.go_on(&source, &mut board, cpu));
        assert_eq!(save.gsp_offset as usize, RING - GAP, "as full as it gets");
        assert!(!save.go_on(&source, &mut board, cpu), "no room");
        while !save.saved() || cpu != save.gsp_offset {
            // Both rings have the same offsets here; an odd part of what is there is taken.
            let there = (save.gsp_offset as usize + RING - cpu as usize) % RING;
            for _ in 0..there.min(0x8_0001) {
                let byte = source.get(&board, MIGRATION + u64::from(cpu), 1);
                target.put(&mut board, MIGRATION + u64::from(cpu), &byte);
                cpu = (cpu + 1) % RING as u32;
            }
            assert!(restore.go_on(&target, &mut board, cpu));
            assert_eq!(restore.gsp_offset, cpu);
            save.go_on(&source, &mut board, cpu);
        }
        assert_eq!(restore.restored(&target, &mut board), 0);
        let mut moved = vec![0; 1 << 20];
        assert!(board.fb.read(target.segments[1].start, &mut moved));
        assert_eq!(moved, content[..1 << 20]);
        assert_eq!(board.violations, []);
    }

    #[test]
    fn a_part_that_is_missing_is_seen() {
        let memory = Memory::new(4096);
        let mut board = board(&memory);
        let vgpu = plugin(1);
        let mut save = Migration::save(&vgpu, &board);
        save.go_on(&vgpu, &mut board, 0);
        let mut restore = Migration::restore();
        restore.go_on(&vgpu, &mut board, save.gsp_offset);
        assert_eq!(restore.restored(&vgpu, &mut board), BAD_DATA);
        assert_eq!(board.violations[0].rule, Rule::PluginMigration);
        assert!(
            !save.go_on(&vgpu, &mut board, RING as u32),
            "an offset outside the ring"
        );
        assert_eq!(board.violations.len(), 2);
    }
}

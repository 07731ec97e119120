// SPDX-License-Identifier: MIT
//! A vGPU's state on its way through the 2 MiB migration buffer.
//!
//! What the real state is, only the firmware knows; here it is a header, the start of the guest framebuffer and a hash over
//! both, which is more than one buffer full. SAVE_STATE fills the buffer from its start until the state is complete;
//! RESTORE_STATE takes what the CPU put there; RESTORE_DEFERRED_STATE puts the whole into effect.

use super::plugin::{words, Plugin, BAD_DATA, MIGRATION};
use crate::{
    board::Board,
    bytes::{get_u32, put},
    violation::Rule,
};
use sha2::{Digest, Sha256};

const BUFFER: usize = 2 << 20;
const MAGIC: u32 = 0x4d42_564e;
const VERSION: u32 = 1;
const HEADER: usize = 32;
const HASH: usize = 32;
/// How much of the guest framebuffer goes along.
const FB_PIECE: u64 = 3 << 20;

/// A migration under way.
#[derive(Default)]
pub(super) struct Migration {
    state: Vec<u8>,
    done: usize,
    saving: bool,
    /// `migration_buf_gsp_access_offset` of the response.
    pub gsp_offset: u32,
}

impl Migration {
    /// Whether the state has been handed out completely.
    pub fn saved(&self) -> bool {
        self.saving && self.done == self.state.len()
    }

    /// SAVE_STATE: the next part.
    pub fn save(&mut self, plugin: &Plugin, board: &mut Board) -> u32 {
        if !self.saving {
            *self = Migration {
                state: snapshot(plugin, board),
                saving: true,
                ..Migration::default()
            };
        }
        let end = (self.done + BUFFER).min(self.state.len());
        plugin.put(board, MIGRATION, &self.state[self.done..end]);
        self.gsp_offset = (end - self.done) as u32;
        self.done = end;
        0
    }

    /// RESTORE_STATE: takes `len` bytes from the buffer.
    pub fn restore(&mut self, plugin: &Plugin, board: &mut Board, len: u32) -> u32 {
        if self.saving {
            *self = Migration::default();
        }
        let fits = len as usize <= BUFFER && len != 0;
        if !board.check(fits, Rule::PluginMigration, || format!("RESTORE_STATE of {len} bytes")) {
            return BAD_DATA;
        }
        self.state.extend(plugin.get(board, MIGRATION, len as usize));
        self.gsp_offset = len;
        0
    }

    /// RESTORE_DEFERRED_STATE: all parts have come.
    pub fn restored(&mut self, plugin: &Plugin, board: &mut Board) -> u32 {
        let state = std::mem::take(&mut self.state);
        *self = Migration::default();
        match check(&state, plugin) {
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
    fn a_state_moves_to_another_vgpu() {
        let memory = Memory::new(4096);
        let mut board = board(&memory);
        let (source, target) = (plugin(1), plugin(2));
        let content = crate::bytes::pattern(5, 2 << 20);
        assert!(board.fb.write(source.segments[0].start, &content));
        assert!(board.fb.write(source.segments[1].start, &content));
        let (mut save, mut restore) = (Migration::default(), Migration::default());
        let mut rounds = 0;
        while !save.saved() {
            assert_eq!(save.save(&source, &mut board), 0);
            let part = source.get(&board, MIGRATION, save.gsp_offset as usize);
            target.put(&mut board, MIGRATION, &part);
            assert_eq!(restore.restore(&target, &mut board, save.gsp_offset), 0);
            rounds += 1;
        }
        assert_eq!(rounds, 2);
        assert_eq!(restore.restored(&target, &mut board), 0);
        let mut moved = vec![0; 1 << 20];
        assert!(board.fb.read(target.segments[1].start, &mut moved));
        assert_eq!(moved, content[..1 << 20]);
        assert_eq!(board.violations, []);
    }

    #[test]
    fn a_part_that_is_missing_or_changed_is_seen() {
        let memory = Memory::new(4096);
        let mut board = board(&memory);
        let vgpu = plugin(1);
        let mut save = Migration::default();
        save.save(&vgpu, &mut board);
        let mut restore = Migration::default();
        restore.restore(&vgpu, &mut board, save.gsp_offset);
        assert_eq!(restore.restored(&vgpu, &mut board), BAD_DATA);
        assert_eq!(board.violations[0].rule, Rule::PluginMigration);
        assert_eq!(restore.restore(&vgpu, &mut board, 3 << 20), BAD_DATA);
    }
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! vGPUs on the test board.

use super::board::{state_byte, Board, Failure, FB_SIZE, SEGMENT};
use super::*;
use crate::error::{errno, Error, Kind};
use crate::release::{self, Release};
use crate::rpc::static_info::{self, StaticInfo};
use crate::testing::Outstanding;
use crate::Result;

const DEVICE: u16 = 0x26b1;
const VFS: u32 = 8;
const HEAP: u64 = 40 << 20;

/// A metadata file for types 941 (1 GiB, 32 of them), 942 (12 GiB, 4) and 943 (47 GiB, 1).
pub fn metadata_file(release: &Release) -> Vec<u8> {
    let types = [
        (941, 1u64 << 30, 32),
        (942, (12 << 30) - (600 << 20), 4),
        (943, 46 << 30, 1),
    ];
    let mut records = vec![];
    for (id, fb, instances) in types {
        let mut record = vec![0; 96];
        record[..4].copy_from_slice(&u32::to_le_bytes(id));
        let name = format!("RTX6000-Ada-{}Q", fb >> 30);
        record[4..4 + name.len()].copy_from_slice(name.as_bytes());
        record[40..48].copy_from_slice(&(0x26b1_0000u64 | u64::from(id)).to_le_bytes());
        record[56..64].copy_from_slice(&fb.to_le_bytes());
        record[64..72].copy_from_slice(&HEAP.to_le_bytes());
        record[72..80].copy_from_slice(&256u64.to_le_bytes());
        record[80..84].copy_from_slice(&u32::to_le_bytes(instances));
        records.extend(record);
    }
    let upload: Vec<u8> = (0..release.add_vgpu_type.size).map(|i| (i ^ i >> 8) as u8).collect();
    let mut blob = vec![];
    for value in [
        0,
        (72 + records.len() + upload.len()) as u64,
        DEVICE.into(),
        8,
        release.vgpu_info.size as u64,
        records.len() as u64,
        types.len() as u64,
        0x2080_4003,
        upload.len() as u64,
    ] {
        blob.extend(u64::to_le_bytes(value));
    }
    blob.extend(records);
    blob.extend(upload);

    let mut file = b"NVVGPUMT".to_vec();
    file.extend([0; 8]);
    file.extend(release.vgpu.major.to_le_bytes());
    file.extend(release.vgpu.minor.unwrap_or(3).to_le_bytes());
    file.extend([0; 128]);
    let mut version = [0; 64];
    version[..release.name.len()].copy_from_slice(release.name.as_bytes());
    file.extend(version);
    file.extend(1u64.to_le_bytes());
    file.extend(blob);
    seal(&mut file);
    file
}

/// Writes the checksum of a metadata file: the CRC by its definition, bit by bit.
pub fn seal(file: &mut [u8]) {
    let crc = file[16..].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 * (crc & 1)))
    });
    file[8..12].copy_from_slice(&crc.to_le_bytes());
}

/// Everything a vGPU can have taken.
#[derive(Debug, PartialEq)]
struct Account {
    outstanding: Outstanding,
    clients: usize,
    plugins: usize,
    alive: u32,
    free: u64,
    available: Vec<u32>,
}

struct Host {
    board: Board,
    channel: Channel<Board>,
    pramin: Pramin<Board>,
    info: StaticInfo,
}

impl Host {
    fn new(release: &'static Release) -> Self {
        let board = Board::new(release);
        let name = format!("nvidia/vgpu-{}.bin", release.name);
        board.machine.add_file(&name, &metadata_file(release));
        let channel = board.channel();
        let info = static_info::get(&channel, FB_SIZE).unwrap();
        let pramin = Pramin::new(&board).unwrap();
        Host {
            board,
            channel,
            pramin,
            info,
        }
    }

    fn hardware(&self) -> Hardware<'_, Board> {
        Hardware {
            channel: &self.channel,
            pramin: &self.pramin,
        }
    }

    fn manager(&self) -> Result<Manager<Board>> {
        self.manager_with(VFS)
    }

    fn manager_with(&self, partitions: u32) -> Result<Manager<Board>> {
        Manager::new(&self.hardware(), &self.info, DEVICE, VFS, partitions)
    }

    fn account(&self, manager: &Manager<Board>) -> Account {
        let firmware = self.board.firmware();
        Account {
            outstanding: self.board.machine.outstanding(),
            clients: firmware.clients.len(),
            plugins: firmware.plugins.len(),
            alive: manager.alive(),
            free: manager.free_framebuffer(),
            available: manager.types().map(|kind| manager.available(&kind)).collect(),
        }
    }
}

fn config(vf: u32, type_id: u32) -> Config {
    Config {
        vf,
        type_id,
        sbdf: vf.wrapping_add(0x4104),
        vm_pid: vf.wrapping_add(4000),
    }
}

fn kind_of<T>(result: Result<T>) -> Option<Kind> {
    result.err().map(|error| error.kind())
}

#[test]
fn types_are_told_to_the_firmware_as_they_stand_in_the_file() {
    for release in release::ALL {
        let host = Host::new(release);
        let manager = host.manager().unwrap();
        let uploads = &host.board.firmware().uploads;
        assert_eq!(uploads.len(), 1);
        assert!(uploads[0]
            .iter()
            .enumerate()
            .all(|(i, byte)| *byte == (i ^ i >> 8) as u8));
        assert_eq!(uploads[0].len(), release.add_vgpu_type.size);
        let kind = manager.find_type(941).unwrap();
        assert_eq!(kind.name.as_str(), "RTX6000-Ada-1Q");
        assert_eq!((kind.device, kind.subdevice), (0x26b1, 941));
        assert_eq!((kind.bar1_size, kind.fb_length), (256 << 20, 1 << 30));
        assert_eq!(kind_of(manager.find_type(1)), Some(Kind::VgpuTypeUnknown));
        assert_eq!(manager.types().count(), 3);
    }
}

#[test]
fn a_life() {
    for release in release::ALL {
        let host = Host::new(release);
        let hardware = host.hardware();
        let manager = host.manager().unwrap();
        let before = host.account(&manager);
        assert_eq!((before.clients, before.plugins), (1, 0));

        let id = manager.create(&hardware, &config(2, 942)).unwrap();
        let plugin = host.board.firmware().plugins[&3].clone();
        assert_eq!((plugin.type_id, plugin.channels), (942, (0, 512)));
        assert_eq!(plugin.framebuffer.0 % SEGMENT, 0);
        let setup = &release.plugin_config;
        let word = |at: usize| crate::wire::get_u32(&plugin.configured, at).unwrap();
        assert_eq!([word(setup.dbdf), word(setup.vm_pid)], [0x4106, 4002]);
        assert_eq!(word(setup.vgpu_device_instance_id), plugin.client);
        assert_eq!(word(setup.num_channels), 512);

        let info = manager.info(&hardware, id).unwrap();
        assert_eq!((info.framebuffer.start, info.framebuffer.len()), plugin.framebuffer);
        assert_eq!(info.channels.len(), 512);
        assert!(!info.suspended);

        manager.set_bus_master(&hardware, id, true).unwrap();
        assert!(host.board.firmware().plugins[&3].bus_master);
        manager.reset(&hardware, id).unwrap();
        manager.set_bus_master(&hardware, id, false).unwrap();
        let plugin = host.board.firmware().plugins[&3].clone();
        assert_eq!((plugin.bus_master, plugin.resets), (false, 1));

        manager.destroy(&hardware, id).unwrap();
        assert_eq!(host.account(&manager), before);
        assert_eq!(manager.close(&hardware), Ok(()));
        assert!(host.board.firmware().clients.is_empty());
    }
}

#[test]
fn stale_handles_are_seen() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let old = manager.create(&hardware, &config(0, 941)).unwrap();
    manager.destroy(&hardware, old).unwrap();
    assert_eq!(kind_of(manager.destroy(&hardware, old)), Some(Kind::VgpuStale));
    let new = manager.create(&hardware, &config(0, 941)).unwrap();
    assert_ne!(old, new);
    let stale = manager.reset(&hardware, old).unwrap_err();
    assert_eq!(stale.to_errno(), -errno::ESTALE);
    assert_eq!(
        kind_of(manager.set_bus_master(&hardware, old, true)),
        Some(Kind::VgpuStale)
    );
    assert_eq!(kind_of(manager.info(&hardware, old)), Some(Kind::VgpuStale));
    assert_eq!(kind_of(manager.destroy(&hardware, old)), Some(Kind::VgpuStale));
    manager.reset(&hardware, new).unwrap();
}

#[test]
fn limits() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let create = |vf, id| manager.create(&hardware, &config(vf, id));
    let available = |id| manager.available(&manager.find_type(id).unwrap());

    assert_eq!(kind_of(create(VFS, 941)), Some(Kind::VfRange));
    assert_eq!(kind_of(create(u32::MAX, 941)), Some(Kind::VfRange));
    assert_eq!(kind_of(create(0, 7)), Some(Kind::VgpuTypeUnknown));
    assert_eq!([available(941), available(942), available(943)], [VFS, 4, 1]);

    let ids: Vec<_> = (0..4).map(|vf| create(vf, 942).unwrap()).collect();
    assert_eq!(kind_of(create(0, 942)), Some(Kind::VfBusy));
    assert_eq!(kind_of(create(4, 942)), Some(Kind::VgpuTypeExhausted));
    assert_eq!(kind_of(create(4, 941)), Some(Kind::VgpuTypesMixed));
    assert_eq!([available(941), available(942), available(943)], [0, 0, 0]);

    // Nobody has a part of what another one has.
    let mut parts: Vec<(u64, u64)> = vec![];
    let mut channels = vec![];
    for plugin in host.board.firmware().plugins.values() {
        let (start, len) = plugin.framebuffer;
        parts.push((start, start + (len + SEGMENT - 1) / SEGMENT * SEGMENT));
        parts.push((plugin.heap, plugin.heap + HEAP));
        channels.push(plugin.channels);
    }
    parts.sort_unstable();
    assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{parts:x?}");
    assert!(parts[0].0 >= 64 << 20 && parts[7].1 <= FB_SIZE - (600 << 20));
    channels.sort_unstable();
    assert_eq!(channels, [(0, 512), (512, 512), (1024, 512), (1536, 512)]);

    manager.destroy(&hardware, ids[1]).unwrap();
    assert_eq!(available(942), 1);
    let again = create(7, 942).unwrap();
    assert_eq!(manager.info(&hardware, again).unwrap().channels.start, 512);
    for id in [ids[0], ids[2], ids[3], again] {
        manager.destroy(&hardware, id).unwrap();
    }
    assert_eq!(available(943), 1);
    create(0, 943).unwrap();
}

#[test]
fn the_firmware_has_partitions_for_so_many() {
    let host = Host::new(release::ALL[0]);
    let manager = host.manager_with(2).unwrap();
    assert_eq!(manager.available(&manager.find_type(941).unwrap()), 2);
    for vf in 0..2 {
        manager.create(&host.hardware(), &config(vf, 941)).unwrap();
    }
    let error = manager.create(&host.hardware(), &config(2, 941));
    assert_eq!(kind_of(error), Some(Kind::VgpuTypeExhausted));
    assert_eq!(host.board.firmware().plugins.len(), 2);
}

#[test]
fn frame_buffer_runs_out_before_the_limit() {
    let host = Host::new(release::ALL[0]);
    let mut info = host.info;
    // Room for three guests and their heaps, not for four.
    info.limit_for_test(64 << 20, (64 << 20) + (3 << 30) + (600 << 20));
    let manager = Manager::new(&host.hardware(), &info, DEVICE, VFS, VFS).unwrap();
    assert_eq!(manager.available(&manager.find_type(941).unwrap()), 3);
    for vf in 0..3 {
        manager.create(&host.hardware(), &config(vf, 941)).unwrap();
    }
    let error = manager.create(&host.hardware(), &config(3, 941));
    assert_eq!(kind_of(error), Some(Kind::NoFramebuffer));
    assert_eq!(host.board.firmware().plugins.len(), 3);
}

#[test]
fn setting_up_fails_cleanly_wherever_it_fails() {
    let host = Host::new(release::ALL[0]);
    let outstanding = host.board.machine.outstanding();
    let (requests, answers) = (host.board.machine.requests(), host.board.firmware().answers);
    let manager = host.manager().unwrap();
    let requests = host.board.machine.requests() - requests;
    let answers = host.board.firmware().answers - answers;
    manager.close(&host.hardware()).unwrap();
    drop(manager);
    assert!(requests > 10 && answers > 5);
    for n in 1..=requests {
        host.board.machine.fail_request(n);
        assert!(host.manager().is_err(), "request {n}");
        assert_eq!(host.board.machine.outstanding(), outstanding, "request {n}");
        assert!(host.board.firmware().clients.is_empty(), "request {n}");
    }
    for failure in [Failure::Refused, Failure::Ignored, Failure::Lost, Failure::Damaged] {
        for n in 1..=answers {
            host.board.fail_answer(n, failure);
            assert!(host.manager().is_err(), "answer {n} {failure:?}");
            assert_eq!(host.board.machine.outstanding(), outstanding, "answer {n} {failure:?}");
            assert!(host.board.firmware().clients.is_empty(), "answer {n} {failure:?}");
        }
    }
    host.manager().unwrap();
}

#[test]
fn creating_fails_cleanly_wherever_it_fails() {
    for release in release::ALL {
        let host = Host::new(release);
        let hardware = host.hardware();
        let manager = host.manager().unwrap();
        let neighbour = manager.create(&hardware, &config(5, 941)).unwrap();
        let before = host.account(&manager);
        let (requests, answers) = (host.board.machine.requests(), host.board.firmware().answers);
        let id = manager.create(&hardware, &config(1, 941)).unwrap();
        let requests = host.board.machine.requests() - requests;
        let answers = host.board.firmware().answers - answers;
        manager.destroy(&hardware, id).unwrap();
        assert!(requests > 0 && answers > 6);
        for n in 1..=requests {
            host.board.machine.fail_request(n);
            assert!(manager.create(&hardware, &config(1, 941)).is_err(), "request {n}");
            assert_eq!(host.account(&manager), before, "request {n}");
        }
        for failure in [Failure::Refused, Failure::Ignored, Failure::Lost, Failure::Damaged] {
            for n in 1..=answers {
                host.board.fail_answer(n, failure);
                assert!(
                    manager.create(&hardware, &config(1, 941)).is_err(),
                    "answer {n} {failure:?}"
                );
                assert_eq!(host.account(&manager), before, "answer {n} {failure:?}");
            }
        }
        // The neighbour has not noticed, and the VF is as good as new.
        manager.reset(&hardware, neighbour).unwrap();
        manager.create(&hardware, &config(1, 941)).unwrap();
    }
}

#[test]
fn destroying_gives_everything_back_whatever_the_firmware_says() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let before = host.account(&manager);
    // SHUTDOWN, CLEANUP, FREE.
    for failure in [Failure::Refused, Failure::Ignored, Failure::Lost, Failure::Damaged] {
        for n in 1..=3 {
            let id = manager.create(&hardware, &config(1, 941)).unwrap();
            host.board.fail_answer(n, failure);
            assert!(manager.destroy(&hardware, id).is_err(), "answer {n} {failure:?}");
            let mut after = host.account(&manager);
            // What the firmware was not brought to forget is its own.
            host.board.firmware().plugins.clear();
            host.board.firmware().clients.retain(|client, _| *client == 0xc1d0_0000);
            after.clients = 1;
            after.plugins = 0;
            assert_eq!(after, before, "answer {n} {failure:?}");
        }
    }
}

#[test]
fn what_cannot_be_stopped_is_not_given_to_another() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let free = manager.free_framebuffer();
    let id = manager.create(&hardware, &config(1, 941)).unwrap();
    let taken = free - manager.free_framebuffer();
    host.board.firmware().unstoppable = true;
    assert_eq!(kind_of(manager.destroy(&hardware, id)), Some(Kind::RmRefused));
    host.board.firmware().unstoppable = false;
    assert_eq!(manager.free_framebuffer(), free - taken);
    assert_eq!(manager.alive(), 0);
    assert_eq!(
        kind_of(manager.create(&hardware, &config(1, 941))),
        Some(Kind::VfQuarantined)
    );
    assert_eq!(kind_of(manager.info(&hardware, id)), Some(Kind::VgpuStale));
    let other = manager.create(&hardware, &config(2, 941)).unwrap();
    assert_ne!(manager.info(&hardware, other).unwrap().channels.start, 0);
    assert!(host
        .board
        .machine
        .log_lines()
        .iter()
        .any(|(_, line)| line.starts_with("VF 1:")));
}

#[test]
fn logs_are_read_within_their_bounds() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let id = manager.create(&hardware, &config(0, 941)).unwrap();
    let heap = host.board.firmware().plugins[&1].heap;
    host.board.firmware().put_fb(heap + 0x224000, b"\x05\0\0\0\0\0\0\0task");
    host.board.firmware().put_fb(heap + 0x264000 + 0xfffc, b"end!");
    let read = |log, offset, len: usize| {
        let mut bytes = vec![0; len];
        let got = manager.read_log(&hardware, id, log, offset, &mut bytes).unwrap();
        bytes.truncate(got);
        bytes
    };
    assert_eq!(read(Log::Task, 8, 4), b"task");
    assert_eq!(read(Log::Task, 9, 2), b"as");
    assert_eq!(read(Log::Kernel, 0xfffc, 100), b"end!");
    assert_eq!(read(Log::Kernel, 0x10000, 100), b"");
    assert_eq!(read(Log::Init, u64::MAX, 1), b"");

    let old = Host::new(release::ALL[1]);
    let manager = old.manager().unwrap();
    let id = manager.create(&old.hardware(), &config(0, 941)).unwrap();
    let none = manager.read_log(&old.hardware(), id, Log::Kernel, 0, &mut [0; 8]);
    assert_eq!(none, Err(Error::new(Kind::NoLog)));
}

/// Moves a vGPU with `len` bytes of state from VF 0 to VF 1.
fn move_vgpu(release: &'static Release, len: usize) {
    let host = Host::new(release);
    host.board.firmware().state_len = len;
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let source = manager.create(&hardware, &config(0, 941)).unwrap();
    let target = manager.create(&hardware, &config(1, 941)).unwrap();
    let mut bytes = vec![0; 1 << 20];
    assert_eq!(
        kind_of(manager.save(&hardware, source, &mut bytes)),
        Some(Kind::MigrationState)
    );
    assert_eq!(kind_of(manager.resume(&hardware, source)), Some(Kind::MigrationState));
    for id in [source, target] {
        manager.suspend(&hardware, id).unwrap();
        assert!(manager.info(&hardware, id).unwrap().suspended);
        assert_eq!(kind_of(manager.suspend(&hardware, id)), Some(Kind::MigrationState));
        assert_eq!(kind_of(manager.reset(&hardware, id)), Some(Kind::MigrationState));
    }
    let mut said = 0;
    loop {
        let got = manager.save(&hardware, source, &mut bytes).unwrap();
        if got == 0 {
            break;
        }
        assert!((0..got).all(|i| bytes[i] == state_byte(said + i)), "at {said}");
        said += got;
        let mut piece = &bytes[..got];
        while !piece.is_empty() {
            let taken = manager.restore(&hardware, target, piece).unwrap();
            piece = &piece[taken..];
        }
    }
    assert_eq!(said, len);
    assert_eq!(manager.save(&hardware, source, &mut bytes), Ok(0));
    assert_eq!(
        kind_of(manager.save(&hardware, target, &mut bytes)),
        Some(Kind::MigrationState)
    );
    manager.resume(&hardware, target).unwrap();
    let received = host.board.firmware().plugins[&2].received.clone();
    assert_eq!(received.len(), len);
    assert!(received.iter().enumerate().all(|(i, byte)| *byte == state_byte(i)));
    // The source may be kept instead.
    manager.resume(&hardware, source).unwrap();
    manager.reset(&hardware, source).unwrap();
    manager.reset(&hardware, target).unwrap();
}

#[test]
fn a_vgpu_moves() {
    for release in release::ALL {
        for len in [1, 4, 100_003] {
            move_vgpu(release, len);
        }
    }
}

#[test]
fn a_state_longer_than_the_ring_goes_round_it() {
    move_vgpu(release::ALL[0], (2 << 20) + 100_001);
}

#[test]
fn a_plugin_that_points_outside_the_ring_is_refused() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let id = manager.create(&hardware, &config(0, 941)).unwrap();
    manager.suspend(&hardware, id).unwrap();
    let mut bytes = vec![0; 4096];
    manager.save(&hardware, id, &mut bytes).unwrap();
    let heap = host.board.firmware().plugins[&1].heap;
    let field = release::ALL[0].plugin_response.migration_gsp_offset as u64;
    for offset in [2 << 20, u32::MAX] {
        *host.board.firmware().fb_word(heap + 0x1000 + field) = offset;
        assert_eq!(
            kind_of(manager.save(&hardware, id, &mut bytes)),
            Some(Kind::MigrationOffset)
        );
    }
}

#[test]
fn a_plugin_of_another_version_is_stopped_again() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let before = host.account(&manager);
    host.board.firmware().plugin_version = 0x7fff;
    let error = manager.create(&hardware, &config(0, 941));
    assert_eq!(kind_of(error), Some(Kind::PluginVersion));
    assert_eq!(host.account(&manager), before);
    host.board.firmware().plugin_version = 0;
    manager.create(&hardware, &config(0, 941)).unwrap();
}

#[test]
fn a_plugin_that_refuses_or_keeps_silent() {
    let host = Host::new(release::ALL[0]);
    let hardware = host.hardware();
    let manager = host.manager().unwrap();
    let id = manager.create(&hardware, &config(0, 941)).unwrap();
    host.board.fail_answer(1, Failure::Refused);
    assert_eq!(kind_of(manager.reset(&hardware, id)), Some(Kind::PluginRefused));
    host.board.fail_answer(1, Failure::Ignored);
    assert_eq!(kind_of(manager.reset(&hardware, id)), Some(Kind::PluginTimeout));
    manager.reset(&hardware, id).unwrap();
}

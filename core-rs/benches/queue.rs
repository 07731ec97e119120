// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The message queues: a command encoded and a message received, per message and per byte, beside memcpy of the same bytes
//! and the checksum alone, which is what bounds them.
//!
//! `cargo bench -p novabridge-core --bench queue`

use criterion::{black_box, BenchmarkId, Criterion, Throughput};
use novabridge_core::queue::{Checksum, Command, Receiver, Sender, Shared};
use novabridge_core::release;
use novabridge_testing::Machine;

/// A control without parameters, one page, BOOTLOAD, and a full element.
const SIZES: [usize; 4] = [24, 4000, 6640, 65456];
const PAGE: u64 = 4096;
const RING: u64 = 63;
const COMMAND: u64 = 0x1000;
const STATUS: u64 = 0x41000;

struct Ends {
    machine: Machine,
    shared: Shared<Machine>,
    base: u64,
}

impl Ends {
    fn new() -> Self {
        let machine = Machine::new();
        let shared = Shared::new(&machine, release::ALL[0]).expect("the machine has memory");
        let base = shared.init_arguments().shared_mem_addr;
        Ends { machine, shared, base }
    }

    fn put(&self, at: u64, word: u32) {
        self.machine
            .device_write(self.base + at, &word.to_le_bytes())
            .expect("shared memory");
    }

    fn get(&self, at: u64) -> u32 {
        let bytes = self.machine.device_read(self.base + at, 4).expect("shared memory");
        u32::from_le_bytes(bytes.try_into().expect("four bytes"))
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = Checksum::new();
    sum.add(bytes);
    sum.finish()
}

/// What cannot be avoided: one copy, and the checksum of what was copied.
fn limits(criterion: &mut Criterion) {
    for (name, run) in [
        (
            "queue/memcpy",
            (|to: &mut [u8], from: &[u8]| to.copy_from_slice(black_box(from))) as fn(&mut [u8], &[u8]),
        ),
        ("queue/checksum", |to, from| to[0] = checksum(black_box(from)) as u8),
        ("queue/memcpy + checksum", |to, from| {
            to.copy_from_slice(black_box(from));
            to[0] = checksum(from) as u8;
        }),
    ] {
        let mut group = criterion.benchmark_group(name);
        for size in SIZES {
            let from = vec![0x5a; size + 80];
            let mut to = vec![0; size + 80];
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| run(&mut to, &from)));
        }
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/encode");
    for size in SIZES {
        let ends = Ends::new();
        let mut sender = Sender::default();
        let payload = vec![0x5a; size];
        let (header, params) = payload.split_at(24);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let command = Command {
                    function: 76,
                    sequence: 1,
                    payload: &[header, params],
                };
                // The GSP has read everything: the ring never fills.
                sender
                    .send(&ends.shared, &ends.machine, black_box(command), || {
                        ends.put(STATUS + 0x20, ends.get(COMMAND + 16))
                    })
                    .expect("there is room")
            })
        });
    }
}

fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/receive");
    for size in SIZES {
        let ends = Ends::new();
        let mut receiver = Receiver::new(&ends.machine, ends.shared.format()).expect("the machine has memory");
        for (index, word) in [0, 0x40000, 0x1000, 63, 0, 1, 0x20, 0x1000, 0].into_iter().enumerate() {
            ends.put(STATUS + 4 * index as u64, word);
        }
        let pages = (80 + size as u64 + PAGE - 1) / PAGE;
        let mut element = vec![0u8; 80 + size];
        for (at, word) in [
            (40, pages as u32),
            (48, 0x0300_0000),
            (52, 0x4350_5256),
            (56, 32 + size as u32),
            (60, 0x1003),
        ] {
            element[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        let base = checksum(&element);
        // Everywhere in the ring the same element; only its sequence number, and so its checksum, change.
        let place = |page: u64, bytes: &[u8]| {
            for (index, part) in bytes.chunks(PAGE as usize).enumerate() {
                let at = STATUS + PAGE + (page + index as u64) % RING * PAGE;
                ends.machine.device_write(ends.base + at, part).expect("shared memory");
            }
        };
        (0..RING).for_each(|page| place(page, &element[..element.len().min(PAGE as usize)]));
        let (mut page, mut sequence) = (0, 0u32);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter_custom(|rounds| {
                let mut time = std::time::Duration::ZERO;
                for _ in 0..rounds {
                    element[36..40].copy_from_slice(&sequence.to_le_bytes());
                    element[32..36].copy_from_slice(&(base ^ sequence).to_le_bytes());
                    place(page, &element);
                    page = (page + pages) % RING;
                    sequence = sequence.wrapping_add(1);
                    ends.put(STATUS + 16, page as u32);
                    let start = std::time::Instant::now();
                    let message = receiver
                        .receive(&ends.shared)
                        .expect("a good element")
                        .expect("a message");
                    black_box(message.payload);
                    time += start.elapsed();
                }
                time
            })
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    limits(&mut criterion);
    encode(&mut criterion);
    receive(&mut criterion);
    criterion.final_summary();
}

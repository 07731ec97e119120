// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Loading the real GSP image of 63.6 MB beside one memcpy of it.
//!
//! `NOVABRIDGE_FIRMWARE=DIR cargo bench -p novabridge-core --bench image`; DIR holds `nvidia/`.

use criterion::{black_box, Criterion, Throughput};
use novabridge_core::firmware::gsp::GspImage;
use novabridge_core::mem::Dma;
use novabridge_core::platform::DmaKind;
use novabridge_core::radix3::Radix3;
use novabridge_testing::Machine;
use std::time::{Duration, Instant};

const FILE: &str = "nvidia/ga102/gsp/gsp-570.144.bin";
const SIGNATURE: &str = ".fwsignature_ad10x";

/// All that happens to the file: it is parsed, copied into DMA pages, and made reachable through a radix-3 table.
fn load(machine: &Machine, file: &[u8]) -> Radix3<Machine> {
    let gsp = GspImage::parse(file, SIGNATURE).expect("the real file");
    Radix3::new(machine, gsp.image).expect("the machine has memory")
}

/// What cannot be avoided: fresh DMA memory and one copy into it.
fn copy_fresh(machine: &Machine, image: &[u8]) -> Dma<Machine> {
    let dma = Dma::new(machine, image.len() as u64, DmaKind::Scattered).expect("the machine has memory");
    dma.write(0, image).expect("it fits");
    dma
}

fn benches(criterion: &mut Criterion, file: &[u8]) {
    let image = GspImage::parse(file, SIGNATURE).expect("the real file").image;
    let machine = Machine::new();
    let mut warm = vec![0u8; image.len()];
    // Parsing looks at the headers alone: bytes per second would say nothing.
    criterion.bench_function("image/parse", |b| {
        b.iter(|| GspImage::parse(black_box(file), SIGNATURE).map(|g| g.image.len()))
    });
    let mut group = criterion.benchmark_group("image");
    group.sample_size(20).throughput(Throughput::Bytes(image.len() as u64));
    group.bench_function("memcpy into memory in use", |b| {
        b.iter(|| warm.copy_from_slice(black_box(image)))
    });
    group.bench_function("memcpy into fresh DMA memory", |b| {
        b.iter_with_large_drop(|| copy_fresh(&machine, image))
    });
    group.bench_function("load", |b| b.iter_with_large_drop(|| load(&machine, file)));
    group.finish();

    let memcpy = median(|| warm.copy_from_slice(black_box(image)));
    let fresh = median(|| drop(copy_fresh(&machine, image)));
    let whole = median(|| drop(load(&machine, file)));
    let ratio = |of: Duration| whole.as_secs_f64() / of.as_secs_f64();
    println!(
        "loading takes {whole:.2?}: {:.2} x one memcpy into fresh DMA memory ({fresh:.2?}),",
        ratio(fresh)
    );
    println!("{:.2} x one memcpy into memory in use ({memcpy:.2?})", ratio(memcpy));
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let Some(directory) = std::env::var_os("NOVABRIDGE_FIRMWARE") else {
        eprintln!("*** NOT MEASURED: NOVABRIDGE_FIRMWARE does not name the directory of the real firmware files ***");
        return;
    };
    let path = std::path::Path::new(&directory).join(FILE);
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion, &file);
    criterion.final_summary();
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! What the way through the C ABI costs: a call into Rust beside the same call into an object that the C compiler made.
//!
//! `cargo bench -p novabridge-capi-bench`

use criterion::{black_box, Criterion};
use novabridge::api::abi::nvb_abi_handshake;
use novabridge::api::gpu::nvb_gpu_shutdown;
use novabridge::handle::nvb_gpu;
use novabridge::types::abi::nvb_abi;
use novabridge_capi_bench::{same_abi_handshake, same_gpu_shutdown};
use std::ptr::null_mut;

/// What the C side makes of its own header, by asking for it.
fn fitting() -> nvb_abi {
    // SAFETY: numbers and arrays of numbers.
    let mut abi: nvb_abi = unsafe { std::mem::zeroed() };
    abi.size = std::mem::size_of::<nvb_abi>() as u32;
    // SAFETY: the struct is whole. The answer to a caller that fits nothing holds all the sizes.
    let refused = unsafe { nvb_abi_handshake(&mut abi) };
    assert!(refused < 0);
    abi
}

fn calls(criterion: &mut Criterion) {
    let abi = fitting();
    let mut group = criterion.benchmark_group("call");
    group.bench_function("shutdown(NULL), Rust", |b| {
        // SAFETY: NULL is allowed.
        b.iter(|| unsafe { nvb_gpu_shutdown(black_box(null_mut::<nvb_gpu>())) })
    });
    group.bench_function("shutdown(NULL), C", |b| {
        // SAFETY: NULL is allowed.
        b.iter(|| unsafe { same_gpu_shutdown(black_box(null_mut::<nvb_gpu>())) })
    });
    for (name, shake) in [
        (
            "handshake, Rust",
            nvb_abi_handshake as unsafe extern "C" fn(*mut nvb_abi) -> i32,
        ),
        ("handshake, C", same_abi_handshake),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut mine = abi;
                // SAFETY: the struct is whole.
                assert_eq!(unsafe { shake(black_box(&mut mine)) }, 0);
            })
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    calls(&mut criterion);
    criterion.final_summary();
}

// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The C functions that the bench `abi` compares with those of the core.

use novabridge::handle::nvb_gpu;
use novabridge::types::abi::nvb_abi;

// An opaque struct of C is no C type to Rust; only its address crosses.
#[allow(improper_ctypes)]
extern "C" {
    /// As `nvb_gpu_shutdown()` for NULL: nothing but the call and the check.
    pub fn same_gpu_shutdown(gpu: *mut nvb_gpu) -> i32;
    /// As `nvb_abi_handshake()` when caller and core fit.
    pub fn same_abi_handshake(abi: *mut nvb_abi) -> i32;
}

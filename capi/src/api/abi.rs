// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The handshake.

use crate::types::abi::*;

/// nvb_abi_handshake() - the first call: do caller and core fit each other?
/// @abi: what the caller was compiled with, from NVB_ABI_INIT(); gets the core's answer, or the reason of the refusal
///
/// The core keeps nothing of it: one handshake is enough for any number of GPUs.
///
/// Context: any; touches nothing but @abi.
/// Return:
/// * 0: they fit
/// * -EINVAL: @abi is NULL or its size is not that of any version
/// * -EPROTO: the core does not serve this version, or a struct has another size than that version gave it
/// * -EOPNOTSUPP: a wanted feature is missing
///
/// # Safety
/// @abi is NULL or points to @abi->size writable bytes.
#[no_mangle]
pub unsafe extern "C" fn nvb_abi_handshake(abi: *mut nvb_abi) -> i32 {
    let _ = abi;
    -95
}

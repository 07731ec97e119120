// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! Structs whose size the caller states: what older and newer callers pass is read and written by the rules in the header's
//! introduction.

use crate::types::*;
use core::mem::{size_of, MaybeUninit};
use core::ptr;
use novabridge_core::error::errno::EINVAL;

/// The core has no use for it.
const E2BIG: i32 = 7;

/// A struct that crosses the ABI.
///
/// # Safety
///
/// The type is `repr(C)`, starts with a `u32` that holds its size, has no padding, and every bit pattern is a value of it.
pub unsafe trait Sized32: Copy {
    /// Its size in version 1.0.
    const FIRST: usize;
}

macro_rules! sized {
    ($($name:ty = $first:literal;)*) => {
        $(
            // SAFETY: the declaration in `types/` is checked field by field by `abi-tests/layout`: no padding, `size`
            // first; all fields are numbers or nullable pointers.
            unsafe impl Sized32 for $name {
                const FIRST: usize = $first;
            }
            // Structs only grow.
            const _: () = assert!(size_of::<$name>() >= $first);
        )*
    };
}

sized! {
    abi::nvb_abi = 216;
    platform::nvb_platform = 176;
    gpu::nvb_boot_config = 120;
    gpu::nvb_gpu_info = 200;
    vgpu::nvb_vgpu_type_info = 88;
    vgpu::nvb_vgpu_config = 24;
    vgpu::nvb_vgpu_info = 56;
}

/// Reads the size that a caller stated.
///
/// # Safety
///
/// `p` is NULL or points to a struct of the ABI whose `size` is set and that is that long.
unsafe fn stated<T: Sized32>(p: *const T) -> Result<usize, i32> {
    if p.is_null() {
        return Err(-EINVAL);
    }
    // SAFETY: not NULL, so by our caller's promise at least the size field is there; the caller may have packed it.
    let size = unsafe { ptr::read_unaligned(p.cast::<u32>()) } as usize;
    if size < T::FIRST {
        return Err(-EINVAL);
    }
    Ok(size)
}

/// Copies a struct in; what the caller does not have reads as zero, and what the core does not know has to be.
///
/// # Safety
///
/// `p` is NULL or points to as many readable bytes as its `size` says.
pub unsafe fn read<T: Sized32>(p: *const T) -> Result<T, i32> {
    // SAFETY: our caller's promise.
    let (copy, size) = unsafe { copy_in(p) }?;
    for at in size_of::<T>()..size {
        // SAFETY: below the stated size.
        if unsafe { ptr::read(p.cast::<u8>().add(at)) } != 0 {
            return Err(-E2BIG);
        }
    }
    Ok(copy)
}

/// As [`read`], whatever a newer caller has beyond: what the core does not know of it does no harm unread. So it is with a
/// platform's functions, which are never called then, and with the handshake, which says in its answer what the core knows.
///
/// # Safety
///
/// `p` is NULL or points to as many readable bytes as its `size` says.
pub unsafe fn read_known<T: Sized32>(p: *const T) -> Result<T, i32> {
    // SAFETY: our caller's promise.
    unsafe { copy_in(p) }.map(|(copy, _)| copy)
}

/// The struct as far as both sides have it, zero behind that, and the size that the caller stated.
///
/// # Safety
///
/// `p` is NULL or points to as many readable bytes as its `size` says.
unsafe fn copy_in<T: Sized32>(p: *const T) -> Result<(T, usize), i32> {
    // SAFETY: our caller's promise.
    let size = unsafe { stated(p) }?;
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller's struct is valid for the size it states and ours for its own, so both are for the smaller one; after the
    // copy every byte of `copy` is initialised, and any bytes are a `T` (`Sized32`).
    unsafe {
        ptr::copy_nonoverlapping(p.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), size.min(size_of::<T>()));
        Ok((copy.assume_init(), size))
    }
}

/// Copies a struct out; the caller's `size` stays, what it has beyond is zeroed.
///
/// # Safety
///
/// `p` is NULL or points to as many writable bytes as its `size` says.
pub unsafe fn write<T: Sized32>(p: *mut T, value: &T) -> Result<(), i32> {
    // SAFETY: our caller's promise.
    let size = unsafe { stated(p as *const T) }?;
    let known = size.min(size_of::<T>());
    let head = size_of::<u32>();
    // SAFETY: `known` bytes are valid on both sides and at least `FIRST`, which is more than `head`; the rest up to `size` is
    // the caller's to be written.
    unsafe {
        let src = (value as *const T).cast::<u8>();
        ptr::copy_nonoverlapping(src.add(head), p.cast::<u8>().add(head), known.saturating_sub(head));
        ptr::write_bytes(p.cast::<u8>().add(known), 0, size.saturating_sub(known));
    }
    Ok(())
}

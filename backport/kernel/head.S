/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Stands in front of the assembly rustc made. Returns become what this kernel's configuration asks of its C code, so that one
 * file serves kernels with and without return thunks, and rustc versions that cannot make them themselves.
 */
#if defined(CONFIG_RETHUNK) || defined(CONFIG_MITIGATION_RETHUNK)
#define retq jmp __x86_return_thunk; int3
#elif defined(CONFIG_SLS) || defined(CONFIG_MITIGATION_SLS)
#define retq ret; int3
#endif

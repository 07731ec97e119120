// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What rustc's instrumentation calls by LLVM's names, and gcc's libtsan watches under C's. */
#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t len);
void *__tsan_memmove(void *to, const void *from, size_t len);
void *__tsan_memset(void *to, int byte, size_t len);

void *__tsan_memcpy(void *to, const void *from, size_t len)
{
	return memcpy(to, from, len);
}

void *__tsan_memmove(void *to, const void *from, size_t len)
{
	return memmove(to, from, len);
}

void *__tsan_memset(void *to, int byte, size_t len)
{
	return memset(to, byte, len);
}

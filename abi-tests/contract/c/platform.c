// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* struct nvb_platform over the machine: what the core asks of a kernel. */
#include "machine_private.h"

#include <gsp_emulator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BAR0_LEN (16u << 20)

/* Whether this request of the core is the one that is to fail. */
static int fails(struct machine *m, enum request kind)
{
	struct requests *r = &m->requests[kind];
	unsigned int failing = atomic_load(&r->failing);

	if (atomic_fetch_add(&r->count, 1) + 1 != failing)
		return 0;
	atomic_store(&m->failed, 1);
	return 1;
}

void machine_fail(struct machine *m, enum request kind, unsigned int nth)
{
	struct requests *r = &m->requests[kind];

	atomic_store(&m->failed, 0);
	atomic_store(&r->failing, nth ? atomic_load(&r->count) + nth : 0);
}

int machine_failed_one(struct machine *m)
{
	return atomic_load(&m->failed);
}

static int32_t mmio_read32(void *ctx, uint32_t off, uint32_t *value)
{
	struct machine *m = ctx;

	if (atomic_load(&m->unplugged))
		return -ENODEV;
	if (off % 4 || off >= BAR0_LEN)
		return -EINVAL;
	*value = gsp_emu_read(m->emu, 0, 0, off, 4);
	return 0;
}

static int32_t mmio_write32(void *ctx, uint32_t off, uint32_t value)
{
	struct machine *m = ctx;

	if (atomic_load(&m->unplugged))
		return -ENODEV;
	if (off % 4 || off >= BAR0_LEN)
		return -EINVAL;
	gsp_emu_write(m->emu, 0, 0, off, 4, value);
	return 0;
}

static int32_t dma_alloc(void *ctx, uint64_t len, uint32_t kind, struct nvb_dma *dma)
{
	struct machine *m = ctx;
	struct piece **at, *piece;
	uint64_t end = 0;

	if (fails(m, ALLOCATION))
		return -ENOMEM;
	piece = malloc(sizeof(*piece));
	piece->pages = (len + PAGE - 1) / PAGE;
	pthread_mutex_lock(&m->lock);
	for (at = &m->pieces; *at && (*at)->page - end < piece->pages; at = &(*at)->next)
		end = (*at)->page + (*at)->pages;
	piece->page = end;
	piece->next = *at;
	*at = piece;
	pthread_mutex_unlock(&m->lock);
	if (end + piece->pages > ARENA_PAGES)
		abort();
	dma->cpu = m->arena + end * PAGE;
	dma->addr = kind == NVB_DMA_CONTIGUOUS ? BUS + end * PAGE : 0;
	dma->priv = piece;
	atomic_fetch_add(&m->held, 1);
	return 0;
}

static void dma_free(void *ctx, struct nvb_dma *dma)
{
	struct machine *m = ctx;
	struct piece **at, *piece = dma->priv;

	pthread_mutex_lock(&m->lock);
	for (at = &m->pieces; *at != piece; at = &(*at)->next)
		;
	*at = piece->next;
	/* The next owner gets zeroes. */
	madvise(m->arena + piece->page * PAGE, piece->pages * PAGE, MADV_DONTNEED);
	pthread_mutex_unlock(&m->lock);
	free(piece);
	atomic_fetch_sub(&m->held, 1);
}

static int32_t dma_page_addr(void *ctx, const struct nvb_dma *dma, uint64_t page, uint64_t *addr)
{
	struct machine *m = ctx;
	struct piece *piece = dma->priv;

	if (fails(m, MAPPING))
		return -ENOMEM;
	if (page >= piece->pages)
		return -EINVAL;
	*addr = SCATTERED_BUS + (ARENA_PAGES - 1 - piece->page - page) * PAGE;
	return 0;
}

static int32_t dma_sync_for_device(void *ctx, const struct nvb_dma *dma, uint64_t off, uint64_t len)
{
	struct machine *m = ctx;

	(void)dma;
	(void)off;
	(void)len;
	return fails(m, MAPPING) ? -ENOMEM : 0;
}

static void *mem_alloc(void *ctx, uint64_t len)
{
	struct machine *m = ctx;

	if (fails(m, ALLOCATION))
		return NULL;
	atomic_fetch_add(&m->held, 1);
	return calloc(1, len ? len : 1);
}

static void mem_free(void *ctx, void *mem, uint64_t len)
{
	struct machine *m = ctx;

	(void)len;
	free(mem);
	atomic_fetch_sub(&m->held, 1);
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint64_t now_ns(void *ctx)
{
	struct machine *m = ctx;
	uint64_t shown;

	pthread_mutex_lock(&m->clock_lock);
	shown = m->shown_ns + (real_ns() - m->set_ns) * m->pace;
	pthread_mutex_unlock(&m->clock_lock);
	return shown;
}

void machine_pace(struct machine *m, unsigned int pace)
{
	uint64_t shown = now_ns(m);

	pthread_mutex_lock(&m->clock_lock);
	m->shown_ns = shown;
	m->set_ns = real_ns();
	m->pace = pace;
	pthread_mutex_unlock(&m->clock_lock);
}

/* A time of the core's as real time. */
static uint64_t real_us(struct machine *m, uint64_t us)
{
	uint64_t real;

	pthread_mutex_lock(&m->clock_lock);
	real = (us + m->pace - 1) / m->pace;
	pthread_mutex_unlock(&m->clock_lock);
	return real;
}

static void sleep_us(void *ctx, uint32_t us)
{
	usleep(real_us(ctx, us));
}

static int32_t lock_create(void *ctx, void **lock)
{
	struct machine *m = ctx;

	if (fails(m, ALLOCATION))
		return -ENOMEM;
	*lock = malloc(sizeof(pthread_mutex_t));
	pthread_mutex_init(*lock, NULL);
	atomic_fetch_add(&m->held, 1);
	return 0;
}

static void lock_destroy(void *ctx, void *lock)
{
	struct machine *m = ctx;

	pthread_mutex_destroy(lock);
	free(lock);
	atomic_fetch_sub(&m->held, 1);
}

static void lock_acquire(void *ctx, void *lock)
{
	(void)ctx;
	pthread_mutex_lock(lock);
}

static void lock_release(void *ctx, void *lock)
{
	(void)ctx;
	pthread_mutex_unlock(lock);
}

static uint32_t event_token(void *ctx)
{
	struct machine *m = ctx;

	return count_get(&m->events);
}

static int32_t event_wait(void *ctx, uint32_t token, uint64_t timeout_us)
{
	struct machine *m = ctx;

	return count_wait(&m->events, token, real_us(m, timeout_us));
}

static void event_signal(void *ctx)
{
	struct machine *m = ctx;

	count_advance(&m->events);
}

static int32_t firmware_get(void *ctx, const char *name, struct nvb_firmware *fw)
{
	static const char types[] = "nvidia/vgpu-";
	struct machine *m = ctx;
	char path[1024];
	FILE *file;
	long len;

	if (fails(m, ALLOCATION))
		return -ENOMEM;
	/* No distribution ships these; the runner has made them. */
	if (!strncmp(name, types, strlen(types)))
		snprintf(path, sizeof(path), "%s/%s", m->no_vgpu_types ? "/nonexistent" : getenv("NOVABRIDGE_VGPU_TYPES"),
			 name + strlen("nvidia/"));
	else
		snprintf(path, sizeof(path), "%s/%s", m->firmware_dir, name);
	file = fopen(path, "rb");
	if (!file)
		return -errno;
	fseek(file, 0, SEEK_END);
	len = ftell(file);
	rewind(file);
	fw->priv = malloc(len ? len : 1);
	fw->len = fread(fw->priv, 1, len, file);
	fw->data = fw->priv;
	fclose(file);
	atomic_fetch_add(&m->held, 1);
	return 0;
}

static void firmware_put(void *ctx, struct nvb_firmware *fw)
{
	struct machine *m = ctx;

	free(fw->priv);
	atomic_fetch_sub(&m->held, 1);
}

static void log_line(void *ctx, uint32_t level, const char *text, uint64_t len)
{
	(void)ctx;
	if (getenv("NOVABRIDGE_LOG"))
		fprintf(stderr, "<%u> %.*s\n", level, (int)len, text);
}

struct nvb_platform machine_platform(struct machine *m)
{
	return (struct nvb_platform){
		.size = sizeof(struct nvb_platform),
		.ctx = m,
		.mmio_read32 = mmio_read32,
		.mmio_write32 = mmio_write32,
		.dma_alloc = dma_alloc,
		.dma_free = dma_free,
		.dma_page_addr = dma_page_addr,
		.dma_sync_for_device = dma_sync_for_device,
		.mem_alloc = mem_alloc,
		.mem_free = mem_free,
		.now_ns = now_ns,
		.sleep_us = sleep_us,
		.lock_create = lock_create,
		.lock_destroy = lock_destroy,
		.lock_acquire = lock_acquire,
		.lock_release = lock_release,
		.event_token = event_token,
		.event_wait = event_wait,
		.event_signal = event_signal,
		.firmware_get = firmware_get,
		.firmware_put = firmware_put,
		.log = log_line,
	};
}

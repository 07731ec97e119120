// SPDX-License-Identifier: GPL-2.0-only OR MIT
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <gsp_emulator.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ull
#define ARENA_PAGES (1ull << 20)	  /* 4 GiB, of which only what is touched takes memory */
#define BUS 0x100000000ull		  /* device address of the arena for contiguous memory */
#define SCATTERED_BUS 0x8000000000ull	  /* and for scattered memory: page n is the last but n */
#define PF_BDF 0x4100u
#define FIRST_VF_OFFSET 4u
#define BAR0_LEN (16u << 20)

/* A counter that threads wait on. */
struct count {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint32_t value;
};

/* Pages of the arena that are in use. */
struct piece {
	struct piece *next;
	uint64_t page, pages;
};

struct machine {
	struct gsp_emu *emu;
	const char *firmware_dir;
	int no_vgpu_types;
	uint8_t *arena;
	struct piece *pieces; /* by page */
	pthread_mutex_t lock; /* of the pieces and of the arena's bytes against reuse */
	struct count events, irqs, work;
	pthread_t irq_thread, service_thread;
	struct nvb_gpu *gpu;
	atomic_int connected;
	atomic_uint held, requests, failing, failed;
};

static void count_init(struct count *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->moved, &attr);
	pthread_condattr_destroy(&attr);
	c->value = 0;
}

static uint32_t count_get(struct count *c)
{
	uint32_t value;

	pthread_mutex_lock(&c->lock);
	value = c->value;
	pthread_mutex_unlock(&c->lock);
	return value;
}

static void count_advance(struct count *c)
{
	pthread_mutex_lock(&c->lock);
	c->value++;
	pthread_cond_broadcast(&c->moved);
	pthread_mutex_unlock(&c->lock);
}

/* 0 when the count is no longer @old, else -ETIMEDOUT. */
static int count_wait(struct count *c, uint32_t old, uint64_t timeout_us)
{
	struct timespec end;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_us / 1000000;
	end.tv_nsec += timeout_us % 1000000 * 1000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	pthread_mutex_lock(&c->lock);
	while (c->value == old && !ret)
		ret = -pthread_cond_timedwait(&c->moved, &c->lock, &end);
	if (c->value != old)
		ret = 0;
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int fails(struct machine *m)
{
	unsigned int failing = atomic_load(&m->failing);

	if (atomic_fetch_add(&m->requests, 1) + 1 != failing)
		return 0;
	atomic_store(&m->failed, 1);
	return 1;
}

/* Memory that the device reaches. */

static uint8_t *bus_page(struct machine *m, uint64_t addr)
{
	uint64_t page;

	if (addr >= SCATTERED_BUS)
		page = ARENA_PAGES - 1 - (addr - SCATTERED_BUS) / PAGE;
	else
		page = (addr - BUS) / PAGE;
	return addr < BUS || page >= ARENA_PAGES ? NULL : m->arena + page * PAGE + addr % PAGE;
}

static int32_t bus_copy(struct machine *m, uint64_t addr, uint8_t *to, const uint8_t *from, uint64_t len)
{
	while (len) {
		uint64_t part = PAGE - addr % PAGE < len ? PAGE - addr % PAGE : len;
		uint8_t *cpu = bus_page(m, addr);

		if (!cpu)
			return 0;
		if (to) {
			memcpy(to, cpu, part);
			to += part;
		} else {
			memcpy(cpu, from, part);
			from += part;
		}
		addr += part;
		len -= part;
	}
	return 1;
}

static int32_t host_dma_read(void *opaque, uint32_t func, uint64_t addr, void *buf, uint64_t len)
{
	return func ? 0 : bus_copy(opaque, addr, buf, NULL, len);
}

static int32_t host_dma_write(void *opaque, uint32_t func, uint64_t addr, const void *buf, uint64_t len)
{
	return func ? 0 : bus_copy(opaque, addr, NULL, buf, len);
}

static void host_irq(void *opaque, uint32_t func, uint32_t vector)
{
	struct machine *m = opaque;

	(void)vector;
	if (!func)
		count_advance(&m->irqs);
}

static void host_violation(void *opaque, const char *rule, const char *detail)
{
	(void)opaque;
	fprintf(stderr, "violation: %s: %s\n", rule, detail);
}

static int32_t host_location(void *opaque, struct gsp_emu_location *location)
{
	(void)opaque;
	*location = (struct gsp_emu_location){
		.bdf = PF_BDF,
		.first_vf_offset = FIRST_VF_OFFSET,
		.bar = { 0xf0000000, 0x3800000000, 0x3900000000 },
		.vf_bar = { 0xf2000000, 0x4000000000, 0x4800000000 },
	};
	return 1;
}

/* The platform. */

static int32_t mmio_read32(void *ctx, uint32_t off, uint32_t *value)
{
	struct machine *m = ctx;

	if (off % 4 || off >= BAR0_LEN)
		return -EINVAL;
	*value = gsp_emu_read(m->emu, 0, 0, off, 4);
	return 0;
}

static int32_t mmio_write32(void *ctx, uint32_t off, uint32_t value)
{
	struct machine *m = ctx;

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

	if (fails(m))
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

	if (fails(m))
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
	return fails(m) ? -ENOMEM : 0;
}

static void *mem_alloc(void *ctx, uint64_t len)
{
	struct machine *m = ctx;

	if (fails(m))
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

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void sleep_us(void *ctx, uint32_t us)
{
	(void)ctx;
	usleep(us);
}

static int32_t lock_create(void *ctx, void **lock)
{
	struct machine *m = ctx;

	if (fails(m))
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

	return count_wait(&m->events, token, timeout_us);
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

	if (fails(m))
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

/* The machine itself. */

static void *irq_loop(void *arg)
{
	struct machine *m = arg;
	uint32_t seen = count_get(&m->irqs);

	while (atomic_load(&m->connected)) {
		if (count_wait(&m->irqs, seen, 20000))
			continue;
		seen = count_get(&m->irqs);
		if (nvb_gpu_interrupt(m->gpu) == NVB_IRQ_SERVICE)
			count_advance(&m->work);
	}
	return NULL;
}

static void *service_loop(void *arg)
{
	struct machine *m = arg;
	uint32_t seen = count_get(&m->work);

	while (atomic_load(&m->connected)) {
		if (count_wait(&m->work, seen, 20000))
			continue;
		seen = count_get(&m->work);
		nvb_gpu_service(m->gpu);
	}
	return NULL;
}

void machine_connect(struct machine *m, struct nvb_gpu *gpu)
{
	m->gpu = gpu;
	atomic_store(&m->connected, 1);
	pthread_create(&m->irq_thread, NULL, irq_loop, m);
	pthread_create(&m->service_thread, NULL, service_loop, m);
}

void machine_disconnect(struct machine *m)
{
	if (!atomic_exchange(&m->connected, 0))
		return;
	pthread_join(m->irq_thread, NULL);
	pthread_join(m->service_thread, NULL);
}

struct machine *machine_new(const struct machine_options *options)
{
	static const struct gsp_emu_host host = {
		.size = sizeof(host),
		.dma_read = host_dma_read,
		.dma_write = host_dma_write,
		.irq = host_irq,
		.violation = host_violation,
		.location = host_location,
	};
	struct machine *m = calloc(1, sizeof(*m));
	const char *dir = getenv("NOVABRIDGE_FIRMWARE");
	struct gsp_emu_config config = { .size = sizeof(config), .total_vfs = 16, .flags = GSP_EMU_THREAD };
	char reason[256];

	m->firmware_dir = options->firmware_dir ? options->firmware_dir : dir ? dir : "/lib/firmware";
	m->no_vgpu_types = options->no_vgpu_types;
	m->arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pthread_mutex_init(&m->lock, NULL);
	count_init(&m->events);
	count_init(&m->irqs);
	count_init(&m->work);
	config.firmware_dir = dir ? dir : "/lib/firmware";
	config.hostile = options->hostile;
	m->emu = gsp_emu_new(&config, &host, m, reason, sizeof(reason));
	if (m->emu && m->arena != MAP_FAILED)
		return m;
	fprintf(stderr, "no machine: %s\n", m->emu ? "no memory" : reason);
	free(m);
	return NULL;
}

void machine_free(struct machine *m)
{
	machine_disconnect(m);
	gsp_emu_free(m->emu);
	munmap(m->arena, ARENA_PAGES * PAGE);
	free(m);
}

struct nvb_boot_config machine_boot_config(struct machine *m, const char *release)
{
	struct nvb_boot_config config = { .size = sizeof(config), .flags = NVB_BOOT_VGPU_HOST };
	struct gsp_emu_geometry board;
	struct gsp_emu_location place;

	gsp_emu_geometry(m->emu, &board);
	host_location(m, &place);
	snprintf(config.release, sizeof(config.release), "%s", release);
	config.bar0_addr = place.bar[0];
	config.bar1_addr = place.bar[1];
	config.bar2_addr = place.bar[2];
	config.bar1_len = board.bar1_size;
	config.sbdf = place.bdf;
	config.pci_vendor = board.vendor;
	config.pci_device = board.device;
	config.pci_subvendor = board.subsystem_vendor;
	config.pci_subdevice = board.subsystem;
	config.pci_revision = board.revision;
	config.total_vfs = board.total_vfs;
	config.first_vf_offset = place.first_vf_offset;
	config.vf_bar0_addr = place.vf_bar[0];
	config.vf_bar1_addr = place.vf_bar[1];
	config.vf_bar2_addr = place.vf_bar[2];
	config.vf_bar_64bit = 6;
	return config;
}

struct nvb_vgpu_config machine_vgpu_config(struct machine *m, uint32_t vf, uint32_t type)
{
	(void)m;
	return (struct nvb_vgpu_config){
		.size = sizeof(struct nvb_vgpu_config),
		.vf = vf,
		.type = type,
		.sbdf = PF_BDF + FIRST_VF_OFFSET + vf,
		.vm_pid = getpid(),
	};
}

void machine_hostile(struct machine *m, const char *modes)
{
	if (gsp_emu_set_hostile(m->emu, modes))
		fprintf(stderr, "no such hostile mode: %s\n", modes);
}

int machine_inject(struct machine *m, const char *event)
{
	return gsp_emu_inject(m->emu, event);
}

void machine_fail_request(struct machine *m, unsigned int nth)
{
	atomic_store(&m->failed, 0);
	atomic_store(&m->failing, nth ? atomic_load(&m->requests) + nth : 0);
}

int machine_failed_one(struct machine *m)
{
	return atomic_load(&m->failed);
}

unsigned int machine_held(struct machine *m)
{
	return atomic_load(&m->held);
}

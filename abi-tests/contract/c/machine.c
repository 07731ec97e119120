// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The machine: an emulated GPU, its memory, and the threads that its interrupts reach. */
#include "machine_private.h"

#include <gsp_emulator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

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

uint32_t count_get(struct count *c)
{
	uint32_t value;

	pthread_mutex_lock(&c->lock);
	value = c->value;
	pthread_mutex_unlock(&c->lock);
	return value;
}

void count_advance(struct count *c)
{
	pthread_mutex_lock(&c->lock);
	c->value++;
	pthread_cond_broadcast(&c->moved);
	pthread_mutex_unlock(&c->lock);
}

int count_wait(struct count *c, uint32_t old, uint64_t timeout_us)
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
	pthread_mutex_init(&m->clock_lock, NULL);
	m->pace = 1;
	count_init(&m->events);
	count_init(&m->irqs);
	count_init(&m->work);
	config.firmware_dir = dir ? dir : "/lib/firmware";
	config.hostile = options->hostile;
	m->emu = gsp_emu_new(&config, &host, m, reason, sizeof(reason));
	if (m->emu && m->arena != MAP_FAILED)
		return m;
	/* No test can do without it. Under valgrind there is address space for two machines, not for three. */
	fprintf(stderr, "no machine: %s\n", m->emu ? "no memory" : reason);
	exit(1);
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

void machine_unplug(struct machine *m)
{
	atomic_store(&m->unplugged, 1);
}

unsigned int machine_held(struct machine *m)
{
	return atomic_load(&m->held);
}

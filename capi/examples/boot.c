// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Boots an emulated GPU through libnovabridge in user space, creates a vGPU on it, and shuts it down again.
 *
 *   make -C capi example && capi/build/boot /lib/firmware
 *
 * Here the device's addresses are those of the process, so DMA memory is any memory.
 */
#include <errno.h>
#include <gsp_emulator.h>
#include <novabridge.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct gsp_emu *emu;
static const char *firmware_dir;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static uint32_t signals, interrupts;
static int ended;

/* The platform: registers. */
static int32_t mmio_read32(void *ctx, uint32_t off, uint32_t *value)
{
	(void)ctx;
	*value = (uint32_t)gsp_emu_read(emu, 0, 0, off, 4);
	return 0;
}

static int32_t mmio_write32(void *ctx, uint32_t off, uint32_t value)
{
	(void)ctx;
	gsp_emu_write(emu, 0, 0, off, 4, value);
	return 0;
}

/* Memory. */
static void *zeroed(uint64_t len)
{
	void *mem = aligned_alloc(4096, (len + 4095) & ~4095ull);

	return mem ? memset(mem, 0, len) : NULL;
}

static int32_t dma_alloc(void *ctx, uint64_t len, uint32_t kind, struct nvb_dma *dma)
{
	(void)ctx, (void)kind;
	dma->cpu = zeroed(len);
	dma->addr = (uintptr_t)dma->cpu;
	return dma->cpu ? 0 : -ENOMEM;
}

static void dma_free(void *ctx, struct nvb_dma *dma) { (void)ctx; free(dma->cpu); }
static void *mem_alloc(void *ctx, uint64_t len) { (void)ctx; return zeroed(len); }
static void mem_free(void *ctx, void *mem, uint64_t len) { (void)ctx, (void)len; free(mem); }

static int32_t dma_page_addr(void *ctx, const struct nvb_dma *dma, uint64_t page, uint64_t *addr)
{
	(void)ctx;
	*addr = (uintptr_t)dma->cpu + page * 4096;
	return 0;
}

static int32_t dma_sync_for_device(void *ctx, const struct nvb_dma *dma, uint64_t off, uint64_t len)
{
	(void)ctx, (void)dma, (void)off, (void)len;
	return 0;
}

/* Time, locks, and the count of events. */
static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_us(void *ctx, uint32_t us) { (void)ctx; usleep(us); }

static int32_t lock_create(void *ctx, void **lock)
{
	(void)ctx;
	*lock = malloc(sizeof(pthread_mutex_t));
	return *lock ? -pthread_mutex_init(*lock, NULL) : -ENOMEM;
}

static void lock_destroy(void *ctx, void *lock) { (void)ctx; pthread_mutex_destroy(lock); free(lock); }
static void lock_acquire(void *ctx, void *lock) { (void)ctx; pthread_mutex_lock(lock); }
static void lock_release(void *ctx, void *lock) { (void)ctx; pthread_mutex_unlock(lock); }

static void advance(uint32_t *count)
{
	pthread_mutex_lock(&mutex);
	++*count;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&mutex);
}

static int32_t wait_for(uint32_t *count, uint32_t old, uint64_t timeout_us)
{
	struct timespec end;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += timeout_us / 1000000;
	end.tv_nsec += timeout_us % 1000000 * 1000;
	if (end.tv_nsec >= 1000000000)
		end.tv_sec++, end.tv_nsec -= 1000000000;
	pthread_mutex_lock(&mutex);
	while (*count == old && !ret)
		ret = pthread_cond_timedwait(&moved, &mutex, &end);
	ret = *count == old ? -ETIMEDOUT : 0;
	pthread_mutex_unlock(&mutex);
	return ret;
}

static uint32_t read_count(const uint32_t *count) { return __atomic_load_n(count, __ATOMIC_SEQ_CST); }
static uint32_t event_token(void *ctx) { (void)ctx; return read_count(&signals); }
static int32_t event_wait(void *ctx, uint32_t token, uint64_t us) { (void)ctx; return wait_for(&signals, token, us); }
static void event_signal(void *ctx) { (void)ctx; advance(&signals); }

/* Files and words. */
static int32_t firmware_get(void *ctx, const char *name, struct nvb_firmware *fw)
{
	char path[512];
	FILE *file;

	(void)ctx;
	snprintf(path, sizeof(path), "%s/%s", firmware_dir, name);
	file = fopen(path, "rb");
	if (!file)
		return -errno;
	fseek(file, 0, SEEK_END);
	fw->len = ftell(file);
	rewind(file);
	fw->data = fw->priv = malloc(fw->len ? fw->len : 1);
	if (!fw->priv || fread(fw->priv, 1, fw->len, file) != fw->len) {
		free(fw->priv);
		fclose(file);
		return -EIO;
	}
	fclose(file);
	return 0;
}

static void firmware_put(void *ctx, struct nvb_firmware *fw) { (void)ctx; free(fw->priv); }

static void say(void *ctx, uint32_t level, const char *text, uint64_t len)
{
	(void)ctx;
	fprintf(stderr, "<%u> %.*s\n", level, (int)len, text);
}

static const struct nvb_platform platform = {
	.size = sizeof(platform),
	.mmio_read32 = mmio_read32, .mmio_write32 = mmio_write32,
	.dma_alloc = dma_alloc, .dma_free = dma_free,
	.dma_page_addr = dma_page_addr, .dma_sync_for_device = dma_sync_for_device,
	.mem_alloc = mem_alloc, .mem_free = mem_free, .now_ns = now_ns, .sleep_us = sleep_us,
	.lock_create = lock_create, .lock_destroy = lock_destroy,
	.lock_acquire = lock_acquire, .lock_release = lock_release,
	.event_token = event_token, .event_wait = event_wait, .event_signal = event_signal,
	.firmware_get = firmware_get, .firmware_put = firmware_put, .log = say,
};

/* The bus: what the device does to the machine. */
static int32_t bus_read(void *opaque, uint32_t func, uint64_t addr, void *buf, uint64_t len)
{
	(void)opaque, (void)func;
	memcpy(buf, (void *)(uintptr_t)addr, len);
	return 1;
}

static int32_t bus_write(void *opaque, uint32_t func, uint64_t addr, const void *buf, uint64_t len)
{
	(void)opaque, (void)func;
	memcpy((void *)(uintptr_t)addr, buf, len);
	return 1;
}

static void bus_irq(void *opaque, uint32_t func, uint32_t vector) { (void)opaque, (void)func, (void)vector; advance(&interrupts); }

static void *interrupt_thread(void *gpu)
{
	uint32_t seen = 0;

	while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST)) {
		if (wait_for(&interrupts, seen, 10000))
			continue;
		seen = read_count(&interrupts);
		if (nvb_gpu_interrupt(gpu) == NVB_IRQ_SERVICE)
			nvb_gpu_service(gpu);
	}
	return NULL;
}

static int run(struct nvb_gpu *gpu)
{
	struct nvb_boot_config config = { .size = sizeof(config), .flags = NVB_BOOT_VGPU_HOST, .total_vfs = 16,
					  .vf_bar_64bit = 6, .pci_vendor = 0x10de, .pci_device = 0x26b1,
					  .pci_subvendor = 0x10de, .pci_subdevice = 0x16a1, .pci_revision = 0xa1 };
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_vgpu_type_info type = { .size = sizeof(type) };
	int ret = nvb_gpu_boot(gpu, &config);

	if (ret)
		return ret;
	nvb_gpu_get_info(gpu, &info);
	printf("%s with firmware %s: %llu MiB, %u vGPU types\n", info.chip_name, info.release,
	       (unsigned long long)info.fb_size >> 20, info.vgpu_types);
	if (!nvb_vgpu_type_at(gpu, 0, &type)) {
		struct nvb_vgpu_config wanted = { .size = sizeof(wanted), .type = type.id, .vm_pid = getpid() };
		struct nvb_vgpu *vgpu;

		ret = nvb_vgpu_create(gpu, &wanted, &vgpu);
		if (ret)
			return ret;
		printf("a %s on VF 0\n", type.name);
		ret = nvb_vgpu_destroy(vgpu);
	}
	return ret ? ret : nvb_gpu_shutdown(gpu);
}

int main(int argc, char **argv)
{
	struct nvb_abi abi = NVB_ABI_INIT(NVB_FEATURE_VGPU);
	struct gsp_emu_host host = { .size = sizeof(host), .dma_read = bus_read, .dma_write = bus_write, .irq = bus_irq };
	struct gsp_emu_config config = { .size = sizeof(config), .total_vfs = 16, .flags = GSP_EMU_THREAD };
	struct nvb_gpu *gpu = NULL;
	char words[256] = "";
	pthread_t thread;
	int ret;

	firmware_dir = argc > 1 ? argv[1] : "/lib/firmware";
	config.firmware_dir = firmware_dir;
	emu = gsp_emu_new(&config, &host, NULL, words, sizeof(words));
	if (!emu || nvb_abi_handshake(&abi) || nvb_gpu_create(&platform, &gpu)) {
		fprintf(stderr, "cannot begin: %s%s\n", words, abi.reason);
		return 1;
	}
	pthread_create(&thread, NULL, interrupt_thread, gpu);
	ret = run(gpu);
	if (ret && nvb_gpu_last_error(gpu, words, sizeof(words)) > 0)
		fprintf(stderr, "%s: %s\n", strerror(-ret), words);
	__atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	nvb_gpu_destroy(gpu);
	for (uint32_t i = 0; gsp_emu_violation(emu, i, words, sizeof(words)); i++)
		printf("rule of the device broken: %s\n", words);
	ret = ret || gsp_emu_violations(emu);
	gsp_emu_free(emu);
	return ret;
}

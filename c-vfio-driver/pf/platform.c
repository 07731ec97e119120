// SPDX-License-Identifier: GPL-2.0-only
/*
 * NovaBridge PF driver: the platform the core runs on. The contract of each
 * operation stands in novabridge.h at struct nvb_platform.
 */

#include <linux/delay.h>
#include <linux/firmware.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/mm.h>

#include "../compat/slab.h"
#include "pf.h"
#include "platform.h"

static s32 nvb_pf_mmio_read32(void *ctx, u32 off, u32 *value)
{
	struct nvb_pf *pf = ctx;
	u32 val;

	if (off & 3 || off + 4ull > pf->bar0_len)
		return -EINVAL;
	if (unlikely(nvb_pf_is_lost(pf)))
		return -ENODEV;

	/* A live register may be all ones too, hence the second look. */
	val = ioread32(pf->bar0 + off);
	if (unlikely(val == U32_MAX) && !nvb_pf_answers(pf)) {
		nvb_pf_set_lost(pf, "its registers read as all ones");
		return -ENODEV;
	}

	*value = val;
	return 0;
}

static s32 nvb_pf_mmio_write32(void *ctx, u32 off, u32 value)
{
	struct nvb_pf *pf = ctx;

	if (off & 3 || off + 4ull > pf->bar0_len)
		return -EINVAL;
	if (unlikely(nvb_pf_is_lost(pf)))
		return -ENODEV;

	iowrite32(value, pf->bar0 + off);
	return 0;
}

/*
 * The core wants 16-byte alignment, which kmalloc() promises for powers of two
 * only; from a page on every size has it.
 */
static void *nvb_pf_mem_alloc(void *ctx, u64 len)
{
	if (!len || len > INT_MAX)
		return NULL;
	if (len < PAGE_SIZE)
		len = max_t(u64, roundup_pow_of_two(len), 16);

	return kvzalloc(len, GFP_KERNEL);
}

static void nvb_pf_mem_free(void *ctx, void *mem, u64 len)
{
	kvfree(mem);
}

static u64 nvb_pf_now_ns(void *ctx)
{
	return ktime_get_ns();
}

static void nvb_pf_sleep_us(void *ctx, u32 us)
{
	fsleep(us);
}

/* The core nests its locks in a fixed order, so each is a class of its own. */
struct nvb_pf_lock {
	struct mutex mutex;	/* the core's, for what it sees fit */
	struct lock_class_key key;
};

static s32 nvb_pf_lock_create(void *ctx, void **out)
{
	struct nvb_pf_lock *lock;

	lock = kzalloc_obj(*lock);
	if (!lock)
		return -ENOMEM;

	lockdep_register_key(&lock->key);
	mutex_init(&lock->mutex);
	lockdep_set_class(&lock->mutex, &lock->key);
	*out = lock;

	return 0;
}

static void nvb_pf_lock_destroy(void *ctx, void *data)
{
	struct nvb_pf_lock *lock = data;

	mutex_destroy(&lock->mutex);
	lockdep_unregister_key(&lock->key);
	kfree(lock);
}

static void nvb_pf_lock_acquire(void *ctx, void *data)
{
	struct nvb_pf_lock *lock = data;

	mutex_lock(&lock->mutex);
}

static void nvb_pf_lock_release(void *ctx, void *data)
{
	struct nvb_pf_lock *lock = data;

	mutex_unlock(&lock->mutex);
}

static u32 nvb_pf_event_token(void *ctx)
{
	struct nvb_pf *pf = ctx;

	/* What the caller looks at next must not be read before the count. */
	return atomic_read_acquire(&pf->events);
}

static s32 nvb_pf_event_wait(void *ctx, u32 token, u64 timeout_us)
{
	struct nvb_pf *pf = ctx;
	unsigned long timeout;

	/* An hour is for ever, and keeps the conversion from overflowing. */
	timeout_us = min_t(u64, timeout_us, 3600ull * USEC_PER_SEC);
	timeout = usecs_to_jiffies(timeout_us);

	if (!wait_event_timeout(pf->event_wait, (u32)atomic_read(&pf->events) != token, timeout))
		return -ETIMEDOUT;

	return 0;
}

static void nvb_pf_event_signal(void *ctx)
{
	struct nvb_pf *pf = ctx;

	/* Pairs with nvb_pf_event_token(): who sees the new count sees what led to it. */
	atomic_fetch_inc_release(&pf->events);
	wake_up_all(&pf->event_wait);
}

static s32 nvb_pf_firmware_get(void *ctx, const char *name, struct nvb_firmware *out)
{
	struct nvb_pf *pf = ctx;
	const struct firmware *fw;
	int ret;

	ret = firmware_request_nowarn(&fw, name, &pf->pdev->dev);
	if (ret)
		return ret;

	*out = (struct nvb_firmware) {
		.size = sizeof(*out),
		.data = fw->data,
		.len = fw->size,
		.priv = (void *)fw,
	};

	return 0;
}

static void nvb_pf_firmware_put(void *ctx, struct nvb_firmware *fw)
{
	release_firmware(fw->priv);
}

static void nvb_pf_log(void *ctx, u32 level, const char *text, u64 len)
{
	struct nvb_pf *pf = ctx;
	struct device *dev = &pf->pdev->dev;
	int n = min_t(u64, len, INT_MAX);

	switch (level) {
	case NVB_LOG_ERR:
		dev_err(dev, "%.*s\n", n, text);
		break;
	case NVB_LOG_WARN:
		dev_warn(dev, "%.*s\n", n, text);
		break;
	case NVB_LOG_INFO:
		dev_info(dev, "%.*s\n", n, text);
		break;
	default:
		dev_dbg(dev, "%.*s\n", n, text);
		break;
	}
}

/**
 * nvb_pf_platform_init() - fill the table of what the core may ask for
 * @pf: GPU the table is for
 * @platform: table to fill; the core copies it
 */
void nvb_pf_platform_init(struct nvb_pf *pf, struct nvb_platform *platform)
{
	*platform = (struct nvb_platform) {
		.size = sizeof(*platform),
		.ctx = pf,
		.mmio_read32 = nvb_pf_mmio_read32,
		.mmio_write32 = nvb_pf_mmio_write32,
		.dma_alloc = nvb_pf_dma_alloc,
		.dma_free = nvb_pf_dma_free,
		.dma_page_addr = nvb_pf_dma_page_addr,
		.dma_sync_for_device = nvb_pf_dma_sync_for_device,
		.mem_alloc = nvb_pf_mem_alloc,
		.mem_free = nvb_pf_mem_free,
		.now_ns = nvb_pf_now_ns,
		.sleep_us = nvb_pf_sleep_us,
		.lock_create = nvb_pf_lock_create,
		.lock_destroy = nvb_pf_lock_destroy,
		.lock_acquire = nvb_pf_lock_acquire,
		.lock_release = nvb_pf_lock_release,
		.event_token = nvb_pf_event_token,
		.event_wait = nvb_pf_event_wait,
		.event_signal = nvb_pf_event_signal,
		.firmware_get = nvb_pf_firmware_get,
		.firmware_put = nvb_pf_firmware_put,
		.log = nvb_pf_log,
	};
}

/*
 * The core's panic handler says where it was called from, and then traps. Every
 * build's object is checked to have no way to get there.
 */
void nvb_panic(const u8 *file, size_t len, u32 line)
{
	pr_emerg("novabridge: panic of the core at %.*s:%u\n", (int)len, file, line);
}

/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The C ABI of NovaBridge. Generated from capi/src by cbindgen; change it there, then run
 *   NVB_BLESS=1 cargo test -p novabridge-capi --test header
 *
 * Handles are opaque. struct nvb_gpu belongs to who called nvb_gpu_create() until nvb_gpu_destroy(), struct nvb_vgpu to who
 * called nvb_vgpu_create() until nvb_vgpu_destroy() or the end of its GPU, whichever comes first. A NULL handle is refused
 * with -EINVAL. A struct nvb_vgpu that was destroyed is refused with -ESTALE as long as its GPU exists and fewer than 8192 vGPUs
 * were created on it since: then the handle can be that of another vGPU. A struct nvb_gpu that was destroyed must not be used.
 *
 * Structs that cross start with their own size. As input, a smaller struct than the core's reads as if the rest were zero, and
 * a larger one is refused with -E2BIG unless the rest is zero; of struct nvb_platform and struct nvb_abi the rest is not looked
 * at. As output, a smaller struct gets the first fields, and the rest of a larger one is zeroed; size stays the caller's. A size
 * that does not hold the struct of version 1.0 is refused with -EINVAL, and so is an input whose reserved field is not 0: a later
 * version may give it a meaning.
 *
 * Functions return 0 or a negative errno unless they say otherwise; nvb_gpu_last_error() has the failure in words. Unless
 * they say otherwise functions may sleep, and may be called from several threads at once. Every wait ends: for the firmware after
 * seconds, for a vGPU's plugin after two minutes.
 *
 * In libnovabridge each function has the version of this ABI that it came with: a program does not start beside a library that is
 * older than what it uses. nvb_abi_handshake() judges the rest.
 *
 * The kernel's symbol versions (genksyms) cover the functions and the names of structs: a module that was built with an older
 * minor version loads, and nvb_abi_handshake() judges what its structs hold.
 */

#ifndef NOVABRIDGE_H
#define NOVABRIDGE_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

/**
 * NVB_ABI_INIT() - Initialiser of struct nvb_abi
 * @wanted: NVB_FEATURE_* that the caller cannot do without
 */
#define NVB_ABI_INIT(wanted) { \
	.size = sizeof(struct nvb_abi), \
	.major = NVB_ABI_MAJOR, \
	.minor = NVB_ABI_MINOR, \
	.platform_size = sizeof(struct nvb_platform), \
	.boot_config_size = sizeof(struct nvb_boot_config), \
	.gpu_info_size = sizeof(struct nvb_gpu_info), \
	.vgpu_type_info_size = sizeof(struct nvb_vgpu_type_info), \
	.vgpu_config_size = sizeof(struct nvb_vgpu_config), \
	.vgpu_info_size = sizeof(struct nvb_vgpu_info), \
	.event_size = sizeof(struct nvb_event), \
	.dma_size = sizeof(struct nvb_dma), \
	.firmware_size = sizeof(struct nvb_firmware), \
	.features = (wanted), \
}

/* Room for a refusal in words, with its NUL. */
#define NVB_REASON_MAX 160

/* Room for a name, with its NUL. */
#define NVB_NAME_MAX 32

/* Room for a GPU's marketing name, with its NUL. */
#define NVB_GPU_NAME_MAX 64

/* Room for an event in words, with its NUL. */
#define NVB_EVENT_TEXT_MAX 128

/* Version of this ABI: raised when something that was promised no longer holds. */
#define NVB_ABI_MAJOR 1

/* Version of this ABI: raised when something was added. */
#define NVB_ABI_MINOR 0

/* Feature: vGPUs can be created. */
#define NVB_FEATURE_VGPU 1

/* Feature: a vGPU's state can be saved and restored. */
#define NVB_FEATURE_MIGRATION 2

/* Feature: the firmware's log buffers can be read. */
#define NVB_FEATURE_LOG 4

/* nvb_gpu_interrupt(): not ours. */
#define NVB_IRQ_NONE 0

/* nvb_gpu_interrupt(): done. */
#define NVB_IRQ_HANDLED 1

/* nvb_gpu_interrupt(): call nvb_gpu_service() from a thread. */
#define NVB_IRQ_SERVICE 2

/* Event: a vGPU's plugin said something nobody waited for. */
#define NVB_EVENT_VGPU_PLUGIN 1

/* Event: a channel was killed for an error. */
#define NVB_EVENT_RC_ERROR 2

/* Event: an engine met an address that is not mapped. */
#define NVB_EVENT_MMU_FAULT 3

/* Event: the firmware reports an error (an "Xid"). */
#define NVB_EVENT_OS_ERROR 4

/* Event: the firmware took the GPU's registers for itself (code 1) or gave them back (code 0). */
#define NVB_EVENT_GSP_LOCKDOWN 5

/* Event: the GPU does not answer any more; told once a boot. */
#define NVB_EVENT_GPU_LOST 6

/* Not of a particular VF. */
#define NVB_VF_NONE 0xffffffffu

/* Not of a particular channel. */
#define NVB_CHANNEL_NONE 0xffffffffu

/* Boot the firmware as a vGPU host. */
#define NVB_BOOT_VGPU_HOST 1

/* State of a GPU: nothing was started yet. */
#define NVB_GPU_CREATED 0

/* State of a GPU: the firmware runs. */
#define NVB_GPU_RUNNING 1

/* State of a GPU: it was shut down and can be booted again. */
#define NVB_GPU_STOPPED 2

/* State of a GPU: it cannot be used before it was reset from outside. */
#define NVB_GPU_FAILED 3

/* Firmware log: of its initialisation. */
#define NVB_LOG_INIT 0

/* Firmware log: of its interrupt handlers. */
#define NVB_LOG_INTR 1

/* Firmware log: of the resource manager. */
#define NVB_LOG_RM 2

/* vGPU log: of the plugin's initialisation. */
#define NVB_LOG_VGPU_INIT 3

/* vGPU log: of the plugin. */
#define NVB_LOG_VGPU_TASK 4

/* vGPU log: of the plugin's kernel. */
#define NVB_LOG_VGPU_KERNEL 5

/* Severity of a log line: something failed. Numbers as in syslog(3). */
#define NVB_LOG_ERR 3

/* Severity of a log line: odd, but handled. */
#define NVB_LOG_WARN 4

/* Severity of a log line: worth a line on a quiet system. */
#define NVB_LOG_INFO 6

/* Severity of a log line: for those who look for a fault. */
#define NVB_LOG_DEBUG 7

/* DMA memory that is one range for the device and coherent for both sides. */
#define NVB_DMA_CONTIGUOUS 0

/**
 * DMA memory that is contiguous for the CPU and separate 4 KiB pages for the device, which only reads it; the CPU syncs after
 * it wrote.
 */
#define NVB_DMA_SCATTERED 1

/* State of a vGPU: it serves its guest. */
#define NVB_VGPU_RUNNING 1

/* State of a vGPU: it was suspended, its state can be saved or restored. */
#define NVB_VGPU_SUSPENDED 2

/** struct nvb_gpu - a GPU; opaque */
struct nvb_gpu;

/** struct nvb_vgpu - a vGPU; opaque */
struct nvb_vgpu;

#ifndef __GENKSYMS__
/**
 * struct nvb_abi - what both sides of the ABI were compiled with
 *
 * Filled by NVB_ABI_INIT(), answered by nvb_abi_handshake().
 */
struct nvb_abi {
	/** @size: sizeof(struct nvb_abi) */
	uint32_t size;
	/** @major: in: NVB_ABI_MAJOR of the caller; out: of the core */
	uint16_t major;
	/** @minor: in: NVB_ABI_MINOR of the caller; out: of the core */
	uint16_t minor;
	/** @oldest_major: out: major version of the oldest caller that the core serves */
	uint16_t oldest_major;
	/** @oldest_minor: out: minor version of the oldest caller that the core serves */
	uint16_t oldest_minor;
	/** @platform_size: sizeof(struct nvb_platform); in: of the caller; out: of the core, as for the sizes that follow */
	uint32_t platform_size;
	/** @boot_config_size: sizeof(struct nvb_boot_config) */
	uint32_t boot_config_size;
	/** @gpu_info_size: sizeof(struct nvb_gpu_info) */
	uint32_t gpu_info_size;
	/** @vgpu_type_info_size: sizeof(struct nvb_vgpu_type_info) */
	uint32_t vgpu_type_info_size;
	/** @vgpu_config_size: sizeof(struct nvb_vgpu_config) */
	uint32_t vgpu_config_size;
	/** @vgpu_info_size: sizeof(struct nvb_vgpu_info) */
	uint32_t vgpu_info_size;
	/** @event_size: sizeof(struct nvb_event) */
	uint32_t event_size;
	/** @dma_size: sizeof(struct nvb_dma) */
	uint32_t dma_size;
	/** @firmware_size: sizeof(struct nvb_firmware) */
	uint32_t firmware_size;
	/** @features: in: NVB_FEATURE_* the caller cannot do without; out: all that the core has */
	uint64_t features;
	/** @reason: out: why the core refused, in words; "" when it accepted */
	char reason[NVB_REASON_MAX];
};

/** struct nvb_event - something that happened */
struct nvb_event {
	/** @size: sizeof(struct nvb_event) of the core */
	uint32_t size;
	/** @kind: NVB_EVENT_*; ignore what you do not know */
	uint32_t kind;
	/** @vf: index of the VF, or NVB_VF_NONE */
	uint32_t vf;
	/** @channel: channel of the GPU, or NVB_CHANNEL_NONE */
	uint32_t channel;
	/** @code: the firmware's number for it (Xid number, exception type) */
	uint32_t code;
	/** @reserved: 0 */
	uint32_t reserved;
	/** @text: in words */
	char text[NVB_EVENT_TEXT_MAX];
};
#endif

/**
 * typedef nvb_event_fn - receives events
 * @ctx: as given to nvb_gpu_set_event_handler()
 * @event: valid during the call only
 *
 * Runs inside nvb_gpu_service() with no lock of the core held: it may call any function of the core but nvb_gpu_service(),
 * nvb_gpu_set_event_handler() and nvb_gpu_destroy().
 */
typedef void (*nvb_event_fn)(void *ctx, const struct nvb_event *event);

#ifndef __GENKSYMS__
/**
 * struct nvb_dma - memory that the GPU can reach
 *
 * The core keeps what dma_alloc filled and hands copies of it to the other functions: only the fields count, not where the struct
 * is.
 */
struct nvb_dma {
	/** @size: sizeof(struct nvb_dma), set by the core */
	uint32_t size;
	/** @kind: NVB_DMA_*, set by the core */
	uint32_t kind;
	/** @len: bytes, a multiple of 4096, set by the core */
	uint64_t len;
	/** @cpu: address for the CPU, 4096-byte aligned; the memory is zeroed at allocation */
	void *cpu;
	/** @addr: address of byte 0 for the device; only of NVB_DMA_CONTIGUOUS memory */
	uint64_t addr;
	/** @priv: the platform's own */
	void *priv;
};

/**
 * struct nvb_firmware - bytes of a firmware file
 *
 * The core keeps what firmware_get filled and hands a copy of it to firmware_put.
 */
struct nvb_firmware {
	/** @size: sizeof(struct nvb_firmware), set by the core */
	uint32_t size;
	/** @reserved: 0 */
	uint32_t reserved;
	/** @data: the bytes; they must not change before firmware_put() */
	const uint8_t *data;
	/** @len: how many */
	uint64_t len;
	/** @priv: the platform's own */
	void *priv;
};

/**
 * struct nvb_platform - everything the core asks for
 *
 * Every function is required and gets @ctx as its first argument. Functions that return int32_t return 0 or a negative
 * errno, which the core hands on to its own caller. They are called from any thread that called into the core, several at a
 * time; those marked "any context" also from nvb_gpu_interrupt(). None of them may call into the core.
 */
struct nvb_platform {
	/** @size: sizeof(struct nvb_platform) */
	uint32_t size;
	/** @reserved: 0 */
	uint32_t reserved;
	/** @ctx: the platform's own */
	void *ctx;
	/**
	 * @mmio_read32: reads the register at byte @off of BAR0, a multiple of 4; -EINVAL outside the BAR, -ENODEV when the device
	 * is gone; any context
	 */
	int32_t (*mmio_read32)(void *ctx, uint32_t off, uint32_t *value);
	/** @mmio_write32: writes a register; as mmio_read32 */
	int32_t (*mmio_write32)(void *ctx, uint32_t off, uint32_t value);
	/**
	 * @dma_alloc: @len bytes (a multiple of 4096) of zeroed memory of kind NVB_DMA_*: sets cpu, addr and priv of @dma, whose
	 * other fields the core has set; -ENOMEM; may sleep
	 */
	int32_t (*dma_alloc)(void *ctx, uint64_t len, uint32_t kind, struct nvb_dma *dma);
	/** @dma_free: takes back what dma_alloc filled; may sleep */
	void (*dma_free)(void *ctx, struct nvb_dma *dma);
	/** @dma_page_addr: device address of 4 KiB page number @page of NVB_DMA_SCATTERED memory */
	int32_t (*dma_page_addr)(void *ctx, const struct nvb_dma *dma, uint64_t page, uint64_t *addr);
	/** @dma_sync_for_device: makes what the CPU wrote to @off .. @off + @len visible to the device */
	int32_t (*dma_sync_for_device)(void *ctx, const struct nvb_dma *dma, uint64_t off, uint64_t len);
	/** @mem_alloc: @len zeroed bytes, 16-byte aligned; NULL when there are none; may sleep */
	void *(*mem_alloc)(void *ctx, uint64_t len);
	/** @mem_free: takes back what mem_alloc gave for the same @len; may sleep */
	void (*mem_free)(void *ctx, void *mem, uint64_t len);
	/** @now_ns: monotonic time; any context */
	uint64_t (*now_ns)(void *ctx);
	/** @sleep_us: sleeps for at least @us microseconds */
	void (*sleep_us)(void *ctx, uint32_t us);
	/** @lock_create: makes a sleeping lock, not recursive; -ENOMEM */
	int32_t (*lock_create)(void *ctx, void **lock);
	/** @lock_destroy: takes back a lock that nobody holds */
	void (*lock_destroy)(void *ctx, void *lock);
	/** @lock_acquire: takes the lock; may sleep */
	void (*lock_acquire)(void *ctx, void *lock);
	/** @lock_release: releases the lock; called by the thread that took it */
	void (*lock_release)(void *ctx, void *lock);
	/** @event_token: how often event_signal was called so far, wrapping; any context */
	uint32_t (*event_token)(void *ctx);
	/** @event_wait: sleeps until that count differs from @token (at once if it does); 0, or -ETIMEDOUT after @timeout_us */
	int32_t (*event_wait)(void *ctx, uint32_t token, uint64_t timeout_us);
	/** @event_signal: advances the count and wakes all that wait; any context */
	void (*event_signal)(void *ctx);
	/** @firmware_get: fills @fw with the file @name, e.g. "nvidia/ad102/gsp/gsp-570.144.bin"; -ENOENT if there is none; may sleep */
	int32_t (*firmware_get)(void *ctx, const char *name, struct nvb_firmware *fw);
	/** @firmware_put: takes back what firmware_get filled */
	void (*firmware_put)(void *ctx, struct nvb_firmware *fw);
	/** @log: one line of @len bytes, no newline and no NUL, of severity NVB_LOG_*; any context */
	void (*log)(void *ctx, uint32_t level, const char *text, uint64_t len);
};

/**
 * struct nvb_boot_config - where the GPU is, and how to boot it
 *
 * Zero what does not apply. Addresses are what the CPU uses.
 */
struct nvb_boot_config {
	/** @size: sizeof(struct nvb_boot_config) */
	uint32_t size;
	/** @flags: NVB_BOOT_* */
	uint32_t flags;
	/** @release: firmware release, e.g. "570.144"; "" = the newest one the core knows whose files are there */
	char release[NVB_NAME_MAX];
	/** @bar0_addr: address of the registers (BAR0) */
	uint64_t bar0_addr;
	/** @bar1_addr: address of the frame-buffer aperture (BAR1) */
	uint64_t bar1_addr;
	/** @bar2_addr: address of the instance aperture (PCI register BAR3) */
	uint64_t bar2_addr;
	/** @sbdf: segment << 16 | bus << 8 | devfn */
	uint32_t sbdf;
	/** @pci_vendor: PCI vendor id */
	uint16_t pci_vendor;
	/** @pci_device: PCI device id */
	uint16_t pci_device;
	/** @pci_subvendor: PCI subsystem vendor id */
	uint16_t pci_subvendor;
	/** @pci_subdevice: PCI subsystem id */
	uint16_t pci_subdevice;
	/** @pci_revision: PCI revision */
	uint32_t pci_revision;
	/** @total_vfs: of the SR-IOV capability; 0 = there is none */
	uint32_t total_vfs;
	/** @first_vf_offset: of the SR-IOV capability */
	uint32_t first_vf_offset;
	/** @vf_bar0_addr: address of BAR0 of VF 0 */
	uint64_t vf_bar0_addr;
	/** @vf_bar1_addr: address of BAR1 of VF 0 */
	uint64_t vf_bar1_addr;
	/** @vf_bar2_addr: address of BAR2 (PCI register BAR3) of VF 0 */
	uint64_t vf_bar2_addr;
	/** @vf_bar_64bit: bit n: BAR n of the VFs is a 64-bit BAR; n is 0, 1, 2 as in the names above */
	uint32_t vf_bar_64bit;
	/** @reserved: 0 */
	uint32_t reserved;
};

/**
 * struct nvb_gpu_info - what is known of a GPU
 *
 * Before the first boot only @chip, @chip_name and @state mean something.
 */
struct nvb_gpu_info {
	/** @size: sizeof(struct nvb_gpu_info) */
	uint32_t size;
	/** @chip: chip id, e.g. 0x192 = AD102 */
	uint32_t chip;
	/** @chip_name: e.g. "AD102" */
	char chip_name[NVB_NAME_MAX];
	/** @release: of the running firmware, e.g. "570.144" */
	char release[NVB_NAME_MAX];
	/** @gpu_name: as the firmware calls the GPU */
	char gpu_name[NVB_GPU_NAME_MAX];
	/** @fb_size: bytes of frame buffer */
	uint64_t fb_size;
	/** @fb_usable: bytes that are left for vGPUs after boot */
	uint64_t fb_usable;
	/** @wpr_start: first byte of the firmware's protected region */
	uint64_t wpr_start;
	/** @wpr_end: byte behind the firmware's protected region */
	uint64_t wpr_end;
	/** @vmmu_segment_size: granularity of a vGPU's frame buffer in bytes */
	uint64_t vmmu_segment_size;
	/** @channels: in total */
	uint32_t channels;
	/** @max_vgpus: how many vGPUs this boot allows */
	uint32_t max_vgpus;
	/** @vgpu_types: how many vGPU types are known */
	uint32_t vgpu_types;
	/** @vgpus: how many vGPUs are alive */
	uint32_t vgpus;
	/** @state: NVB_GPU_* */
	uint32_t state;
	/** @events_lost: events that nobody fetched in time */
	uint32_t events_lost;
};

/** struct nvb_vgpu_type_info - a vGPU type */
struct nvb_vgpu_type_info {
	/** @size: sizeof(struct nvb_vgpu_type_info) */
	uint32_t size;
	/** @id: number of the type */
	uint32_t id;
	/** @name: e.g. "RTX6000-Ada-4Q" */
	char name[NVB_NAME_MAX];
	/** @fb_size: bytes of frame buffer the guest gets */
	uint64_t fb_size;
	/** @heap_size: bytes the firmware takes beside it */
	uint64_t heap_size;
	/** @bar1_size: bytes of the guest's BAR1 */
	uint64_t bar1_size;
	/** @max_instances: how many can be alive at once */
	uint32_t max_instances;
	/** @available: how many could be created now */
	uint32_t available;
	/** @vendor: PCI vendor id that the guest sees */
	uint16_t vendor;
	/** @device: PCI device id that the guest sees */
	uint16_t device;
	/** @subvendor: PCI subsystem vendor id that the guest sees */
	uint16_t subvendor;
	/** @subdevice: PCI subsystem id that the guest sees */
	uint16_t subdevice;
	/** @ecc: 1 if the type's frame buffer has error correction, else 0 */
	uint32_t ecc;
	/** @reserved: 0 */
	uint32_t reserved;
};

/** struct nvb_vgpu_config - what vGPU to create, and for whom */
struct nvb_vgpu_config {
	/** @size: sizeof(struct nvb_vgpu_config) */
	uint32_t size;
	/** @vf: index of the VF that carries it */
	uint32_t vf;
	/** @type: number of the vGPU type */
	uint32_t type;
	/** @sbdf: of the VF: segment << 16 | bus << 8 | devfn */
	uint32_t sbdf;
	/** @vm_pid: process that runs the virtual machine */
	uint32_t vm_pid;
	/** @reserved: 0 */
	uint32_t reserved;
};

/** struct nvb_vgpu_info - what is known of a vGPU */
struct nvb_vgpu_info {
	/** @size: sizeof(struct nvb_vgpu_info) */
	uint32_t size;
	/** @vf: index of the VF that carries it */
	uint32_t vf;
	/** @type: number of its type */
	uint32_t type;
	/** @state: NVB_VGPU_* */
	uint32_t state;
	/** @fb_addr: where its frame buffer begins in the GPU's */
	uint64_t fb_addr;
	/** @fb_size: bytes of it */
	uint64_t fb_size;
	/** @channel_first: first of its channels */
	uint32_t channel_first;
	/** @channel_count: how many */
	uint32_t channel_count;
	/** @bar1_size: bytes of the guest's BAR1 */
	uint64_t bar1_size;
	/** @guest_version: version of the RPC protocol the plugin and the core agreed on */
	uint32_t guest_version;
	/** @reserved: 0 */
	uint32_t reserved;
};
#endif

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * nvb_abi_handshake() - the first call: do caller and core fit each other?
 * @abi: what the caller was compiled with, from NVB_ABI_INIT(); gets the core's answer, or the reason of the refusal
 *
 * The core keeps nothing of it: one handshake is enough for any number of GPUs. What a newer caller has behind the fields that
 * the core knows is not looked at, and zero in the answer: a size that comes back as zero is that of a struct that the core does
 * not have. What the caller cannot do without is a feature.
 *
 * Context: any; touches nothing but @abi.
 * Return:
 * * 0: they fit
 * * -EINVAL: @abi is NULL, or too small to hold a reason
 * * -EPROTO: the core does not serve this version, or a struct has another size than that version gave it
 * * -EOPNOTSUPP: a wanted feature is missing
 */
int32_t nvb_abi_handshake(struct nvb_abi *abi);

/**
 * nvb_gpu_interrupt() - look at the GPU's interrupt
 * @gpu: the GPU
 *
 * Acknowledges what is the core's and wakes the threads that wait for the firmware.
 *
 * Context: any, also hard interrupt; never sleeps, takes no lock.
 * Return:
 * * NVB_IRQ_NONE: the interrupt is not of this GPU, or its firmware does not run
 * * NVB_IRQ_HANDLED: done
 * * NVB_IRQ_SERVICE: done, and nvb_gpu_service() has work
 * * -EINVAL: NULL
 * * -ENODEV: the device does not answer
 */
int32_t nvb_gpu_interrupt(struct nvb_gpu *gpu);

/**
 * nvb_gpu_service() - receive what the firmware sent, and hand out events
 * @gpu: the GPU
 *
 * To be called when nvb_gpu_interrupt() says so, and after any function answered -ENODEV: a GPU that is gone sends no interrupts,
 * and its handler learns of it (NVB_EVENT_GPU_LOST) by this call.
 *
 * Return:
 * * number of events handed to the handler
 * * -EINVAL: NULL
 * * -EPROTO, -EBADMSG: the firmware said something it must not say; that message is dropped, those behind it are received
 * * -EIO: the firmware's end of the queue is out of order
 */
int32_t nvb_gpu_service(struct nvb_gpu *gpu);

/**
 * nvb_gpu_set_event_handler() - say who receives events
 * @gpu: the GPU
 * @handler: called from nvb_gpu_service() for each event; NULL = nobody, events wait then, and the newest are lost
 * @ctx: for @handler
 *
 * When this returns, the handler that was set before is not running and will not run again.
 *
 * Return: 0, or -EINVAL for a NULL @gpu.
 */
int32_t nvb_gpu_set_event_handler(struct nvb_gpu *gpu, nvb_event_fn handler, void *ctx);

/**
 * nvb_gpu_create() - make a GPU of a platform
 * @platform: how to reach it; the core copies the table, what its ctx points to must live until nvb_gpu_destroy()
 * @gpu: gets the handle, or NULL on failure; it belongs to the caller, who ends it with nvb_gpu_destroy()
 *
 * Reads the chip's id and nothing else; the GPU is not touched before nvb_gpu_boot().
 *
 * Return:
 * * 0
 * * -EINVAL: an argument is NULL, @platform's size is too small, one of its functions is missing, or reserved is not 0
 * * -ENODEV: the device does not answer, or the chip is not one the core knows (the log names those it knows)
 * * -ENOMEM or what else the platform answered
 */
int32_t nvb_gpu_create(const struct nvb_platform *platform, struct nvb_gpu **gpu);

/**
 * nvb_gpu_destroy() - end a GPU
 * @gpu: the handle, invalid afterwards; NULL is nothing to do
 *
 * Destroys the vGPUs that are alive and shuts the firmware down if it runs. All that the core took from the platform is given
 * back when this returns. No other call on the GPU or its vGPUs may be under way or follow, nvb_gpu_interrupt() included.
 */
void nvb_gpu_destroy(struct nvb_gpu *gpu);

/**
 * nvb_gpu_boot() - boot the firmware
 * @gpu: a GPU that is created or stopped
 * @config: where it is and how to boot it; the core copies it
 *
 * Interrupts must reach nvb_gpu_interrupt() while this runs. Takes one to several seconds. After a failure all that was
 * taken is given back; the state is NVB_GPU_STOPPED if the GPU can be booted again as it is, else NVB_GPU_FAILED.
 *
 * Return:
 * * 0
 * * -EINVAL: NULL, a bad size, or a field of @config out of range, a reserved one that is not 0 included
 * * -E2BIG: @config is larger than the core knows it, and what lies behind that is not all zero
 * * -EBUSY: the firmware runs already or is busy, or the GPU failed
 * * -ENOENT: a firmware file is missing
 * * -EOPNOTSUPP: the core does not know the firmware release (the log names those it knows)
 * * -EKEYREJECTED: a firmware file or the VBIOS carries no signature for this chip
 * * -EBADMSG: a firmware file, the VBIOS or a message of the firmware is damaged
 * * -EPROTO: the firmware said something it must not say
 * * -ENOSPC: the frame buffer is too small for the firmware, or the firmware is out of resources
 * * -ETIMEDOUT: the firmware did not answer in time
 * * -EIO: the hardware refused a step of the boot
 * * -ENODEV: the device went away
 * * -ENOMEM or what else the platform answered
 */
int32_t nvb_gpu_boot(struct nvb_gpu *gpu, const struct nvb_boot_config *config);

/**
 * nvb_gpu_shutdown() - stop the firmware
 * @gpu: the GPU
 *
 * Leaves the GPU so that it can be booted again. A GPU whose firmware does not run is left as it is.
 *
 * Return:
 * * 0
 * * -EINVAL: NULL
 * * -EBUSY: vGPUs are alive; destroy them first
 * * -EIO, -EOPNOTSUPP, -ENOSPC, -ENOMEM: the firmware or the hardware refused a step; as for all errors that follow, the GPU's
 *   memory is given back all the same and its state is NVB_GPU_FAILED
 * * -EPROTO, -EBADMSG: the firmware said something it must not say
 * * -ETIMEDOUT: the firmware did not answer in time
 * * -ENODEV or what else the platform answered
 */
int32_t nvb_gpu_shutdown(struct nvb_gpu *gpu);

/**
 * nvb_gpu_get_info() - what is known of a GPU
 * @gpu: the GPU
 * @info: gets it; its size must be set
 *
 * Return: 0, or -EINVAL for NULL or a bad size.
 */
int32_t nvb_gpu_get_info(struct nvb_gpu *gpu, struct nvb_gpu_info *info);

/**
 * nvb_gpu_last_error() - the newest failure on a GPU or its vGPUs in words
 * @gpu: the GPU
 * @words: gets them, cut to @len and NUL-terminated; may be NULL if @len is 0
 * @len: room at @words
 *
 * The words say what was being done, what was expected and what was found. With several threads the newest failure of any of
 * them is told.
 *
 * Return: length of the words without NUL, 0 if nothing failed yet; -EINVAL for NULL.
 */
int32_t nvb_gpu_last_error(struct nvb_gpu *gpu,
			   char *words,
			   uint64_t len);

/**
 * nvb_gpu_log_read() - read a log buffer of the firmware
 * @gpu: the GPU
 * @log: NVB_LOG_INIT, NVB_LOG_INTR or NVB_LOG_RM
 * @off: first byte
 * @buf: gets the bytes, as the firmware wrote them
 * @len: how many at most
 *
 * The buffers of the last boot stay readable after a failed boot or a shutdown, until the next boot.
 *
 * Return: bytes read, 0 behind the end; -EINVAL for NULL or an unknown @log; -ENOENT before the first boot.
 */
int64_t nvb_gpu_log_read(struct nvb_gpu *gpu, uint32_t log, uint64_t off, uint8_t *buf, uint64_t len);

/**
 * nvb_vgpu_log_read() - read a log buffer of a vGPU's plugin
 * @vgpu: the vGPU
 * @log: NVB_LOG_VGPU_INIT, NVB_LOG_VGPU_TASK or NVB_LOG_VGPU_KERNEL
 * @off: first byte
 * @buf: gets the bytes, as the plugin wrote them
 * @len: how many at most
 *
 * Return: bytes read, 0 behind the end; -EINVAL for NULL or an unknown @log; -ESTALE if the vGPU was destroyed; -ENOENT if
 * the release has no such log; -EBUSY while another thread is shutting the GPU down; -ENODEV or what else the platform
 * answered.
 */
int64_t nvb_vgpu_log_read(struct nvb_vgpu *vgpu,
			  uint32_t log,
			  uint64_t off,
			  uint8_t *buf,
			  uint64_t len);

/**
 * nvb_vgpu_suspend() - stop a vGPU's work, so that its state can be saved or restored
 * @vgpu: the vGPU
 *
 * Return: as nvb_vgpu_reset(); -EINVAL also if it is suspended already.
 */
int32_t nvb_vgpu_suspend(struct nvb_vgpu *vgpu);

/**
 * nvb_vgpu_resume() - let a suspended vGPU work again
 * @vgpu: the vGPU
 *
 * Return: as nvb_vgpu_reset(); -EINVAL also if it is not suspended.
 */
int32_t nvb_vgpu_resume(struct nvb_vgpu *vgpu);

/**
 * nvb_vgpu_save() - the next piece of a suspended vGPU's state
 * @vgpu: the vGPU
 * @buf: gets the piece
 * @len: room at @buf
 *
 * Return: bytes written, 0 when all was said; -EINVAL for NULL, no room, or if the vGPU is not suspended; -EBADMSG if the
 * plugin points outside its buffer; else as nvb_vgpu_reset().
 */
int64_t nvb_vgpu_save(struct nvb_vgpu *vgpu,
		      uint8_t *buf,
		      uint64_t len);

/**
 * nvb_vgpu_restore() - take the next piece of a state that was saved
 * @vgpu: a suspended vGPU of the same type
 * @buf: the piece
 * @len: bytes of it
 *
 * Pieces may be cut anew; only their order counts.
 *
 * Return: bytes taken, which may be fewer than @len; -EINVAL for NULL, no bytes, or if the vGPU is not suspended; -EBADMSG if
 * the plugin points outside its buffer; else as nvb_vgpu_reset().
 */
int64_t nvb_vgpu_restore(struct nvb_vgpu *vgpu,
			 const uint8_t *buf,
			 uint64_t len);

/**
 * nvb_vgpu_type_count() - how many vGPU types the GPU offers
 * @gpu: a GPU that was booted with NVB_BOOT_VGPU_HOST
 *
 * Return: their number, 0 if it was booted otherwise or the file of the types is missing; -EINVAL for NULL; -EBUSY if the
 * firmware does not run.
 */
int32_t nvb_vgpu_type_count(struct nvb_gpu *gpu);

/**
 * nvb_vgpu_type_at() - the vGPU type at a place in the list
 * @gpu: the GPU
 * @index: 0 to nvb_vgpu_type_count() - 1
 * @info: gets it; its size must be set
 *
 * Return: 0; -EINVAL for NULL or a bad size; -ENOENT behind the end; -EBUSY if the firmware does not run.
 */
int32_t nvb_vgpu_type_at(struct nvb_gpu *gpu, uint32_t index, struct nvb_vgpu_type_info *info);

/**
 * nvb_vgpu_type_find() - the vGPU type of a number
 * @gpu: the GPU
 * @id: the number
 * @info: gets it; its size must be set
 *
 * Return: 0; -EINVAL for NULL or a bad size; -ENOENT if there is none; -EBUSY if the firmware does not run.
 */
int32_t nvb_vgpu_type_find(struct nvb_gpu *gpu, uint32_t id, struct nvb_vgpu_type_info *info);

/**
 * nvb_vgpu_create() - create a vGPU on a VF
 * @gpu: a GPU that was booted with NVB_BOOT_VGPU_HOST
 * @config: what to create; the core copies it
 * @vgpu: gets the handle, or NULL on failure; it belongs to the caller, who ends it with nvb_vgpu_destroy()
 *
 * Whatever fails midway gives back all it took.
 *
 * Return:
 * * 0
 * * -EINVAL: NULL, a bad size, the VF is not one of the GPU's, or reserved is not 0
 * * -E2BIG: @config is larger than the core knows it, and what lies behind that is not all zero
 * * -ENOENT: no such type
 * * -EOPNOTSUPP: the GPU does not host vGPUs, or the firmware does not support it
 * * -EBUSY: the VF carries a vGPU already, vGPUs of another type are alive, the firmware is busy, or it does not run
 * * -ENOSPC: as many as possible are alive already, or no channels, no frame buffer or no resources of the firmware are left
 * * -EPROTO, -EBADMSG: the plugin speaks another protocol, or the firmware said something it must not say
 * * -EIO: the firmware refused, or did not stop the vGPU that the VF had before
 * * -ETIMEDOUT: the firmware or the plugin did not answer in time
 * * -ENODEV, -ENOMEM or what else the platform answered; -ENOMEM also if the firmware is out of memory
 */
int32_t nvb_vgpu_create(struct nvb_gpu *gpu,
			const struct nvb_vgpu_config *config,
			struct nvb_vgpu **vgpu);

/**
 * nvb_vgpu_destroy() - end a vGPU
 * @vgpu: the handle, invalid afterwards; NULL is nothing to do
 *
 * The handle is invalid whatever is returned, except for -EBUSY: the vGPU is alive as before, that shutdown is refused because of
 * it, and then it can be destroyed. What the vGPU had is given back, unless the firmware could not be brought to stop its plugin:
 * then that and the VF stay out of use until nvb_gpu_shutdown().
 *
 * Return:
 * * 0
 * * -ESTALE: it was destroyed before
 * * -EBUSY: another thread is shutting the GPU down
 * * -EIO, -EOPNOTSUPP, -ENOSPC, -ENOMEM: the firmware refused to end it in order
 * * -EPROTO, -EBADMSG: the firmware said something it must not say
 * * -ETIMEDOUT: the firmware did not answer in time
 * * -ENODEV or what else the platform answered
 */
int32_t nvb_vgpu_destroy(struct nvb_vgpu *vgpu);

/**
 * nvb_vgpu_get_info() - what is known of a vGPU
 * @vgpu: the vGPU
 * @info: gets it; its size must be set
 *
 * Return: 0; -EINVAL for NULL or a bad size; -ESTALE if the vGPU was destroyed; -EBUSY while another thread is shutting the GPU
 * down; -ENODEV or what else the platform answered.
 */
int32_t nvb_vgpu_get_info(struct nvb_vgpu *vgpu,
			  struct nvb_vgpu_info *info);

/**
 * nvb_vgpu_reset() - reset a vGPU, as the reset of its VF asks for
 * @vgpu: the vGPU
 *
 * Return: 0; -EINVAL for NULL, or if the vGPU is suspended; -ESTALE if it was destroyed; -EBUSY while another thread is
 * shutting the GPU down; -EIO if the plugin refused; -ETIMEDOUT if it did not answer; -ENODEV or what else the platform
 * answered.
 */
int32_t nvb_vgpu_reset(struct nvb_vgpu *vgpu);

/**
 * nvb_vgpu_set_bus_master() - tell the plugin whether the VF may do DMA
 * @vgpu: the vGPU
 * @enabled: the bus-master bit of the VF's command register, 0 or 1
 *
 * Return: as nvb_vgpu_reset(); -EINVAL also for another value of @enabled.
 */
int32_t nvb_vgpu_set_bus_master(struct nvb_vgpu *vgpu, uint32_t enabled);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* NOVABRIDGE_H */

/* SPDX-License-Identifier: MIT */
/*
 * The emulated GPU as a C library (libgsp_emulator.a): for the QEMU shim and for C programs that try a driver core in
 * user space. The Rust documentation of the crate says what the device does; this header says how it is called.
 *
 * Threads: every function may be called from any thread; register accesses are served one at a time.
 * Callbacks: they are made while a register access is being served, on the thread that made it; they must not call back
 * into this library. An interrupt callback therefore only notes the interrupt (signals, sets an event) and returns.
 */
#ifndef GSP_EMULATOR_H
#define GSP_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gsp_emu;

/* Function numbers: 0 is the PF, n + 1 is VF n. BAR numbers: 0, 1, 3. */

/* Where the device is on the bus, for the checks of what the driver tells the firmware about it. */
struct gsp_emu_location {
	uint32_t bdf;             /* of the PF: bus << 8 | devfn */
	uint32_t first_vf_offset; /* of the SR-IOV capability */
	uint64_t bar[3];          /* bus addresses of the PF's BAR0, BAR1, BAR3 */
	uint64_t vf_bar[3];       /* bus addresses of the first VF's BAR0, BAR1, BAR3 */
};

struct gsp_emu_host {
	uint32_t size; /* sizeof(struct gsp_emu_host) */
	uint32_t reserved;
	/* Bus-master access of a function; 0 when the bus refused it (then buf is unspecified), else 1. */
	int32_t (*dma_read)(void *opaque, uint32_t func, uint64_t addr, void *buf, uint64_t len);
	int32_t (*dma_write)(void *opaque, uint32_t func, uint64_t addr, const void *buf, uint64_t len);
	/* Raise an MSI-X vector of a function. */
	void (*irq)(void *opaque, uint32_t func, uint32_t vector);
	/* The driver broke a rule: its name and what was found. May be NULL. The strings live for the call. */
	void (*violation)(void *opaque, const char *rule, const char *detail);
	/* Fill in *location and return 1; 0 when unknown. May be NULL. */
	int32_t (*location)(void *opaque, struct gsp_emu_location *location);
};

struct gsp_emu_config {
	uint32_t size;            /* sizeof(struct gsp_emu_config) */
	uint32_t total_vfs;       /* VFs in the SR-IOV capability, at most 32; 0 = none */
	uint64_t fb_size;         /* bytes, a multiple of 1 GiB, at least 4 GiB; 0 = 48 GiB */
	const char *firmware_dir; /* directory with nvidia/ad102/gsp/, or that nvidia directory; NULL = /lib/firmware */
	const char *hostile;      /* hostile modes, "name" or "name=value", separated by ',' or '+'; NULL or "" = none */
	uint32_t fuse_sec2;       /* fused ucode versions + 1; 0 = the default, which is version 1 */
	uint32_t fuse_gsp;
	uint32_t fuse_nvdec;
	uint32_t flags; /* GSP_EMU_* */
};

/*
 * The board works on its own between register accesses, on a thread of the library; callbacks then come from that thread
 * too. Without it the host calls gsp_emu_poll().
 */
#define GSP_EMU_THREAD (1u << 0)

/* What an adapter that puts the device on a bus has to know. */
struct gsp_emu_geometry {
	uint16_t vendor, device, vf_device, subsystem_vendor, subsystem;
	uint8_t revision, reserved;
	uint32_t class_code; /* 24 bits */
	uint32_t total_vfs;
	uint32_t msix_vectors; /* of the PF and of each VF */
	uint32_t msix_cap;     /* offset in the configuration space of the PF and of each VF */
	uint64_t bar0_size, bar1_size, bar3_size;
	uint64_t msix_table, msix_pba; /* in the PF's BAR0; served by the adapter */
	uint64_t vf_bar0_size, vf_bar1_size, vf_bar3_size;
	uint64_t vf_msix_table, vf_msix_pba; /* in a VF's BAR0; served by the adapter */
};

/* The library's own idea of these structs; its tests have the same numbers. */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && defined(__LP64__)
_Static_assert(sizeof(struct gsp_emu_location) == 56, "gsp_emu_location");
_Static_assert(sizeof(struct gsp_emu_host) == 48, "gsp_emu_host");
_Static_assert(sizeof(struct gsp_emu_config) == 48, "gsp_emu_config");
_Static_assert(sizeof(struct gsp_emu_geometry) == 112, "gsp_emu_geometry");
#endif

/*
 * Makes a board. The host table and the strings are copied; opaque is passed to every callback.
 * NULL when it cannot be made; if reason is not NULL it then holds why, in words, cut to reason_len with a final NUL.
 */
struct gsp_emu *gsp_emu_new(const struct gsp_emu_config *config, const struct gsp_emu_host *host, void *opaque,
			    char *reason, size_t reason_len);
void gsp_emu_free(struct gsp_emu *emu); /* NULL is nothing */

/* size is 1, 2, 4 or 8; registers want 4. Reads that hit nothing return the hardware's 0xbadf.... pattern. */
uint64_t gsp_emu_read(struct gsp_emu *emu, uint32_t func, uint32_t bar, uint64_t off, uint32_t size);
void gsp_emu_write(struct gsp_emu *emu, uint32_t func, uint32_t bar, uint64_t off, uint32_t size, uint64_t val);

/*
 * Has the board go on with what it could not finish within a register access: messages that wait for room in the status
 * queue, which the driver makes without touching a register. 1 while something is left, then call again within about a
 * millisecond; 0 when there is nothing to do until the next register access.
 */
int32_t gsp_emu_poll(struct gsp_emu *emu);

/* Function-level reset. */
void gsp_emu_reset(struct gsp_emu *emu, uint32_t func);

/* The framebuffer: its mapping and its length. The PF's BAR1 shows its first bytes. */
void *gsp_emu_fb(struct gsp_emu *emu, uint64_t *len);

void gsp_emu_geometry(const struct gsp_emu *emu, struct gsp_emu_geometry *geometry);

/* How many rules were broken so far; one of them as "name: detail (rule)", cut to len with a final NUL: its full length, or 0. */
uint32_t gsp_emu_violations(struct gsp_emu *emu);
size_t gsp_emu_violation(struct gsp_emu *emu, uint32_t index, char *buf, size_t len);

/* Replaces the hostile modes ("" = none). 0, or -EINVAL for an unknown one (nothing is changed then). */
int32_t gsp_emu_set_hostile(struct gsp_emu *emu, const char *list);

/*
 * Has the firmware send an event, as "name key=value ...": rc-triggered chid= engine= except= gfid=, os-error-log except=
 * chid=, libos-print, lockdown-notice engaged=, post-event client= event= index=, plugin-triggered gfid=, mmu-fault,
 * unknown number=.
 * 0, -EINVAL for an unknown one, -ENODEV when no firmware runs, -EAGAIN when the status queue is full.
 */
int32_t gsp_emu_inject(struct gsp_emu *emu, const char *event);

/* A number the device keeps, by name (see the crate's documentation of `Gpu::counter`); UINT64_MAX for an unknown name. */
uint64_t gsp_emu_counter(struct gsp_emu *emu, const char *name);

#ifdef __cplusplus
}
#endif

#endif

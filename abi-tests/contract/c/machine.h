/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A machine in user space, in C: struct nvb_platform on one side, the emulated GPU on the other. It counts what the core
 * takes, and can make any request fail.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <novabridge.h>

struct machine;

/* What machine_new() is told; zero what does not apply. */
struct machine_options {
	const char *hostile;	  /* hostile modes of the emulator */
	const char *firmware_dir; /* NULL = $NOVABRIDGE_FIRMWARE, else /lib/firmware */
	int no_vgpu_types;	  /* the file that describes vGPU types is missing */
	unsigned int pace;	  /* of the core's clock while it boots, when it is to wait in vain */
};

/* Ends the process, after saying why, when the machine cannot be made. */
struct machine *machine_new(const struct machine_options *options);
void machine_free(struct machine *m);

struct nvb_platform machine_platform(struct machine *m);

/* Interrupts of the machine reach @gpu until machine_disconnect(). */
void machine_connect(struct machine *m, struct nvb_gpu *gpu);
void machine_disconnect(struct machine *m);

/* A boot configuration for vGPUs that fits the machine. */
struct nvb_boot_config machine_boot_config(struct machine *m, const char *release);
/* What to create on VF @vf. */
struct nvb_vgpu_config machine_vgpu_config(struct machine *m, uint32_t vf, uint32_t type);

/* Replaces the hostile modes. */
void machine_hostile(struct machine *m, const char *modes);
/* Has the firmware send an event. 0 or a negative errno. */
int machine_inject(struct machine *m, const char *event);
/* What a kernel without memory refuses. */
enum request {
	ALLOCATION, /* memory, locks, files */
	MAPPING,    /* addresses of pages, and their handing over */
	REQUEST_KINDS,
};

/* The @nth request of this kind from now on fails with -ENOMEM; 0 = none. Whether one failed since it was set. */
void machine_fail(struct machine *m, enum request kind, unsigned int nth);
int machine_failed_one(struct machine *m);
/* The core's clock runs @pace times as fast, so that waits in vain end soon. */
void machine_pace(struct machine *m, unsigned int pace);
/* The device is gone for good: the platform answers every access to its registers with -ENODEV. */
void machine_unplug(struct machine *m);
/* What the core holds: allocations, locks, files. */
unsigned int machine_held(struct machine *m);

#endif

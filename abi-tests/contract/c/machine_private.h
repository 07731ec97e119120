/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the two halves of the machine share: the emulated GPU with its memory, and the platform the core sees. */
#ifndef MACHINE_PRIVATE_H
#define MACHINE_PRIVATE_H

#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define PAGE 4096ull
#define ARENA_PAGES (1ull << 20)	  /* 4 GiB, of which only what is touched takes memory */
#define BUS 0x100000000ull		  /* device address of the arena for contiguous memory */
#define SCATTERED_BUS 0x8000000000ull	  /* and for scattered memory: page n is the last but n */
#define PF_BDF 0x4100u
#define FIRST_VF_OFFSET 4u

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

/* Requests of one kind: how many there were, and which one fails. */
struct requests {
	atomic_uint count, failing;
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
	struct requests requests[REQUEST_KINDS];
	atomic_uint held, failed;
	atomic_int unplugged;
	/* The core's clock: what it showed when its pace was set last, the real time then, and the pace. */
	pthread_mutex_t clock_lock;
	uint64_t shown_ns, set_ns;
	unsigned int pace;
};

uint32_t count_get(struct count *c);
void count_advance(struct count *c);
/* 0 when the count is no longer @old, else -ETIMEDOUT. */
int count_wait(struct count *c, uint32_t old, uint64_t timeout_us);

#endif

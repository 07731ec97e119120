/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * How contract tests say what they expect. A call that crashes is an answer like another: it is reported, and the next test
 * runs.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "machine.h"

#include <errno.h>
#include <string.h>

/* What generated tests find ready. */
struct world {
	struct machine *machine;
	struct nvb_gpu *gpu;	/* runs, as a vGPU host */
	struct nvb_vgpu *vgpu;	/* alive, on VF 0 */
	struct nvb_vgpu *stale; /* was destroyed */
	struct machine *fresh_machine;
	struct nvb_gpu *fresh; /* was created and not booted */
	uint32_t type;	       /* number of a vGPU type */
	uint8_t buf[4096];
};

struct test {
	const char *name;
	void (*run)(struct world *w);
	int slow;
};

/* Tests made from the contract, and those written by hand. */
extern const struct test generated_tests[];
extern const struct test gpu_tests[], boot_tests[], vgpu_tests[], failure_tests[], thread_tests[];

#define TEST(name) { #name, name, 0 }
/* Makes a machine of its own, or waits. */
#define SLOW(name) { #name, name, 1 }

/* Any value that is not a refusal. */
#define SUCCESS 1000000

/* @answer of a call to @function must be @expected. */
void expect(const char *function, const char *what, long long answer, long long expected);
/* @answer must be one of the errno values that may come here: ends with 0. */
void expect_one_of(const char *function, const char *what, long long answer, const int *errnos);
/* @fact must hold. */
void expect_true(const char *function, const char *what, int fact);

#define EXPECT(function, args, expected) expect(#function, #function #args, function args, expected)

/* A running GPU with interrupts; NULL after saying why. */
struct nvb_gpu *start_gpu(struct machine *m, const char *release);
void stop_gpu(struct machine *m, struct nvb_gpu *gpu);

#endif

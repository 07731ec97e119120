// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Events, and what the contract says of several threads. */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static atomic_uint events;

/* Calls back into the core, as the contract allows. */
static void on_event(void *ctx, const struct nvb_event *event)
{
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct world *w = ctx;

	EXPECT(nvb_gpu_get_info, (w->gpu, &info), 0);
	expect_true("nvb_event_fn", "the event says its size", event->size == sizeof(*event));
	atomic_fetch_add(&events, 1);
}

static void events_reach_the_handler(struct world *w)
{
	unsigned int tries;

	EXPECT(nvb_gpu_set_event_handler, (w->gpu, on_event, w), 0);
	atomic_store(&events, 0);
	expect_true("nvb_gpu_service", "the firmware can send an event", !machine_inject(w->machine, "os-error-log except=31 chid=1"));
	for (tries = 0; tries < 1000 && !atomic_load(&events); tries++) {
		struct timespec pause = { .tv_nsec = 2000000 };

		nanosleep(&pause, NULL);
		nvb_gpu_service(w->gpu);
	}
	expect_true("nvb_gpu_service", "the handler got the event", atomic_load(&events) >= 1);
	EXPECT(nvb_gpu_set_event_handler, (w->gpu, NULL, NULL), 0);
}

static void *call_much(void *arg)
{
	struct world *w = arg;
	int i;

	for (i = 0; i < 50; i++) {
		struct nvb_gpu_info info = { .size = sizeof(info) };
		struct nvb_vgpu_info vgpu = { .size = sizeof(vgpu) };
		struct nvb_vgpu_type_info type = { .size = sizeof(type) };
		uint8_t buf[256];
		char text[64];

		nvb_gpu_get_info(w->gpu, &info);
		nvb_gpu_last_error(w->gpu, text, sizeof(text));
		nvb_gpu_log_read(w->gpu, NVB_LOG_RM, 0, buf, sizeof(buf));
		nvb_vgpu_type_find(w->gpu, w->type, &type);
		nvb_vgpu_get_info(w->vgpu, &vgpu);
		if (nvb_vgpu_reset(w->vgpu))
			return arg;
		nvb_gpu_service(w->gpu);
	}
	return NULL;
}

static void several_threads(struct world *w)
{
	pthread_t threads[4];
	void *failed;
	int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, call_much, w);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		expect_true("nvb_vgpu_reset", "calls from several threads succeed", !failed);
	}
}

static void *watch(void *arg)
{
	struct nvb_gpu *gpu = arg;

	return nvb_gpu_interrupt(gpu) < 0 ? arg : NULL;
}

static void interrupts_from_any_thread(struct world *w)
{
	pthread_t thread;
	void *failed;

	pthread_create(&thread, NULL, watch, w->gpu);
	EXPECT(nvb_vgpu_reset, (w->vgpu), 0);
	pthread_join(thread, &failed);
	expect_true("nvb_gpu_interrupt", "it may come at any time", !failed);
}

const struct test thread_tests[] = {
	TEST(events_reach_the_handler),
	SLOW(several_threads),
	TEST(interrupts_from_any_thread),
	{ 0 },
};

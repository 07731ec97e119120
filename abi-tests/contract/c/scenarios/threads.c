// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Events, and what the contract says of several threads. */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const struct machine_options plain;

/* What a handler calls from inside nvb_gpu_service(), once. */
struct inside {
	struct machine *machine;
	struct nvb_gpu *gpu;
	struct nvb_vgpu *vgpu; /* NULL: shut the GPU down instead */
	uint32_t type;
	atomic_int begun, ended;
};

static void on_event(void *ctx, const struct nvb_event *event)
{
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct inside *in = ctx;

	if (atomic_exchange(&in->begun, 1))
		return;
	expect_true("nvb_event_fn", "the event says its size", event->size == sizeof(*event));
	EXPECT(nvb_gpu_get_info, (in->gpu, &info), 0);
	if (in->vgpu) {
		struct nvb_vgpu_config config = machine_vgpu_config(in->machine, 7, in->type);
		struct nvb_vgpu *vgpu = NULL;

		/* These wait for answers of the firmware, which sends its events by the same queue. */
		EXPECT(nvb_vgpu_reset, (in->vgpu), 0);
		EXPECT(nvb_vgpu_create, (in->gpu, &config, &vgpu), 0);
		EXPECT(nvb_vgpu_destroy, (vgpu), 0);
	} else {
		EXPECT(nvb_gpu_shutdown, (in->gpu), 0);
	}
	atomic_store(&in->ended, 1);
}

/* Has the firmware send an event, and waits until the handler has done what it does. */
static void handle_one(struct inside *in)
{
	unsigned int tries;

	EXPECT(nvb_gpu_set_event_handler, (in->gpu, on_event, in), 0);
	expect_true("nvb_gpu_service", "the firmware can send an event",
		    !machine_inject(in->machine, "os-error-log except=31 chid=1"));
	for (tries = 0; tries < 5000 && !atomic_load(&in->ended); tries++) {
		struct timespec pause = { .tv_nsec = 2000000 };

		nanosleep(&pause, NULL);
		nvb_gpu_service(in->gpu);
	}
	expect_true("nvb_gpu_service", "the handler got the event, and its calls ended", atomic_load(&in->ended));
	EXPECT(nvb_gpu_set_event_handler, (in->gpu, NULL, NULL), 0);
}

static void handlers_call_back(struct world *w)
{
	struct inside in = { .machine = w->machine, .gpu = w->gpu, .vgpu = w->vgpu, .type = w->type };

	handle_one(&in);
}

static void handlers_shut_down(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct inside in = { .machine = m, .gpu = start_gpu(m, "") };
	struct nvb_gpu_info info = { .size = sizeof(info) };

	(void)w;
	handle_one(&in);
	EXPECT(nvb_gpu_get_info, (in.gpu, &info), 0);
	expect_true("nvb_gpu_shutdown", "the GPU is stopped", info.state == NVB_GPU_STOPPED);
	stop_gpu(m, in.gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

/* What threads do at once: to one vGPU, and each with one of its own. */
struct caller {
	struct world *world;
	uint32_t vf;
	long long failed; /* what a call returned that had to succeed */
};

static long long call_all(struct caller *c)
{
	struct nvb_vgpu_config config = machine_vgpu_config(c->world->machine, c->vf, c->world->type);
	struct nvb_vgpu_type_info type = { .size = sizeof(type) };
	struct nvb_vgpu_info vgpu_info = { .size = sizeof(vgpu_info) };
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_gpu *gpu = c->world->gpu;
	struct nvb_vgpu *vgpu = NULL;
	long long answers[11];
	uint8_t buf[256];
	char text[64];
	size_t i = 0;

	answers[i++] = nvb_gpu_get_info(gpu, &info);
	answers[i++] = nvb_gpu_last_error(gpu, text, sizeof(text));
	answers[i++] = nvb_gpu_log_read(gpu, NVB_LOG_RM, 0, buf, sizeof(buf));
	answers[i++] = nvb_vgpu_type_find(gpu, c->world->type, &type);
	answers[i++] = nvb_vgpu_get_info(c->world->vgpu, &vgpu_info);
	answers[i++] = nvb_vgpu_reset(c->world->vgpu);
	answers[i++] = nvb_vgpu_create(gpu, &config, &vgpu);
	answers[i++] = nvb_vgpu_get_info(vgpu, &vgpu_info);
	answers[i++] = vgpu_info.vf == c->vf ? 0 : -ENOENT;
	answers[i++] = nvb_vgpu_destroy(vgpu);
	answers[i++] = nvb_gpu_service(gpu);
	while (i--)
		if (answers[i] < 0)
			return answers[i];
	return 0;
}

static void *call_much(void *arg)
{
	struct caller *c = arg;
	int i;

	for (i = 0; i < 20 && !c->failed; i++)
		c->failed = call_all(c);
	return NULL;
}

static void several_threads(struct world *w)
{
	struct caller callers[4];
	pthread_t threads[4];
	uint32_t i;

	for (i = 0; i < 4; i++) {
		callers[i] = (struct caller){ .world = w, .vf = 8 + i };
		pthread_create(&threads[i], NULL, call_much, &callers[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		expect("threads", "calls from several threads", callers[i].failed, 0);
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
	TEST(handlers_call_back),
	SLOW(handlers_shut_down),
	TEST(several_threads),
	TEST(interrupts_from_any_thread),
	{ 0 },
};

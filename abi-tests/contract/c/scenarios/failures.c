// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What plugins, firmware and device can do to a call that has begun, each on a machine of its own. */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static const struct machine_options plain;

/* Calls that a vGPU's plugin answers. */
static long long call_reset(struct nvb_vgpu *vgpu)
{
	return nvb_vgpu_reset(vgpu);
}

static long long call_set_bus_master(struct nvb_vgpu *vgpu)
{
	return nvb_vgpu_set_bus_master(vgpu, 1);
}

static long long call_suspend(struct nvb_vgpu *vgpu)
{
	return nvb_vgpu_suspend(vgpu);
}

static long long call_resume(struct nvb_vgpu *vgpu)
{
	return nvb_vgpu_resume(vgpu);
}

static long long call_save(struct nvb_vgpu *vgpu)
{
	uint8_t piece[64];

	return nvb_vgpu_save(vgpu, piece, sizeof(piece));
}

static long long call_restore(struct nvb_vgpu *vgpu)
{
	static const uint8_t piece[1 << 16];
	long long taken;
	int pieces;

	/* The plugin's buffer takes some before anybody has to look; more than it holds are too many. */
	for (taken = 1, pieces = 0; taken > 0 && pieces < 64; pieces++)
		taken = nvb_vgpu_restore(vgpu, piece, sizeof(piece));
	return taken;
}

/* Calls that only look. */
static long long call_get_info(struct nvb_vgpu *vgpu)
{
	struct nvb_vgpu_info info = { .size = sizeof(info) };

	return nvb_vgpu_get_info(vgpu, &info);
}

static long long call_log_read(struct nvb_vgpu *vgpu)
{
	uint8_t line[64];

	return nvb_vgpu_log_read(vgpu, NVB_LOG_VGPU_TASK, 0, line, sizeof(line));
}

static const struct call {
	const char *name;
	long long (*call)(struct nvb_vgpu *vgpu);
	int suspended; /* wants a suspended vGPU */
	int looks;     /* asks the plugin nothing */
	int streams;   /* moves a state through the plugin's buffer */
} calls[] = {
	{ "nvb_vgpu_reset", call_reset, 0, 0, 0 },
	{ "nvb_vgpu_set_bus_master", call_set_bus_master, 0, 0, 0 },
	{ "nvb_vgpu_suspend", call_suspend, 0, 0, 0 },
	{ "nvb_vgpu_resume", call_resume, 1, 0, 0 },
	{ "nvb_vgpu_save", call_save, 1, 0, 1 },
	{ "nvb_vgpu_restore", call_restore, 1, 0, 1 },
	{ "nvb_vgpu_get_info", call_get_info, 0, 1, 0 },
	{ "nvb_vgpu_log_read", call_log_read, 0, 1, 0 },
};

#define for_each_call(c) for (c = calls; c < calls + sizeof(calls) / sizeof(calls[0]); c++)

static struct nvb_vgpu *new_vgpu(struct machine *m, struct nvb_gpu *gpu, uint32_t vf, uint32_t type)
{
	struct nvb_vgpu_config config = machine_vgpu_config(m, vf, type);
	struct nvb_vgpu *vgpu = NULL;

	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), 0);
	return vgpu;
}

/* One call on a vGPU of its own, with the machine in this mode; afterwards the vGPU can be destroyed as ever. */
static void call_fails(struct world *w, struct machine *m, struct nvb_gpu *gpu, const struct call *c, const char *mode,
		       int errnum)
{
	struct nvb_vgpu *vgpu = new_vgpu(m, gpu, 0, w->type);

	if (c->suspended)
		EXPECT(nvb_vgpu_suspend, (vgpu), 0);
	machine_hostile(m, mode);
	machine_pace(m, 1000);
	expect(c->name, mode, c->call(vgpu), -errnum);
	machine_pace(m, 1);
	machine_hostile(m, "");
	EXPECT(nvb_vgpu_destroy, (vgpu), 0);
}

static void plugin_failures(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	const struct call *c;

	for_each_call(c) {
		if (c->looks)
			continue;
		call_fails(w, m, gpu, c, "plugin-error", EIO);
		call_fails(w, m, gpu, c, "plugin-silent", ETIMEDOUT);
		if (c->streams)
			call_fails(w, m, gpu, c, "plugin-wild-offset", EBADMSG);
	}
	stop_gpu(m, gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

/* A device that is pulled out: the platform says so, and the core says it on. */
static void calls_to_an_unplugged_device(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu *running = new_vgpu(m, gpu, 0, w->type);
	struct nvb_vgpu *suspended = new_vgpu(m, gpu, 1, w->type);
	struct nvb_vgpu_config config = machine_vgpu_config(m, 2, w->type);
	struct nvb_vgpu *vgpu = (void *)1;
	const struct call *c;

	EXPECT(nvb_vgpu_suspend, (suspended), 0);
	machine_unplug(m);
	for_each_call(c)
		expect(c->name, "unplugged", c->call(c->suspended ? suspended : running), -ENODEV);
	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), -ENODEV);
	EXPECT(nvb_vgpu_destroy, (running), -ENODEV);
	EXPECT(nvb_vgpu_destroy, (running), -ESTALE);
	EXPECT(nvb_vgpu_destroy, (suspended), -ENODEV);
	EXPECT(nvb_gpu_shutdown, (gpu), -ENODEV);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

struct losses {
	unsigned int count;
	char text[NVB_EVENT_TEXT_MAX];
};

static void count_losses(void *ctx, const struct nvb_event *event)
{
	struct losses *losses = ctx;

	if (event->kind != NVB_EVENT_GPU_LOST)
		return;
	losses->count++;
	memcpy(losses->text, event->text, sizeof(losses->text));
}

/* Whoever meets the loss, the handler is told by the next nvb_gpu_service(), once. */
static void loss_is_told(struct world *w, int unplugged, int by_interrupt)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu *vgpu = new_vgpu(m, gpu, 0, w->type);
	const char *sign = unplugged ? "the platform answers ENODEV" : "its registers read as all ones";
	struct losses losses = { 0 };

	/* Nobody but this thread serves the GPU. */
	machine_disconnect(m);
	EXPECT(nvb_gpu_set_event_handler, (gpu, count_losses, &losses), 0);
	if (unplugged)
		machine_unplug(m);
	else
		machine_hostile(m, "fallen-off-bus");
	machine_pace(m, 1000);
	EXPECT(nvb_gpu_service, (gpu), SUCCESS);
	expect_true("nvb_gpu_service", "nobody met the loss yet", losses.count == 0);
	if (by_interrupt)
		EXPECT(nvb_gpu_interrupt, (gpu), -ENODEV);
	else
		EXPECT(nvb_vgpu_reset, (vgpu), -ENODEV);
	EXPECT(nvb_gpu_service, (gpu), SUCCESS);
	expect_true("nvb_gpu_service", "the handler learns that the GPU is lost", losses.count == 1);
	expect_true("nvb_gpu_service", "and by what sign", !strcmp(losses.text, sign));
	EXPECT(nvb_gpu_interrupt, (gpu), -ENODEV);
	EXPECT(nvb_gpu_service, (gpu), SUCCESS);
	expect_true("nvb_gpu_service", "it learns it once", losses.count == 1);
	EXPECT(nvb_vgpu_destroy, (vgpu), -ENODEV);
	EXPECT(nvb_gpu_shutdown, (gpu), -ENODEV);
	nvb_gpu_destroy(gpu);
	machine_free(m);
}

/* Events that nobody fetches fill what holds them; the loss is told all the same. */
static void loss_is_told_behind_a_storm(void)
{
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct losses losses = { 0 };
	unsigned int i;

	machine_disconnect(m);
	for (i = 0; i < 100; i++) {
		machine_inject(m, "os-error-log except=31 chid=1");
		EXPECT(nvb_gpu_service, (gpu), 0);
	}
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_gpu_service", "there is no room for more events", info.events_lost > 0);
	machine_unplug(m);
	EXPECT(nvb_gpu_interrupt, (gpu), -ENODEV);
	EXPECT(nvb_gpu_service, (gpu), 0);
	EXPECT(nvb_gpu_set_event_handler, (gpu, count_losses, &losses), 0);
	EXPECT(nvb_gpu_service, (gpu), SUCCESS);
	expect_true("nvb_gpu_service", "the handler learns that the GPU is lost", losses.count == 1);
	machine_pace(m, 1000);
	EXPECT(nvb_gpu_shutdown, (gpu), -ENODEV);
	nvb_gpu_destroy(gpu);
	machine_free(m);
}

static void losses_are_told(struct world *w)
{
	loss_is_told(w, 1, 0);
	loss_is_told(w, 1, 1);
	loss_is_told(w, 0, 0);
	loss_is_told(w, 0, 1);
	loss_is_told_behind_a_storm();
}

static void *reset(void *vgpu)
{
	return nvb_vgpu_reset(vgpu) == -ETIMEDOUT ? NULL : vgpu;
}

static atomic_int shutdown_ended;

static void *shut_down(void *gpu)
{
	int ret = nvb_gpu_shutdown(gpu);

	atomic_store(&shutdown_ended, 1);
	return ret == -EBUSY ? NULL : gpu;
}

/*
 * A shutdown lets nobody in while it waits for those inside; here one that waits for its plugin. That a vGPU is alive it
 * sees only then, and is refused.
 */
static void calls_during_a_shutdown(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu *running = new_vgpu(m, gpu, 0, w->type);
	struct nvb_vgpu *suspended = new_vgpu(m, gpu, 1, w->type);
	struct nvb_vgpu_config config = machine_vgpu_config(m, 2, w->type);
	struct nvb_vgpu_type_info type = { .size = sizeof(type) };
	struct timespec pause = { .tv_nsec = 1000000 };
	struct nvb_vgpu *vgpu = (void *)1;
	pthread_t inside, closing;
	const struct call *c;
	void *unexpected;
	int waiting;

	EXPECT(nvb_vgpu_suspend, (suspended), 0);
	machine_hostile(m, "plugin-silent");
	pthread_create(&inside, NULL, reset, running);
	/* Until the call is inside, which may take long on a busy machine, a shutdown is refused at once: one more, then. */
	for (;;) {
		atomic_store(&shutdown_ended, 0);
		pthread_create(&closing, NULL, shut_down, gpu);
		for (waiting = 0; waiting < 20 && !atomic_load(&shutdown_ended); nanosleep(&pause, NULL))
			waiting += nvb_vgpu_type_count(gpu) == -EBUSY;
		if (!atomic_load(&shutdown_ended))
			break;
		pthread_join(closing, &unexpected);
		expect_true("nvb_gpu_shutdown", "it is refused while vGPUs are alive", !unexpected);
	}
	for_each_call(c)
		expect(c->name, "during a shutdown", c->call(c->suspended ? suspended : running), -EBUSY);
	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), -EBUSY);
	EXPECT(nvb_vgpu_destroy, (suspended), -EBUSY);
	EXPECT(nvb_vgpu_type_at, (gpu, 0, &type), -EBUSY);
	machine_pace(m, 1000);
	pthread_join(inside, &unexpected);
	expect_true("nvb_vgpu_reset", "a silent plugin is waited for in vain", !unexpected);
	pthread_join(closing, &unexpected);
	expect_true("nvb_gpu_shutdown", "it is refused while vGPUs are alive", !unexpected);
	machine_pace(m, 1);
	machine_hostile(m, "");
	/* Nothing was lost. */
	EXPECT(nvb_vgpu_resume, (suspended), 0);
	EXPECT(nvb_vgpu_destroy, (suspended), 0);
	EXPECT(nvb_vgpu_destroy, (running), 0);
	EXPECT(nvb_gpu_shutdown, (gpu), 0);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

/* How the firmware can take the end of a vGPU. After one that it did not confirm, the VF stays out of use: each case has its own. */
static const struct {
	const char *mode;
	int errnum;
} refusals[] = {
	{ "control-status=0x1f", EIO },	      { "control-status=0x51", ENOMEM },
	{ "control-status=0x1a", ENOSPC },    { "control-status=0x56", EOPNOTSUPP },
	{ "control-status=0x55", EIO },	      { "rpc-result", EIO },
	{ "bad-checksum", EBADMSG },	      { "bad-header-version", EPROTO },
	{ "reply-never", ETIMEDOUT },
};

static void vgpu_destroy_fails(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct nvb_vgpu *vgpu = new_vgpu(m, gpu, i, w->type);

		machine_hostile(m, refusals[i].mode);
		machine_pace(m, 100);
		expect("nvb_vgpu_destroy", refusals[i].mode, nvb_vgpu_destroy(vgpu), -refusals[i].errnum);
		machine_pace(m, 1);
		machine_hostile(m, "");
		EXPECT(nvb_vgpu_destroy, (vgpu), -ESTALE);
	}
	stop_gpu(m, gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

/* An event that nobody but this thread receives. */
static void service_meets_damaged_messages(struct world *w)
{
	static const struct {
		const char *mode;
		int errnum;
	} cases[] = { { "bad-checksum", EBADMSG }, { "bad-header-version", EPROTO }, { "wild-write-pointer", EIO } };
	size_t i;

	(void)w;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct timespec pause = { .tv_nsec = 1000000 };
		struct machine *m = machine_new(&plain);
		struct nvb_gpu *gpu = start_gpu(m, "");
		int tries, ret = 0;

		machine_disconnect(m);
		machine_hostile(m, cases[i].mode);
		expect_true("nvb_gpu_service", "the firmware can send an event",
			    !machine_inject(m, "os-error-log except=31 chid=1"));
		for (tries = 0; tries < 1000 && !ret; tries++) {
			nanosleep(&pause, NULL);
			ret = nvb_gpu_service(gpu);
		}
		expect("nvb_gpu_service", cases[i].mode, ret, -cases[i].errnum);
		machine_hostile(m, "");
		machine_connect(m, gpu);
		stop_gpu(m, gpu);
		expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
		machine_free(m);
	}
}

const struct test failure_tests[] = {
	SLOW(plugin_failures),
	SLOW(calls_to_an_unplugged_device),
	SLOW(losses_are_told),
	SLOW(calls_during_a_shutdown),
	SLOW(vgpu_destroy_fails),
	SLOW(service_meets_damaged_messages),
	{ 0 },
};

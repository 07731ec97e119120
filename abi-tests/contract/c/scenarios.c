// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Ways into each documented errno that a generator cannot know, and what the contract says of several threads. */
#include "harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const struct machine_options plain;

/* The handshake. */

static void handshake_fits(struct world *w)
{
	struct nvb_abi abi = NVB_ABI_INIT(NVB_FEATURE_VGPU);

	(void)w;
	EXPECT(nvb_abi_handshake, (&abi), 0);
	expect_true("nvb_abi_handshake", "the core says its version", abi.major == NVB_ABI_MAJOR);
	expect_true("nvb_abi_handshake", "an accepted caller gets no reason", abi.reason[0] == 0);
	expect_true("nvb_abi_handshake", "the wanted feature is there", abi.features & NVB_FEATURE_VGPU);
}

static void handshake_refuses_another_major(struct world *w)
{
	struct nvb_abi abi = NVB_ABI_INIT(0);

	(void)w;
	abi.major++;
	EXPECT(nvb_abi_handshake, (&abi), -EPROTO);
	expect_true("nvb_abi_handshake", "a refusal says why", abi.reason[0] != 0);
	expect_true("nvb_abi_handshake", "a refusal says the core's version", abi.major == NVB_ABI_MAJOR);
}

static void handshake_refuses_another_struct(struct world *w)
{
	struct nvb_abi abi = NVB_ABI_INIT(0), core = NVB_ABI_INIT(0);
	int ours = NVB_ABI_MINOR;

	(void)w;
	nvb_abi_handshake(&core);
	/* Structs grow with the minor version: a newer caller's may be larger, an older one's smaller. */
	abi.dma_size += core.minor < ours ? -8 : 8;
	EXPECT(nvb_abi_handshake, (&abi), -EPROTO);
	expect_true("nvb_abi_handshake", "a refusal says which struct", strstr(abi.reason, "nvb_dma") != NULL);
}

static void handshake_refuses_an_unknown_feature(struct world *w)
{
	struct nvb_abi abi = NVB_ABI_INIT(1ull << 63);

	(void)w;
	EXPECT(nvb_abi_handshake, (&abi), -EOPNOTSUPP);
	expect_true("nvb_abi_handshake", "a refusal says why", abi.reason[0] != 0);
}

/* Making a GPU. */

static void create_wants_every_function(struct world *w)
{
	size_t at;

	/* Functions follow ctx; all pointers have one size. */
	for (at = offsetof(struct nvb_platform, mmio_read32); at < sizeof(struct nvb_platform); at += sizeof(void *)) {
		struct nvb_platform platform = machine_platform(w->fresh_machine);
		struct nvb_gpu *gpu = (void *)1;
		char what[64];

		memset((char *)&platform + at, 0, sizeof(void *));
		snprintf(what, sizeof(what), "nvb_gpu_create() without the function at %zu", at);
		expect("nvb_gpu_create", what, nvb_gpu_create(&platform, &gpu), -EINVAL);
		expect_true("nvb_gpu_create", "the handle is NULL on failure", gpu == NULL);
	}
}

static int32_t read_unknown_chip(void *ctx, uint32_t off, uint32_t *value)
{
	(void)ctx;
	(void)off;
	*value = 0x00100000;
	return 0;
}

static int32_t read_nothing(void *ctx, uint32_t off, uint32_t *value)
{
	(void)ctx;
	(void)off;
	*value = 0xffffffff;
	return 0;
}

static void create_refuses_chips(struct world *w)
{
	struct nvb_platform platform = machine_platform(w->fresh_machine);
	struct nvb_gpu *gpu = (void *)1;
	unsigned int held = machine_held(w->fresh_machine);

	platform.mmio_read32 = read_unknown_chip;
	EXPECT(nvb_gpu_create, (&platform, &gpu), -ENODEV);
	platform.mmio_read32 = read_nothing;
	EXPECT(nvb_gpu_create, (&platform, &gpu), -ENODEV);
	expect_true("nvb_gpu_create", "a failure gives back what was taken", machine_held(w->fresh_machine) == held);
}

static void destroy_gives_everything_back(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu_config config = machine_vgpu_config(m, 0, w->type);
	struct nvb_vgpu *vgpu = NULL;

	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), 0);
	/* Interrupts go on: destroying the GPU has to end the vGPU, and that waits for the firmware. */
	nvb_vgpu_destroy(vgpu);
	stop_gpu(m, gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

/* Booting. */

static void boot_states(struct world *w)
{
	struct nvb_boot_config config = machine_boot_config(w->machine, "");

	EXPECT(nvb_gpu_boot, (w->gpu, &config), -EBUSY);
	EXPECT(nvb_gpu_shutdown, (w->gpu), -EBUSY);
	EXPECT(nvb_gpu_shutdown, (w->fresh), 0);
	EXPECT(nvb_vgpu_type_count, (w->fresh), -EBUSY);
	EXPECT(nvb_gpu_interrupt, (w->fresh), NVB_IRQ_NONE);
}

static void boot_refuses_configurations(struct world *w)
{
	struct nvb_boot_config config = machine_boot_config(w->fresh_machine, "1.2.3");

	EXPECT(nvb_gpu_boot, (w->fresh, &config), -EOPNOTSUPP);
	config = machine_boot_config(w->fresh_machine, "");
	config.flags = 0x80000000;
	EXPECT(nvb_gpu_boot, (w->fresh, &config), -EINVAL);
	config = machine_boot_config(w->fresh_machine, "");
	memset(config.release, 'x', sizeof(config.release));
	EXPECT(nvb_gpu_boot, (w->fresh, &config), -EINVAL);
}

/* Boots a GPU of its own; the answer is one of @errnos, in words too, and nothing is left behind. */
static void boot_fails(const struct machine_options *options, const int *errnos)
{
	const struct machine_options healthy = { .firmware_dir = options->firmware_dir };
	int late = options->hostile && !strcmp(options->hostile, "fallen-off-bus");
	struct machine *m = machine_new(late ? &healthy : options);
	struct nvb_platform platform = machine_platform(m);
	struct nvb_boot_config config = machine_boot_config(m, "");
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_gpu *gpu = NULL;
	unsigned int held;
	char text[256] = "";

	expect("nvb_gpu_create", "nvb_gpu_create()", nvb_gpu_create(&platform, &gpu), 0);
	held = machine_held(m);
	/* A board that is not there cannot even be created. */
	if (late)
		machine_hostile(m, options->hostile);
	machine_connect(m, gpu);
	expect_one_of("nvb_gpu_boot", options->hostile ? options->hostile : "nvb_gpu_boot()", nvb_gpu_boot(gpu, &config), errnos);
	expect_true("nvb_gpu_last_error", "a failure is said in words", nvb_gpu_last_error(gpu, text, sizeof(text)) > 0);
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_gpu_boot", "a GPU that did not boot is stopped or failed",
		    info.state == NVB_GPU_STOPPED || info.state == NVB_GPU_FAILED);
	if (info.state == NVB_GPU_FAILED)
		expect("nvb_gpu_boot", "nvb_gpu_boot() of a failed GPU", nvb_gpu_boot(gpu, &config), -EBUSY);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_boot", "a failed boot gives back what it took", machine_held(m) == 0 && held > 0);
	machine_free(m);
}

#define BOOT_FAILS(name, mode, ...) \
	static void name(struct world *w) \
	{ \
		static const struct machine_options options = { .hostile = mode }; \
		static const int errnos[] = { __VA_ARGS__, 0 }; \
		(void)w; \
		boot_fails(&options, errnos); \
	}

BOOT_FAILS(boot_of_a_board_that_fell_off, "fallen-off-bus", ENODEV)
BOOT_FAILS(boot_with_a_damaged_vbios, "vbios-no-signature", EBADMSG)
BOOT_FAILS(boot_without_a_signature, "vbios-no-signature-version", EKEYREJECTED)
BOOT_FAILS(boot_with_a_fwsec_error, "fwsec-error", EIO)
BOOT_FAILS(boot_with_a_booter_error, "booter-error", EIO)
BOOT_FAILS(boot_that_ends_with_an_error, "init-error", EIO, EPROTO)
BOOT_FAILS(boot_with_a_bad_sequence, "sequencer-garbage", EPROTO)
BOOT_FAILS(boot_with_wrong_sequence_numbers, "wrong-sequence", EPROTO, EBADMSG)

static void boot_without_files(struct world *w)
{
	static const struct machine_options options = { .firmware_dir = "/nonexistent" };
	static const int errnos[] = { ENOENT, 0 };

	(void)w;
	boot_fails(&options, errnos);
}

/* Every allocation of a boot fails once. */
static void boot_without_memory(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_platform platform = machine_platform(m);
	unsigned int nth, held;
	struct nvb_gpu *gpu;
	int ret;

	(void)w;
	for (nth = 1; nth < 10; nth++) {
		machine_fail_request(m, nth);
		ret = nvb_gpu_create(&platform, &gpu);
		if (!machine_failed_one(m))
			break;
		expect("nvb_gpu_create", "nvb_gpu_create() without memory", ret, -ENOMEM);
		expect_true("nvb_gpu_create", "a failure gives back what was taken", machine_held(m) == 0);
	}
	machine_fail_request(m, 0);
	machine_connect(m, gpu);
	held = machine_held(m);
	/* Steps grow: a boot makes thousands of requests, most of them alike. */
	for (nth = 1;; nth += 1 + nth / 8) {
		struct nvb_boot_config config = machine_boot_config(m, "");

		machine_fail_request(m, nth);
		ret = nvb_gpu_boot(gpu, &config);
		if (!machine_failed_one(m))
			break;
		expect("nvb_gpu_boot", "nvb_gpu_boot() without memory", ret, -ENOMEM);
		expect_true("nvb_gpu_boot", "a failure gives back what was taken", machine_held(m) == held);
	}
	machine_fail_request(m, 0);
	expect("nvb_gpu_boot", "nvb_gpu_boot() at last", ret, 0);
	stop_gpu(m, gpu);
	machine_free(m);
}

/* What a GPU tells. */

static void last_error_is_cut(struct world *w)
{
	char text[4] = "xxx";
	int len;

	nvb_gpu_shutdown(w->gpu);
	len = nvb_gpu_last_error(w->gpu, text, sizeof(text));
	expect_true("nvb_gpu_last_error", "the whole length is returned", len > (int)sizeof(text));
	expect_true("nvb_gpu_last_error", "the words are cut and ended", text[3] == 0 && strlen(text) == 3);
}

static void logs(struct world *w)
{
	EXPECT(nvb_gpu_log_read, (w->fresh, NVB_LOG_INIT, 0, w->buf, sizeof(w->buf)), -ENOENT);
	EXPECT(nvb_gpu_log_read, (w->gpu, 77, 0, w->buf, sizeof(w->buf)), -EINVAL);
	EXPECT(nvb_gpu_log_read, (w->gpu, NVB_LOG_RM, UINT64_MAX, w->buf, sizeof(w->buf)), 0);
	EXPECT(nvb_gpu_log_read, (w->gpu, NVB_LOG_RM, 0, w->buf, sizeof(w->buf)), SUCCESS);
	EXPECT(nvb_vgpu_log_read, (w->vgpu, 77, 0, w->buf, sizeof(w->buf)), -EINVAL);
	EXPECT(nvb_vgpu_log_read, (w->vgpu, NVB_LOG_VGPU_TASK, UINT64_MAX, w->buf, sizeof(w->buf)), 0);
}

/* vGPUs. */

static void types(struct world *w)
{
	struct nvb_vgpu_type_info info = { .size = sizeof(info) };
	int32_t count = nvb_vgpu_type_count(w->gpu);

	expect_true("nvb_vgpu_type_count", "there are types", count > 0);
	EXPECT(nvb_vgpu_type_at, (w->gpu, count, &info), -ENOENT);
	EXPECT(nvb_vgpu_type_at, (w->gpu, UINT32_MAX, &info), -ENOENT);
	EXPECT(nvb_vgpu_type_at, (w->gpu, count - 1, &info), 0);
	EXPECT(nvb_vgpu_type_find, (w->gpu, info.id, &info), 0);
	EXPECT(nvb_vgpu_type_find, (w->gpu, 0xdeadbeef, &info), -ENOENT);
	EXPECT(nvb_vgpu_type_at, (w->fresh, 0, &info), -EBUSY);
	EXPECT(nvb_vgpu_type_find, (w->fresh, w->type, &info), -EBUSY);
}

static void vgpu_create_refuses(struct world *w)
{
	struct nvb_vgpu_config config = machine_vgpu_config(w->machine, 5, w->type);
	struct nvb_vgpu *vgpu = (void *)1;

	config.type = 0xdeadbeef;
	EXPECT(nvb_vgpu_create, (w->gpu, &config, &vgpu), -ENOENT);
	expect_true("nvb_vgpu_create", "the handle is NULL on failure", vgpu == NULL);
	config = machine_vgpu_config(w->machine, 500, w->type);
	EXPECT(nvb_vgpu_create, (w->gpu, &config, &vgpu), -EINVAL);
	config = machine_vgpu_config(w->machine, 0, w->type);
	EXPECT(nvb_vgpu_create, (w->gpu, &config, &vgpu), -EBUSY);
	config = machine_vgpu_config(w->fresh_machine, 0, w->type);
	EXPECT(nvb_vgpu_create, (w->fresh, &config, &vgpu), -EBUSY);
}

static void vgpu_life(struct world *w)
{
	struct nvb_vgpu_config config = machine_vgpu_config(w->machine, 3, w->type);
	struct nvb_vgpu_info info = { .size = sizeof(info) };
	struct nvb_vgpu *vgpu = NULL;

	EXPECT(nvb_vgpu_create, (w->gpu, &config, &vgpu), 0);
	EXPECT(nvb_vgpu_get_info, (vgpu, &info), 0);
	expect_true("nvb_vgpu_get_info", "it tells the VF and the type", info.vf == 3 && info.type == w->type);
	EXPECT(nvb_vgpu_set_bus_master, (vgpu, 1), 0);
	EXPECT(nvb_vgpu_set_bus_master, (vgpu, 2), -EINVAL);
	EXPECT(nvb_vgpu_reset, (vgpu), 0);
	EXPECT(nvb_vgpu_destroy, (vgpu), 0);
	EXPECT(nvb_vgpu_destroy, (vgpu), -ESTALE);
	EXPECT(nvb_vgpu_reset, (vgpu), -ESTALE);
}

static void vgpu_migration(struct world *w)
{
	EXPECT(nvb_vgpu_resume, (w->vgpu), -EINVAL);
	EXPECT(nvb_vgpu_save, (w->vgpu, w->buf, sizeof(w->buf)), -EINVAL);
	EXPECT(nvb_vgpu_restore, (w->vgpu, w->buf, sizeof(w->buf)), -EINVAL);
	EXPECT(nvb_vgpu_suspend, (w->vgpu), 0);
	EXPECT(nvb_vgpu_suspend, (w->vgpu), -EINVAL);
	EXPECT(nvb_vgpu_reset, (w->vgpu), -EINVAL);
	EXPECT(nvb_vgpu_set_bus_master, (w->vgpu, 0), -EINVAL);
	EXPECT(nvb_vgpu_save, (w->vgpu, w->buf, sizeof(w->buf)), SUCCESS);
	EXPECT(nvb_vgpu_resume, (w->vgpu), 0);
}

/* A failure of creating a vGPU on a GPU of its own, which then is as before. */
static void vgpu_create_fails(struct world *w, const char *hostile, const int *errnos)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu_config config = machine_vgpu_config(m, 0, w->type);
	struct nvb_gpu_info info = { .size = sizeof(info) };
	struct nvb_vgpu *vgpu = (void *)1;

	machine_hostile(m, hostile);
	expect_one_of("nvb_vgpu_create", hostile, nvb_vgpu_create(gpu, &config, &vgpu), errnos);
	expect_true("nvb_vgpu_create", "the handle is NULL on failure", vgpu == NULL);
	machine_hostile(m, "");
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_vgpu_create", "no vGPU is left", info.vgpus == 0);
	stop_gpu(m, gpu);
	expect_true("nvb_vgpu_create", "a failure gives back what it took", machine_held(m) == 0);
	machine_free(m);
}

#define VGPU_CREATE_FAILS(name, mode, ...) \
	static void name(struct world *w) \
	{ \
		static const int errnos[] = { __VA_ARGS__, 0 }; \
		vgpu_create_fails(w, mode, errnos); \
	}

VGPU_CREATE_FAILS(vgpu_create_refused_by_the_firmware, "bootload-status=0x40", EIO)
VGPU_CREATE_FAILS(vgpu_create_with_another_protocol, "plugin-bad-version", EPROTO)

/* As many as there is room for; then no more, and all of them go with their GPU. */
static void vgpu_create_until_full(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_vgpu_type_info type = { .size = sizeof(type) };
	int32_t at, count = nvb_vgpu_type_count(gpu);
	struct nvb_vgpu *vgpus[16];
	unsigned int vf, alive = 0;

	(void)w;
	/* The largest type, of which the fewest fit. */
	for (at = 0; at < count; at++) {
		struct nvb_vgpu_type_info other = { .size = sizeof(other) };

		nvb_vgpu_type_at(gpu, at, &other);
		if (other.fb_size > type.fb_size)
			type = other;
	}
	for (vf = 0; vf < 16; vf++) {
		struct nvb_vgpu_config config = machine_vgpu_config(m, vf, type.id);

		if (nvb_vgpu_create(gpu, &config, &vgpus[alive]))
			break;
		alive++;
	}
	expect_true("nvb_vgpu_create", "as many fit as the type says", alive == type.available);
	if (vf < 16) {
		struct nvb_vgpu_config config = machine_vgpu_config(m, vf, type.id);
		struct nvb_vgpu *vgpu;

		EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), -ENOSPC);
	}
	while (alive)
		EXPECT(nvb_vgpu_destroy, (vgpus[--alive]), 0);
	stop_gpu(m, gpu);
	machine_free(m);
}

/* Every request that creating a vGPU makes fails once. */
static void vgpu_create_without_memory(struct world *w)
{
	struct nvb_vgpu_config config = machine_vgpu_config(w->machine, 4, w->type);
	unsigned int held = machine_held(w->machine), nth;
	struct nvb_vgpu *vgpu = NULL;
	int ret;

	for (nth = 1;; nth += 1 + nth / 8) {
		machine_fail_request(w->machine, nth);
		ret = nvb_vgpu_create(w->gpu, &config, &vgpu);
		if (!machine_failed_one(w->machine))
			break;
		expect("nvb_vgpu_create", "nvb_vgpu_create() without memory", ret, -ENOMEM);
		expect_true("nvb_vgpu_create", "a failure gives back what was taken", machine_held(w->machine) == held);
	}
	machine_fail_request(w->machine, 0);
	expect("nvb_vgpu_create", "nvb_vgpu_create() at last", ret, 0);
	EXPECT(nvb_vgpu_destroy, (vgpu), 0);
}

/* The device goes away while the firmware runs. */
static void a_board_that_falls_off(struct world *w)
{
	/* Found out by a register, or by waiting for an answer. */
	static const int errnos[] = { ENODEV, ETIMEDOUT, 0 };
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");

	(void)w;
	machine_hostile(m, "fallen-off-bus");
	EXPECT(nvb_gpu_interrupt, (gpu), -ENODEV);
	expect_one_of("nvb_gpu_shutdown", "nvb_gpu_shutdown() of a board that fell off", nvb_gpu_shutdown(gpu), errnos);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

static void shutdown_that_fails(struct world *w)
{
	static const int errnos[] = { EIO, 0 };
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_gpu_info info = { .size = sizeof(info) };

	(void)w;
	machine_hostile(m, "booter-unload-error");
	expect_one_of("nvb_gpu_shutdown", "nvb_gpu_shutdown() that the booter refuses", nvb_gpu_shutdown(gpu), errnos);
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_gpu_shutdown", "the GPU failed", info.state == NVB_GPU_FAILED);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_shutdown", "its memory is given back all the same", machine_held(m) == 0);
	machine_free(m);
}

static void plugin_failures(struct world *w)
{
	static const int refused[] = { EIO, 0 };

	machine_hostile(w->machine, "plugin-error");
	expect_one_of("nvb_vgpu_reset", "nvb_vgpu_reset() that the plugin refuses", nvb_vgpu_reset(w->vgpu), refused);
	expect_one_of("nvb_vgpu_set_bus_master", "nvb_vgpu_set_bus_master() that the plugin refuses",
		      nvb_vgpu_set_bus_master(w->vgpu, 1), refused);
	machine_hostile(w->machine, "");
	EXPECT(nvb_vgpu_reset, (w->vgpu), 0);
}

/* Events and threads. */

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

#define TEST(name) { #name, name, 0 }
/* Makes a machine of its own, or waits. */
#define SLOW(name) { #name, name, 1 }

const struct test scenario_tests[] = {
	TEST(handshake_fits),
	TEST(handshake_refuses_another_major),
	TEST(handshake_refuses_another_struct),
	TEST(handshake_refuses_an_unknown_feature),
	TEST(create_wants_every_function),
	TEST(create_refuses_chips),
	SLOW(destroy_gives_everything_back),
	TEST(boot_states),
	TEST(boot_refuses_configurations),
	SLOW(boot_of_a_board_that_fell_off),
	SLOW(boot_with_a_damaged_vbios),
	SLOW(boot_without_a_signature),
	SLOW(boot_with_a_fwsec_error),
	SLOW(boot_with_a_booter_error),
	SLOW(boot_that_ends_with_an_error),
	SLOW(boot_with_a_bad_sequence),
	SLOW(boot_with_wrong_sequence_numbers),
	SLOW(boot_without_files),
	SLOW(boot_without_memory),
	TEST(last_error_is_cut),
	TEST(logs),
	TEST(types),
	TEST(vgpu_create_refuses),
	TEST(vgpu_life),
	TEST(vgpu_migration),
	SLOW(vgpu_create_refused_by_the_firmware),
	SLOW(vgpu_create_with_another_protocol),
	SLOW(vgpu_create_until_full),
	SLOW(vgpu_create_without_memory),
	SLOW(a_board_that_falls_off),
	SLOW(shutdown_that_fails),
	TEST(plugin_failures),
	TEST(events_reach_the_handler),
	SLOW(several_threads),
	TEST(interrupts_from_any_thread),
	{ 0 }
};

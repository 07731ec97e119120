// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Booting and shutting down, and how both can fail. */
#include "harness.h"

static const struct machine_options plain;

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
	if (options->pace)
		machine_pace(m, options->pace);
	expect_one_of("nvb_gpu_boot", options->hostile ? options->hostile : "nvb_gpu_boot()", nvb_gpu_boot(gpu, &config), errnos);
	expect_true("nvb_gpu_last_error", "a failure is said in words", nvb_gpu_last_error(gpu, text, sizeof(text)) > 0);
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_gpu_boot", "a GPU that did not boot is stopped or failed",
		    info.state == NVB_GPU_STOPPED || info.state == NVB_GPU_FAILED);
	machine_pace(m, 1);
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

/* Waits in vain on a clock that runs fast. */
static void boot_of_a_gpu_that_never_starts(struct world *w)
{
	static const struct machine_options options = { .hostile = "gfw-never", .pace = 100 };
	static const int errnos[] = { ETIMEDOUT, 0 };

	(void)w;
	boot_fails(&options, errnos);
}

/* What the firmware's resource manager says by its status. */
static void boot_with_refused_controls(struct world *w)
{
	static const struct {
		const char *hostile;
		int errnos[2];
	} cases[] = {
		{ "control-status=0x1a", { ENOSPC } },
		{ "control-status=0x55", { EBUSY } },
		{ "control-status=0x1f", { EIO } },
	};
	size_t i;

	(void)w;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine_options options = { .hostile = cases[i].hostile };

		boot_fails(&options, cases[i].errnos);
	}
}

static void boot_without_files(struct world *w)
{
	static const struct machine_options options = { .firmware_dir = "/nonexistent" };
	static const int errnos[] = { ENOENT, 0 };

	(void)w;
	boot_fails(&options, errnos);
}

static void create_without_memory(struct world *w)
{
	struct machine *m = w->machine;
	struct nvb_platform platform = machine_platform(m);
	struct nvb_gpu *gpu = NULL;
	unsigned int held = machine_held(m), nth;
	int ret;

	for (nth = 1;; nth++) {
		machine_fail(m, ALLOCATION, nth);
		ret = nvb_gpu_create(&platform, &gpu);
		if (!machine_failed_one(m))
			break;
		expect("nvb_gpu_create", "nvb_gpu_create() without memory", ret, -ENOMEM);
		expect_true("nvb_gpu_create", "a failure gives back what was taken", machine_held(m) == held);
	}
	machine_fail(m, ALLOCATION, 0);
	expect("nvb_gpu_create", "nvb_gpu_create() at last", ret, 0);
	expect_true("nvb_gpu_create", "it allocates", nth > 1);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == held);
}

static void boot_without(enum request kind)
{
	struct machine *m = machine_new(&plain);
	struct nvb_platform platform = machine_platform(m);
	struct nvb_boot_config config = machine_boot_config(m, "");
	struct nvb_gpu *gpu = NULL;
	unsigned int nothing, logs, held, nth;
	int ret;

	EXPECT(nvb_gpu_create, (&platform, &gpu), 0);
	machine_connect(m, gpu);
	nothing = machine_held(m);
	EXPECT(nvb_gpu_boot, (gpu, &config), 0);
	EXPECT(nvb_gpu_shutdown, (gpu), 0);
	logs = machine_held(m);
	/* Every allocation fails once; of the thousands of mappings, most of them alike, some do. */
	for (nth = 1;; nth += 1 + (kind == MAPPING ? nth / 8 : 0)) {
		machine_fail(m, kind, nth);
		ret = nvb_gpu_boot(gpu, &config);
		if (!machine_failed_one(m))
			break;
		expect("nvb_gpu_boot", "nvb_gpu_boot() without memory", ret, -ENOMEM);
		/* The logs of a boot that got as far as having some can be read until the next. */
		held = machine_held(m);
		expect_true("nvb_gpu_boot", "a failure gives back what was taken", held == nothing || held == logs);
	}
	machine_fail(m, kind, 0);
	expect("nvb_gpu_boot", "nvb_gpu_boot() at last", ret, 0);
	expect_true("nvb_gpu_boot", "it makes such requests", nth > 1);
	stop_gpu(m, gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
	machine_free(m);
}

static void boot_without_memory(struct world *w)
{
	(void)w;
	boot_without(ALLOCATION);
	boot_without(MAPPING);
}

/* A running GPU on a machine of its own that cannot be shut down in order; @hostile NULL unplugs it. */
static void shutdown_fails(const char *hostile, int errnum)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "");
	struct nvb_gpu_info info = { .size = sizeof(info) };

	if (hostile)
		machine_hostile(m, hostile);
	else
		machine_unplug(m);
	if (hostile && !strcmp(hostile, "fallen-off-bus"))
		EXPECT(nvb_gpu_interrupt, (gpu), -ENODEV);
	machine_pace(m, 100);
	expect("nvb_gpu_shutdown", hostile ? hostile : "unplugged", nvb_gpu_shutdown(gpu), -errnum);
	machine_pace(m, 1);
	nvb_gpu_get_info(gpu, &info);
	expect_true("nvb_gpu_shutdown", "the GPU failed", info.state == NVB_GPU_FAILED);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_shutdown", "its memory is given back all the same", machine_held(m) == 0);
	machine_free(m);
}

static void shutdown_that_fails(struct world *w)
{
	(void)w;
	shutdown_fails("fallen-off-bus", ENODEV);
	shutdown_fails("suspend-never", ETIMEDOUT);
	shutdown_fails("booter-unload-error", EIO);
	/* "Busy" among them: that is -EBUSY of a call that can be made again. */
	shutdown_fails("free-status=0x55", EIO);
	shutdown_fails("free-status=0x51", ENOMEM);
	shutdown_fails("free-status=0x1a", ENOSPC);
	shutdown_fails("free-status=0x56", EOPNOTSUPP);
	shutdown_fails("bad-header-version", EPROTO);
	shutdown_fails("bad-checksum", EBADMSG);
	shutdown_fails(NULL, ENODEV);
}

const struct test boot_tests[] = {
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
	SLOW(boot_of_a_gpu_that_never_starts),
	SLOW(boot_with_refused_controls),
	SLOW(boot_without_files),
	TEST(create_without_memory),
	SLOW(boot_without_memory),
	SLOW(shutdown_that_fails),
	{ 0 },
};

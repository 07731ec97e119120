// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The handshake, making and ending a GPU, and what a GPU tells. */
#include "harness.h"

#include <stddef.h>
#include <stdio.h>

static const struct machine_options plain;

/* The handshake. */

static void handshake_fits(struct world *w)
{
	struct nvb_abi abi = NVB_ABI_INIT(NVB_FEATURE_VGPU);
	int answer = nvb_abi_handshake(&abi);
	char what[300];

	(void)w;
	snprintf(what, sizeof(what), "nvb_abi_handshake(), whose reason is '%s'", abi.reason);
	expect("nvb_abi_handshake", what, answer, 0);
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

	/* Functions follow ctx; all pointers have one size. What later versions add has to be optional. */
	for (at = offsetof(struct nvb_platform, mmio_read32); at <= offsetof(struct nvb_platform, log); at += sizeof(void *)) {
		struct nvb_platform platform = machine_platform(w->fresh_machine);
		struct nvb_gpu *gpu = (void *)1;
		char what[64];

		memset((char *)&platform + at, 0, sizeof(void *));
		snprintf(what, sizeof(what), "nvb_gpu_create() without the function at %zu", at);
		expect("nvb_gpu_create", what, nvb_gpu_create(&platform, &gpu), -EINVAL);
		expect_true("nvb_gpu_create", "the handle is NULL on failure", gpu == NULL);
	}
}

static void unknown_function(void)
{
}

/* Makes a GPU, has it log something, and ends it. */
static void create_and_log(struct world *w, const struct nvb_platform *platform)
{
	struct nvb_boot_config config = machine_boot_config(w->fresh_machine, "1.2.3");
	struct nvb_gpu *gpu = NULL;

	EXPECT(nvb_gpu_create, (platform, &gpu), 0);
	EXPECT(nvb_gpu_boot, (gpu, &config), -EOPNOTSUPP);
	nvb_gpu_destroy(gpu);
}

/* Only functions that both sides know are called, whichever has the longer table. */
static void create_takes_tables_of_other_lengths(struct world *w)
{
	struct {
		struct nvb_platform platform;
		void (*behind[4])(void);
	} table = { .platform = machine_platform(w->fresh_machine) };
	size_t i;

	/* An older caller's: what lies behind it is no function. */
	memset(table.behind, 0x5a, sizeof(table.behind));
	create_and_log(w, &table.platform);
	for (i = 0; i < sizeof(table.behind) / sizeof(table.behind[0]); i++)
		table.behind[i] = unknown_function;
	table.platform.size = sizeof(table);
	create_and_log(w, &table.platform);
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
	EXPECT(nvb_gpu_shutdown, (gpu), -EBUSY);
	/* It runs, with a vGPU, and nobody tells it of interrupts any more. */
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
	expect_true("nvb_gpu_destroy", "everything is given back", machine_held(m) == 0);
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

const struct test gpu_tests[] = {
	TEST(handshake_fits),
	TEST(handshake_refuses_another_major),
	TEST(handshake_refuses_another_struct),
	TEST(handshake_refuses_an_unknown_feature),
	TEST(create_wants_every_function),
	TEST(create_takes_tables_of_other_lengths),
	TEST(create_refuses_chips),
	SLOW(destroy_gives_everything_back),
	TEST(last_error_is_cut),
	TEST(logs),
	{ 0 },
};

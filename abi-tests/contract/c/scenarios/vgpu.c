// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vGPUs, from creation to destruction. */
#include "harness.h"

static const struct machine_options plain;

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

/* How the firmware and the plugin can refuse a vGPU, each on a GPU of its own, which then is as before. */
static void vgpu_create_fails(struct world *w)
{
	static const struct {
		const char *mode;
		int errnum;
	} cases[] = {
		{ "control-status=0x51", ENOMEM },    { "control-status=0x1a", ENOSPC },
		{ "control-status=0x56", EOPNOTSUPP }, { "control-status=0x55", EBUSY },
		{ "bootload-status=0x40", EIO },      { "plugin-bad-version", EPROTO },
		{ "bad-checksum", EBADMSG },	      { "reply-never", ETIMEDOUT },
		{ "plugin-never", ETIMEDOUT },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine *m = machine_new(&plain);
		struct nvb_gpu *gpu = start_gpu(m, "");
		struct nvb_vgpu_config config = machine_vgpu_config(m, 0, w->type);
		struct nvb_gpu_info info = { .size = sizeof(info) };
		struct nvb_vgpu *vgpu = (void *)1;

		machine_hostile(m, cases[i].mode);
		machine_pace(m, 100);
		expect("nvb_vgpu_create", cases[i].mode, nvb_vgpu_create(gpu, &config, &vgpu), -cases[i].errnum);
		expect_true("nvb_vgpu_create", "the handle is NULL on failure", vgpu == NULL);
		machine_pace(m, 1);
		machine_hostile(m, "");
		nvb_gpu_get_info(gpu, &info);
		expect_true("nvb_vgpu_create", "no vGPU is left", info.vgpus == 0);
		stop_gpu(m, gpu);
		expect_true("nvb_vgpu_create", "a failure gives back what it took", machine_held(m) == 0);
		machine_free(m);
	}
}

static void vgpu_create_without_a_host(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_platform platform = machine_platform(m);
	struct nvb_boot_config boot = machine_boot_config(m, "");
	struct nvb_vgpu_config config = machine_vgpu_config(m, 0, w->type);
	struct nvb_vgpu *vgpu = (void *)1;
	struct nvb_gpu *gpu = NULL;

	boot.flags &= ~NVB_BOOT_VGPU_HOST;
	EXPECT(nvb_gpu_create, (&platform, &gpu), 0);
	machine_connect(m, gpu);
	EXPECT(nvb_gpu_boot, (gpu, &boot), 0);
	EXPECT(nvb_vgpu_type_count, (gpu), 0);
	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), -EOPNOTSUPP);
	stop_gpu(m, gpu);
	machine_free(m);
}

/* The plugin's kernel came with a later release, and its log with it. */
static void vgpu_log_that_the_release_has_not(struct world *w)
{
	struct machine *m = machine_new(&plain);
	struct nvb_gpu *gpu = start_gpu(m, "535.113.01");
	struct nvb_vgpu_config config = machine_vgpu_config(m, 0, w->type);
	struct nvb_vgpu *vgpu = NULL;

	EXPECT(nvb_vgpu_create, (gpu, &config, &vgpu), 0);
	EXPECT(nvb_vgpu_log_read, (vgpu, NVB_LOG_VGPU_KERNEL, 0, w->buf, sizeof(w->buf)), -ENOENT);
	EXPECT(nvb_vgpu_destroy, (vgpu), 0);
	stop_gpu(m, gpu);
	machine_free(m);
}

/* As many as there is room for; then no more. */
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

/* Every allocation that creating a vGPU makes fails once. */
static void vgpu_create_without_memory(struct world *w)
{
	struct nvb_vgpu_config config = machine_vgpu_config(w->machine, 4, w->type);
	unsigned int held = machine_held(w->machine), nth;
	struct nvb_vgpu *vgpu = NULL;
	int ret;

	for (nth = 1;; nth++) {
		machine_fail(w->machine, ALLOCATION, nth);
		ret = nvb_vgpu_create(w->gpu, &config, &vgpu);
		if (!machine_failed_one(w->machine))
			break;
		expect("nvb_vgpu_create", "nvb_vgpu_create() without memory", ret, -ENOMEM);
		expect_true("nvb_vgpu_create", "a failure gives back what was taken", machine_held(w->machine) == held);
	}
	machine_fail(w->machine, ALLOCATION, 0);
	expect("nvb_vgpu_create", "nvb_vgpu_create() at last", ret, 0);
	expect_true("nvb_vgpu_create", "it allocates", nth > 1);
	EXPECT(nvb_vgpu_destroy, (vgpu), 0);
}

const struct test vgpu_tests[] = {
	TEST(types),
	TEST(vgpu_create_refuses),
	TEST(vgpu_life),
	TEST(vgpu_migration),
	SLOW(vgpu_create_fails),
	SLOW(vgpu_create_without_a_host),
	SLOW(vgpu_log_that_the_release_has_not),
	SLOW(vgpu_create_until_full),
	TEST(vgpu_create_without_memory),
	{ 0 },
};

// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Runs the contract tests. Output, one line each:
 *   run NAME                   it begins
 *   ok NAME
 *   FAIL NAME: CALL: expected E, found F
 *   seen FUNCTION ERRNO        every errno that a function was seen to return
 * Arguments: none, or the part of a name that tests to run must contain. With $NOVABRIDGE_QUICK slow tests are left out. A
 * test that takes longer than $NOVABRIDGE_TEST_LIMIT seconds ends the process by SIGALRM.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_SEEN 1024

static struct {
	const char *function;
	int errnum;
} seen[MAX_SEEN];
static unsigned int seen_count;

static const char *running;
static unsigned int failures;
/* Handlers of events say what they expect too, from the thread that they run in. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sigjmp_buf escape;

static void fail(const char *what, const char *expected, const char *found)
{
	pthread_mutex_lock(&lock);
	printf("FAIL %s: %s: expected %s, found %s\n", running, what, expected, found);
	failures++;
	pthread_mutex_unlock(&lock);
}

static const char *words(long long answer, char *buf, size_t len)
{
	if (answer == SUCCESS)
		snprintf(buf, len, "success");
	else if (answer < 0 && answer > -4096 && strerrorname_np(-answer))
		snprintf(buf, len, "-%s", strerrorname_np(-answer));
	else
		snprintf(buf, len, "%lld", answer);
	return buf;
}

static void see(const char *function, long long answer)
{
	unsigned int i;

	if (answer >= 0)
		return;
	pthread_mutex_lock(&lock);
	for (i = 0; i < seen_count; i++)
		if (seen[i].errnum == -answer && !strcmp(seen[i].function, function))
			break;
	if (i == seen_count && seen_count < MAX_SEEN) {
		seen[seen_count].function = function;
		seen[seen_count++].errnum = -answer;
	}
	pthread_mutex_unlock(&lock);
}

void expect(const char *function, const char *what, long long answer, long long expected)
{
	char a[64], b[64];

	see(function, answer);
	if (answer != expected && !(expected == SUCCESS && answer >= 0))
		fail(what, words(expected, a, sizeof(a)), words(answer, b, sizeof(b)));
}

void expect_one_of(const char *function, const char *what, long long answer, const int *errnos)
{
	char list[256] = "", a[64];
	const int *e;

	see(function, answer);
	for (e = errnos; *e; e++) {
		if (answer == -*e)
			return;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", e == errnos ? "" : " or ",
			 words(-*e, a, sizeof(a)));
	}
	fail(what, list, words(answer, a, sizeof(a)));
}

void expect_true(const char *function, const char *what, int fact)
{
	(void)function;
	if (!fact)
		fail(what, "it to hold", "it does not");
}

struct nvb_gpu *start_gpu(struct machine *m, const char *release)
{
	struct nvb_platform platform = machine_platform(m);
	struct nvb_boot_config config = machine_boot_config(m, release);
	struct nvb_gpu *gpu = NULL;
	char text[256] = "";
	int ret;

	ret = nvb_gpu_create(&platform, &gpu);
	if (ret) {
		fprintf(stderr, "nvb_gpu_create: %d\n", ret);
		return NULL;
	}
	machine_connect(m, gpu);
	ret = nvb_gpu_boot(gpu, &config);
	if (!ret)
		return gpu;
	nvb_gpu_last_error(gpu, text, sizeof(text));
	fprintf(stderr, "nvb_gpu_boot: %d: %s\n", ret, text);
	stop_gpu(m, gpu);
	return NULL;
}

void stop_gpu(struct machine *m, struct nvb_gpu *gpu)
{
	/* Interrupts are the way out of a shutdown's waits. */
	nvb_gpu_shutdown(gpu);
	machine_disconnect(m);
	nvb_gpu_destroy(gpu);
}

/* What stands in the way of the tests, in words. */
static int stuck(struct world *w, const char *at)
{
	char text[256] = "";

	if (w->gpu)
		nvb_gpu_last_error(w->gpu, text, sizeof(text));
	fprintf(stderr, "no GPU with a vGPU to test on: %s%s%s; is the firmware in $NOVABRIDGE_FIRMWARE?\n", at,
		*text ? ": " : "", text);
	return -1;
}

static int make_world(struct world *w)
{
	static const struct machine_options plain;
	struct nvb_vgpu_type_info info = { .size = sizeof(info) };
	struct nvb_vgpu_config config;
	struct nvb_platform platform;

	w->machine = machine_new(&plain);
	w->fresh_machine = machine_new(&plain);
	platform = machine_platform(w->fresh_machine);
	w->gpu = start_gpu(w->machine, "");
	if (!w->gpu || nvb_gpu_create(&platform, &w->fresh))
		return stuck(w, "boot");
	if (nvb_vgpu_type_at(w->gpu, 0, &info))
		return stuck(w, "nvb_vgpu_type_at");
	w->type = info.id;
	config = machine_vgpu_config(w->machine, 1, w->type);
	if (nvb_vgpu_create(w->gpu, &config, &w->stale))
		return stuck(w, "nvb_vgpu_create");
	if (nvb_vgpu_destroy(w->stale))
		return stuck(w, "nvb_vgpu_destroy");
	config = machine_vgpu_config(w->machine, 0, w->type);
	return nvb_vgpu_create(w->gpu, &config, &w->vgpu) ? stuck(w, "nvb_vgpu_create") : 0;
}

static void end_world(struct world *w)
{
	nvb_gpu_destroy(w->fresh);
	machine_free(w->fresh_machine);
	nvb_vgpu_destroy(w->vgpu);
	stop_gpu(w->machine, w->gpu);
	machine_free(w->machine);
}

static void crashed(int signal)
{
	siglongjmp(escape, signal);
}

/* From now on. */
static void limit_time(void)
{
	const char *limit = getenv("NOVABRIDGE_TEST_LIMIT");

	alarm(limit ? atoi(limit) : 0);
}

static void run(const struct test *test, struct world *w)
{
	unsigned int before = failures;
	int signal;

	running = test->name;
	printf("run %s\n", running);
	fflush(stdout);
	limit_time();
	signal = sigsetjmp(escape, 1);
	if (signal)
		fail("the call", "an answer", strsignal(signal));
	else
		test->run(w);
	if (failures == before)
		printf("ok %s\n", test->name);
	fflush(stdout);
}

static void run_all(const struct test *tests, struct world *w, const char *part)
{
	int quick = getenv("NOVABRIDGE_QUICK") != NULL;

	for (; tests->name; tests++)
		if (strstr(tests->name, part) && !(quick && tests->slow))
			run(tests, w);
}

int main(int argc, char **argv)
{
	static const struct test *const tables[] = { generated_tests, gpu_tests,     boot_tests,
						     vgpu_tests,      failure_tests, thread_tests };
	const char *part = argc > 1 ? argv[1] : "";
	struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_NODEFER };
	struct world world = { 0 };
	unsigned int i;

	/* Sanitizers report crashes themselves, and better. */
	if (!getenv("NOVABRIDGE_SANITIZED")) {
		sigaction(SIGSEGV, &action, NULL);
		sigaction(SIGBUS, &action, NULL);
		sigaction(SIGABRT, &action, NULL);
		sigaction(SIGILL, &action, NULL);
	}
	limit_time();
	if (make_world(&world)) {
		/* Or valgrind looks for leaks in all of the framebuffer. */
		end_world(&world);
		return 2;
	}
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run_all(tables[i], &world, part);
	end_world(&world);
	for (i = 0; i < seen_count; i++)
		printf("seen %s %s\n", seen[i].function, strerrorname_np(seen[i].errnum));
	return failures ? 1 : 0;
}

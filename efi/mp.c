// SPDX-License-Identifier: MIT
#include "efi/mp.h"

#include "efi/firmware.h"
#include "efi/protocols.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define JOBS		1024	/* one batch; a full one is drained before the next begins */
#define START_AFTER	16	/* chunks: firmware notices the end of its CPUs' work only every 100 ms */
#define WORKERS_MAX	8	/* more only fight for the queue */
#define STUCK_US	10000000
#define JOIN_US		3000000

enum job_state { JOB_WAITING, JOB_TAKEN, JOB_DONE };

struct job {
	struct chunk_digest *out;	/* W: boss, before it publishes the job */
	const void *data;
	uint32_t length;
	shared_u32 state;		/* enum job_state. W: boss before publishing, then who took it */
};

static struct {
	struct mp_services *services;	/* NULL: the boss is alone */
	EFI_EVENT finished;		/* NULL: the CPUs have not been started */
	unsigned published_chunks;	/* of this load */
	bool broken;			/* a CPU kept a job: it may still write */
	uint32_t drained;		/* jobs before it are done and forgotten */
	/* Both only grow, so that an old value is never taken for a new one; job n lives in jobs[n % JOBS]. */
	shared_u32 head;		/* jobs published. W: boss, release. R: all, acquire */
	shared_u32 next;		/* first job nobody has taken. W, R: all, CAS */
	shared_u32 workers;		/* CPUs that came. W: each once */
	shared_u32 stop;		/* W: boss. R: workers, acquire */
	struct job jobs[JOBS];
} mp;

/* Takes one job and does it. False: none is waiting. Any CPU. */
static bool do_one(void)
{
	/* order: the job is read after the head that covers it. pairs with: submit(). else: a job half written. */
	uint32_t head = shared_load_acquire_u32(&mp.head), next = shared_load_relaxed_u32(&mp.next);
	struct job *job;

	if (next >= head)
		return false;
	/* order: taken before touched, by one CPU only. pairs with: do_one(). else: two CPUs write one digest and the
	 * batch ends with a job undone. */
	if (!shared_cas_seq_cst_u32(&mp.next, next, next + 1))
		return true;
	job = &mp.jobs[next % JOBS];
	chunk_digest_compute(job->out, job->data, job->length);
	/* order: the digest before DONE. pairs with: drain(). else: the boss reads a digest that is not there yet. */
	shared_store_release_u32(&job->state, JOB_DONE);
	return true;
}

/* Runs on firmware's CPUs, on their stacks of 32 KiB, with nothing of boot services allowed. */
static void EFIAPI worker(void *argument)
{
	(void)argument;
	/* order: none needed, a count. pairs with: worker(). else: nothing, one worker more or less. */
	if (shared_add_seq_cst_u32(&mp.workers, 1) >= WORKERS_MAX)
		return;
	/* order: stop is seen only after every job before it. pairs with: mp_join(). else: nothing is lost, the boss
	 * has drained by then. */
	while (!shared_load_acquire_u32(&mp.stop))
		if (!do_one())
			cpu_relax();
}

static void start_workers(void)
{
	if (mp.finished || !mp.services ||
	    firmware.boot->CreateEvent(0, 0, NULL, NULL, &mp.finished))
		return;
	shared_store_relaxed_u32(&mp.stop, 0);
	shared_store_relaxed_u32(&mp.workers, 0);
	if (mp.services->startup_all_aps(mp.services, worker, FALSE, mp.finished, 0, NULL, NULL)) {
		firmware.boot->CloseEvent(mp.finished);
		mp.finished = NULL;
		mp.services = NULL;
	}
}

/* The boss helps, then waits for what others have in hands. A job that stays out past the deadline is done again
 * here, and mp_join() will refuse: its CPU may write at any time. */
static void drain(void *ctx)
{
	uint32_t head = shared_load_relaxed_u32(&mp.head), i;
	uint64_t start;

	(void)ctx;
	while (do_one())
		;
	start = firmware_now_us();
	for (i = mp.drained; i != head; i++) {
		struct job *job = &mp.jobs[i % JOBS];

		/* order: DONE before the digest is used. pairs with: do_one(). else: an old digest is believed. */
		while (shared_load_acquire_u32(&job->state) != JOB_DONE && !mp.broken) {
			cpu_relax();
			mp.broken = firmware_now_us() - start > STUCK_US;
		}
		if (shared_load_relaxed_u32(&job->state) != JOB_DONE)
			chunk_digest_compute(job->out, job->data, job->length);
	}
	mp.drained = head;
}

static void submit(void *ctx, struct chunk_digest *out, const void *data, uint32_t length)
{
	uint32_t head = shared_load_relaxed_u32(&mp.head);
	struct job *job = &mp.jobs[head % JOBS];

	if (mp.broken || !mp.services) {
		chunk_digest_compute(out, data, length);
		return;
	}
	if (head - mp.drained == JOBS)
		drain(ctx);
	job->out = out;
	job->data = data;
	job->length = length;
	shared_store_relaxed_u32(&job->state, JOB_WAITING);
	/* order: the job before the head that covers it. pairs with: do_one(). else: a CPU hashes what is not there. */
	shared_store_release_u32(&mp.head, head + 1);
	if (++mp.published_chunks == START_AFTER)
		start_workers();
	/* Until then, and where they did not start, the boss must not pile work up. */
	if (!mp.finished)
		do_one();
}

static const struct hasher hasher_mp = { .submit = submit, .drain = drain };

const struct hasher *mp_hasher(void)
{
	UINTN total = 0, enabled = 0;

	mp.published_chunks = 0;
	if (mp.broken || sha256_engine() == SHA256_NI)
		return &hasher_inline;
	if (firmware.boot->LocateProtocol(&guid_mp_services, NULL, (void **)&mp.services))
		mp.services = NULL;
	if (mp.services && (mp.services->get_number_of_processors(mp.services, &total, &enabled) || enabled < 2))
		mp.services = NULL;
	return mp.services ? &hasher_mp : &hasher_inline;
}

enum status mp_join(struct problem *problem)
{
	uint64_t start = firmware_now_us();
	EFI_STATUS status = EFI_NOT_READY;

	if (!mp.finished)
		return OK;
	/* order: everything drained before stop. pairs with: worker(). else: a job stays undone. */
	shared_store_release_u32(&mp.stop, 1);
	while (!mp.broken && firmware_now_us() - start < JOIN_US) {
		status = firmware.boot->CheckEvent(mp.finished);
		if (status != EFI_NOT_READY)
			break;
		firmware.boot->Stall(1000);
	}
	if (status) {
		mp.broken = true;
		return problem_set(problem, E_FIRMWARE, "a CPU that hashed for us did not go back to firmware in %u s",
				   JOIN_US / 1000000);
	}
	firmware.boot->CloseEvent(mp.finished);
	mp.finished = NULL;
	return OK;
}

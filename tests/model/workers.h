/* workers.h - the threads of a model are threads of workers; included before the code under test
 *
 * The thread-local that says where we are goes with the thread of the model, and to spin is to wait until the lock is free. */
#ifndef ROTA_TESTS_WORKERS_H
#define ROTA_TESTS_WORKERS_H

#include "explore.h"

struct rota__worker;
extern _Thread_local struct rota__worker *rota__worker_here __attribute__((tls_model("initial-exec")));

static inline void point(void)
{
	struct rota__worker *here = rota__worker_here;

	explore_point();
	rota__worker_here = here;
}

static inline void wait_for(bool (*ready)(void))
{
	struct rota__worker *here = rota__worker_here;

	explore_wait(ready);
	rota__worker_here = here;
}

#define explore_point() point()

static struct {
	const void *place;
	bool is_word; /* else a byte */
} spun_on[EXPLORE_THREADS_MAX];

static inline bool is_free(void)
{
	const void *place = spun_on[explore_me()].place;

	return spun_on[explore_me()].is_word ? *(const uint32_t *)place == 0 : *(const uint8_t *)place == 0;
}

static inline void model_wait_zero(const uint32_t *word)
{
	spun_on[explore_me()].place = word;
	spun_on[explore_me()].is_word = true;
	wait_for(is_free);
}

static inline void model_spin_wait(uint8_t *lock)
{
	spun_on[explore_me()].place = lock;
	spun_on[explore_me()].is_word = false;
	wait_for(is_free);
	*lock = 1; /* nobody ran since we looked */
}

static inline bool model_fence(void)
{
	point();
	explore_fence_all();
	return true;
}

#endif

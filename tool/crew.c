/* crew.c - the same work on several threads, each in a run of its own */
#include <stdlib.h>

#include "crew.h"

unsigned crew_default_size(void)
{
	unsigned count = rota_cpu_count();

	return count < CREW_MAX ? count : CREW_MAX;
}

/* ---- stopping: a post to each loop, which cancels the member's task there ---- */

static void cancel_member(struct rota_post *post)
{
	struct crew_member *member =
		(struct crew_member *)((char *)post - offsetof(struct crew_member, cancel));

	if (member->task != NULL)
		rota_task_cancel(member->task);
}

static void stop_locked(struct crew *crew)
{
	if (crew->stopped)
		return;
	crew->stopped = true;
	for (unsigned i = 0; i < crew->size; i++)
		if (crew->members[i].loop != NULL)
			rota_post(crew->members[i].loop, &crew->members[i].cancel);
}

void crew_stop(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	stop_locked(crew);
	pthread_mutex_unlock(&crew->lock);
}

/* ---- a member's life ---- */

static void failed(struct crew *crew, int rc)
{
	pthread_mutex_lock(&crew->lock);
	if (crew->error == 0)
		crew->error = rc;
	stop_locked(crew);
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
}

/* The last one to come opens the door.  False: somebody has failed meanwhile. */
static bool wait_for_all(struct crew *crew)
{
	bool all;

	pthread_mutex_lock(&crew->lock);
	if (++crew->ready == crew->size && crew->error == 0 && crew->started != NULL)
		crew->started(crew);
	pthread_cond_broadcast(&crew->changed);
	while (crew->ready < crew->size && crew->error == 0)
		pthread_cond_wait(&crew->changed, &crew->lock);
	all = crew->error == 0;
	pthread_mutex_unlock(&crew->lock);
	return all;
}

static void *thread_main(void *arg);

static int start_threads(struct crew *crew)
{
	for (unsigned i = 1; i < crew->size; i++) {
		int rc = pthread_create(
			&crew->members[i].thread, NULL, thread_main, &crew->members[i]);

		if (rc != 0) {
			failed(crew, -rc);
			return -rc;
		}
	}
	return 0;
}

static int work(void *arg)
{
	struct crew_member *member = arg;

	member->result = member->crew->work(member);
	return member->result;
}

static int begin(struct crew_member *member)
{
	struct crew *crew = member->crew;
	int rc = crew->start != NULL ? crew->start(member) : 0;

	if (rc == 0 && member->number == 0)
		rc = start_threads(crew);
	return rc;
}

/* A task of its own, so that it can be cancelled and the first one still waits for it. */
static int work_until_stopped(struct crew_member *member)
{
	struct crew *crew = member->crew;
	struct rota_scope scope;
	int rc;

	rota_scope_open(&scope);
	rc = rota_spawn_task(&member->task, &scope, work, member, NULL);
	pthread_mutex_lock(&crew->lock);
	member->loop = rota_loop_current();
	if (crew->stopped && rc == 0)
		rota_task_cancel(member->task);
	pthread_mutex_unlock(&crew->lock);
	rota_scope_join(&scope);
	pthread_mutex_lock(&crew->lock);
	member->loop = NULL; /* a post that is on its way runs before the run ends */
	member->task = NULL;
	pthread_mutex_unlock(&crew->lock);
	return rc < 0 ? rc : member->result;
}

static int first_task(void *arg)
{
	struct crew_member *member = arg;
	struct crew *crew = member->crew;
	int rc = begin(member);

	if (rc < 0) {
		failed(crew, rc); /* now, not at the end: the others are waiting for us */
	} else if (!wait_for_all(crew)) {
		rc = -ECANCELED;
	} else {
		rc = work_until_stopped(member);
		/* A signal reaches the runs that there are; later ones learn of it here. */
		if (rc == -ECANCELED)
			crew_stop(crew);
	}
	if (crew->finish != NULL)
		crew->finish(member);
	return rc;
}

static void *thread_main(void *arg)
{
	struct crew_member *member = arg;

	member->result = rota_run(first_task, member, &member->crew->options);
	if (member->result < 0 && member->result != -ECANCELED)
		failed(member->crew, member->result);
	return NULL;
}

int crew_run(struct crew *crew)
{
	int rc;

	crew->members = calloc(crew->size, sizeof *crew->members);
	if (crew->members == NULL)
		return -ENOMEM;
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->changed, NULL);
	for (unsigned i = 0; i < crew->size; i++) {
		crew->members[i].crew = crew;
		crew->members[i].number = i;
		crew->members[i].cancel.fn = cancel_member;
	}
	thread_main(&crew->members[0]);
	for (unsigned i = 1; i < crew->size; i++)
		if (crew->members[i].thread != 0)
			pthread_join(crew->members[i].thread, NULL);
	rc = crew->error != 0 ? crew->error : crew->members[0].result;
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
	free(crew->members);
	return rc;
}

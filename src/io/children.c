/* children.c - ends of processes where the system has no pidfds; and what detached ones leave behind
 *
 * Without a pidfd there is only SIGCHLD, which says "look": so all children of the loop are looked at,
 * each by its own number, because others may have children of their own in this process. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#include "io/children.h"
#include "io/process.h"
#include "io/signal.h"
#include "os/mem.h"

bool rota__process_no_pidfd;

/* One for each loop that has such children. */
struct children {
	struct list link;
	struct list processes;
	struct rota_loop *loop;
	unsigned count;
	struct rota__signal_watch watch;
	struct rota__node first_look; /* at one that may have ended before we listened */
	bool first_queued;
	struct rota_post last; /* after all posts of the watch */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list every = { &every, &every };

/* A callback may close any process, and start others: so each goes back before it is looked at. */
static void look(struct children *c)
{
	struct list due;

	list_move(&due, &c->processes);
	c->count++; /* callbacks may end the last one */
	while (!list_empty(&due)) {
		struct rota_process *p = list_first(&due, struct rota_process, child);

		list_remove(&p->child);
		list_append(&c->processes, &p->child);
		rota__process_look(p);
		rota__loop_after_callback(c->loop, (struct rota__origin){ .kind = "process" });
	}
	rota__children_leave(c->loop);
}

static void sigchld(struct rota__signal_watch *watch, int signo)
{
	look(container_of(watch, struct children, watch));
}

static void first_look(struct rota__node *node)
{
	struct children *c = container_of(node, struct children, first_look);

	c->first_queued = false;
	look(c);
	rota__children_leave(c->loop);
}

/* The child must not find it taken by a thread that it does not have. */
static void lock_for_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void at_fork(void)
{
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

static struct children *children_of(struct rota_loop *loop)
{
	struct children *found = NULL;
	struct list *it;

	pthread_mutex_lock(&lock);
	list_each(it, &every)
		if (container_of(it, struct children, link)->loop == loop)
			found = container_of(it, struct children, link);
	pthread_mutex_unlock(&lock);
	return found;
}

static int children_new(struct rota_loop *loop, struct children **ret)
{
	struct children *c = rota__alloc_zero(sizeof *c);
	int rc;

	if (c == NULL)
		return -ENOMEM;
	rc = rota__signal_watch_start(&c->watch, loop, sigchld, (const int[]){ SIGCHLD }, 1);
	if (rc < 0) {
		rota__free(c);
		return rc;
	}
	c->loop = loop;
	c->first_look.fn = first_look;
	list_init(&c->processes);
	pthread_mutex_lock(&lock);
	list_append(&every, &c->link);
	pthread_mutex_unlock(&lock);
	*ret = c;
	return 0;
}

int rota__children_add(struct rota_process *p)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct children *c;
	int rc;

	pthread_once(&once, at_fork);
	c = children_of(p->loop);
	rc = c != NULL ? 0 : children_new(p->loop, &c);
	if (rc < 0)
		return rc;
	list_append(&c->processes, &p->child);
	c->count++;
	if (!c->first_queued) {
		c->first_queued = true;
		c->count++;
		rota__loop_defer(p->loop, &c->first_look);
	}
	return 0;
}

static void free_children(struct rota_post *post)
{
	rota__free(container_of(post, struct children, last));
}

void rota__children_leave(struct rota_loop *loop)
{
	struct children *c = children_of(loop);

	if (--c->count > 0)
		return;
	pthread_mutex_lock(&lock);
	list_remove(&c->link);
	pthread_mutex_unlock(&lock);
	rota__signal_watch_stop(&c->watch);
	c->last.fn = free_children;
	rota_post(loop, &c->last);
}

/* ---- orphans ---- */

static struct rota__orphan *orphans;

void rota__orphan_add(struct rota__orphan *orphan)
{
	pthread_mutex_lock(&lock);
	orphan->next = orphans;
	orphans = orphan;
	pthread_mutex_unlock(&lock);
	rota__orphans_look();
}

static bool gone(pid_t pid)
{
	pid_t rc;

	do
		rc = waitpid(pid, NULL, WNOHANG);
	while (rc < 0 && rota_errno() == -EINTR);
	return rc != 0; /* also -ECHILD: after a fork it is our parent's */
}

void rota__orphans_look(void)
{
	struct rota__orphan **at = &orphans;

	pthread_mutex_lock(&lock);
	while (*at != NULL) {
		struct rota__orphan *orphan = *at;

		if (gone(orphan->pid)) {
			*at = orphan->next;
			rota__free(orphan);
		} else {
			at = &orphan->next;
		}
	}
	pthread_mutex_unlock(&lock);
}

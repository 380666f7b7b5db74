/* record.c - the records of tasks, and a place in the ready ring for each
 *
 * They come in slabs that a worker keeps to its end; in a team records that are free go from worker to worker (team.c). */
#include "base/atomic.h"
#include "os/mem.h"
#include "task/task.h"
#include "task/team.h"

enum {
	FIRST_RING = 64,
	SLAB_RECORDS = 256,
	IDS_AT_A_TIME = 1 << 16,
};

/* Half a cache line: the first of a record is what switches touch. */
enum { RECORD_ALIGN = 32 };
_Static_assert(sizeof(struct rota_task) % RECORD_ALIGN == 0, "records keep their alignment");

struct record_slab {
	struct record_slab *next;
	char memory[SLAB_RECORDS * sizeof(struct rota_task) + RECORD_ALIGN - 1];
};

/* The ring has a place for every task, so that waking one can never fail. */
static bool ring_reserve(struct rota__worker *w)
{
	uint32_t room = w->room != 0 ? 2 * w->room : FIRST_RING;
	struct rota__ready *ring;

	/* In a team `tasks` may pass below 0: records come back to another worker than gave them. */
	if (w->tasks < w->room || w->team != NULL)
		return true;
	ring = rota__alloc_zero(room * sizeof *ring);
	if (ring == NULL)
		return false;
	for (uint32_t i = w->head; i != w->tail; i++)
		ring[i & (room - 1)] = w->ring[i & w->mask];
	rota__free(w->ring);
	w->ring = ring;
	w->mask = room - 1;
	w->room = room;
	return true;
}

static bool records_grow(struct rota__worker *w)
{
	struct record_slab *slab = rota__alloc(sizeof *slab);
	struct rota_task *records;

	if (slab == NULL)
		return false;
	slab->next = w->slabs;
	w->slabs = slab;
	records = (struct rota_task *)(((uintptr_t)slab->memory + RECORD_ALIGN - 1) & -(uintptr_t)RECORD_ALIGN);
	for (int i = SLAB_RECORDS - 1; i >= 0; i--) {
		struct rota_task *task = &records[i];

		/* Field by field: most of a record is set at every spawn. */
		task->sp = NULL;
		task->stack = NULL;
		task->innermost = NULL;
		task->locks = 0;
		task->wait = NULL;
		task->joiners = NULL;
		task->locals = NULL;
		task->found = NULL;
		task->next = w->free_records;
		w->free_records = task;
	}
	w->free_record_count = SLAB_RECORDS;
	return true;
}

/* See that there is a free record, and a place for it. */
static __attribute__((noinline)) bool records_reserve(struct rota__worker *w)
{
	return ring_reserve(w) && (w->free_records != NULL || (w->team != NULL && rota__team_take_records(w)) ||
		records_grow(w));
}

static uint64_t id_new(struct rota__worker *w)
{
	static uint64_t ids = 1;

	if (w->next_id == w->last_id) {
		w->next_id = add_relaxed(&ids, IDS_AT_A_TIME);
		w->last_id = w->next_id + IDS_AT_A_TIME;
	}
	return w->next_id++;
}

struct rota_task *rota__record_new(struct rota__worker *w)
{
	struct rota_task *task;

	if (__builtin_expect(w->tasks >= w->room || w->free_records == NULL, 0) && !records_reserve(w))
		return NULL;
	task = w->free_records;
	w->free_records = task->next;
	w->free_record_count--;
	w->tasks++;
	store_relaxed(&task->worker, w); /* a survey may still look at whose record it was */
	task->id = __builtin_expect(w->next_id != w->last_id, 1) ? w->next_id++ : id_new(w);
	task->state = TASK_READY;
	task->flags = task->lock = 0;
	task->joins = 0;
	store_relaxed(&task->pinned, 0); /* the watchdog may look at what was here before */
	return task;
}

void rota__record_free(struct rota__worker *w, struct rota_task *task)
{
	task->next = w->free_records;
	w->free_records = task;
	w->free_record_count++;
	w->tasks--;
	if (__builtin_expect(w->team != NULL, 0))
		rota__team_give_records(w);
}

void rota__records_fini(struct rota__worker *w)
{
	struct record_slab *slab;

	rota__free(w->ring);
	while ((slab = w->slabs) != NULL) {
		w->slabs = slab->next;
		rota__free(slab);
	}
}

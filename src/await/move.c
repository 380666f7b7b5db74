/* move.c - connections that only wait go to other workers
 *
 * A worker that should have fewer connections (task/team_place.c says how many) tells the readers of some that wait: their wait ends with
 * ROTA__ELSEWHERE, which no program sees.
 *
 *	waits on one loop --told--> op ended --nobody else inside?--> leaves the poller, the counts, the list -->
 *	the task travels --> enters the other's list --> waits there
 *	    \--bytes came first: they are read, and it stays until it is told again
 *
 * On a loop whose worker is out of service no read begins to wait before this was tried. */
#include "await/move.h"

#include "await/await.h"

/* Holding nothing that belongs to this loop but `calls` calls' pins; under group, where a program may share data with what it
 * has spawned there, nothing at all. */
static bool may_leave(const struct rota_task *task, unsigned calls)
{
	return task->pinned == calls && (task->worker->team->steal || task->innermost == NULL);
}

void rota__connection_move(struct rota_stream *s)
{
	struct rota_task *task = rota__current();
	struct rota__worker *to;

	if (s->users != 1 || !list_linked(&s->link) || !may_leave(task, 1))
		return;
	to = rota__team_better_place(task->worker);
	if (to == NULL)
		return;
	rota__stream_depart(s, to->loop);
	rota__unpin(task);
	rota__move_to(task, to->loop);
	rota__pin(task);
	rota__connection_arrive(s);
}

/* ---- telling them ---- */

/* Its reader waits, and nothing else is there: the pins are those of the call and of its wait. */
static bool may_be_told(const struct rota_stream *s)
{
	if (s->users != 1 || s->closed || s->writer != NULL || s->reader == NULL || !rota__waits_here(s->reader))
		return false;
	return s->by_server || may_leave(s->reader->task, 2);
}

static void shed(struct rota__worker *w, uint32_t count)
{
	struct list *it;

	list_each(it, &w->loop->served)
	{
		struct rota_stream *s = container_of(it, struct rota_stream, link);

		if (count == 0)
			return;
		if (may_be_told(s)) {
			rota__cut_short(s->reader, ROTA__ELSEWHERE);
			count--;
		}
	}
}

void rota__connection_arrive(struct rota_stream *s)
{
	struct rota__worker *w = s->loop->tasks;

	w->shed = shed;
	rota__stream_arrive(s);
	if (s->travels)
		rota__team_even_out(w->team);
	s->travels = false;
}

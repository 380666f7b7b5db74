/* request.c - from the call of a request to its callback (request.h)
 *
 *   BEGUN --op completed, work done, ...--> fn()
 *     \--cancel--> ENDING --the same, mostly with -ECANCELED--> fn() */
#include "io/file_info.h"
#include "io/request.h"

union inside {
	struct rota__request_op op;
	struct rota__request_work work;
};

enum { INSIDE_WORDS = sizeof(((struct rota_request *)0)->inside) / sizeof(uint64_t) };

_Static_assert(sizeof(union inside) <= sizeof(((struct rota_request *)0)->inside),
	"struct rota_request has room for all of its kinds");

static union inside *inside(struct rota_request *r)
{
	return (union inside *)(void *)r->inside;
}

static struct rota_request *request_of(void *its_inside)
{
	return container_of((uint64_t (*)[INSIDE_WORDS])its_inside, struct rota_request, inside);
}

static struct list *link_of(struct rota_request *r)
{
	return (struct list *)(void *)r->link;
}

#ifndef NDEBUG
static bool intact(const struct rota__lent_note *note)
{
	const struct rota_request *r = note->object;

	return r->loop == note->owner && r->site == note->site;
}

static void note(const struct rota_request *r, struct rota_loop *loop, const char *site)
{
	static const struct rota__note_kind kind = { "asked for", "its callback", intact };

	rota__notes_add(&loop->notes, (struct rota__lent_note){ r, loop, "request", site, &kind });
}

static void forget(const struct rota_request *r)
{
	rota__notes_remove(&r->loop->notes, r);
}
#else
static inline void note(const struct rota_request *r, struct rota_loop *loop, const char *site)
{
}

static inline void forget(const struct rota_request *r)
{
}
#endif

static struct rota_loop *begin(struct rota_loop *loop, struct rota_request *r,
	void (*cancel)(struct rota_request *request), rota_request_fn fn, const char *site)
{
	loop = rota__loop_mine(loop);
	if (loop == NULL)
		return NULL;
	note(r, loop, site); /* first: one that is still on its way is named */
	r->loop = loop;
	r->fn = fn;
	r->cancel = cancel;
	r->site = site;
	list_append(&loop->requests, link_of(r));
	return loop;
}

static void end(struct rota_request *r)
{
	forget(r);
	list_remove(link_of(r));
	r->cancel = NULL;
}

static void tell(struct rota_request *r, int64_t result)
{
	if (r->fn == NULL)
		return;
	rota__callback_of(r->loop, (struct rota__origin){ "request", r->site, (void (*)(void))r->fn });
	r->fn(r, result);
}

/* ---- ops ---- */

static void op_done(struct rota__op *op)
{
	struct rota__request_op *o = container_of(op, struct rota__request_op, op);

	if (op->kind == OP_STATX && op->result == 0)
		*o->stat.ret_info = rota__file_info(&o->stat.stx);
	end(request_of(o));
	tell(request_of(o), op->result);
}

/* One of several is done: is another to follow? */
static bool goes_on(const struct rota__request_op *o)
{
	return o->op.result > 0 && o->moved.done < o->moved.size && !o->moved.cancelled;
}

static int64_t result_of_all(const struct rota__request_op *o)
{
	if (o->moved.done == o->moved.size)
		return (int64_t)o->moved.size;
	return o->op.result < 0 ? o->op.result : o->moved.cancelled ? -ECANCELED : ROTA_EOF;
}

static void some_done(struct rota__op *op)
{
	struct rota__request_op *o = container_of(op, struct rota__request_op, op);

	if (op->result > 0)
		o->moved.done += (size_t)op->result;
	if (goes_on(o)) {
		op->buf.base = (char *)op->buf.base + op->result;
		op->buf.len = rota__moved_at_once(o->moved.size - o->moved.done);
		if (op->buf.offset != ROTA_FILE_POSITION)
			op->buf.offset += (uint64_t)op->result;
		rota__op_submit_with(request_of(o)->loop, op, &o->space, request_of(o)->site);
		return;
	}
	if (o->moved.ret_done != NULL)
		*o->moved.ret_done = o->moved.done;
	end(request_of(o));
	tell(request_of(o), result_of_all(o));
}

static void cancel_op(struct rota_request *r)
{
	struct rota__request_op *o = &inside(r)->op;

	if (o->op.done == some_done)
		o->moved.cancelled = true;
	if (o->op.kind != OP_CLOSE)
		rota__op_cancel(r->loop, &o->op);
}

int rota__request_op(struct rota_loop *loop, struct rota_request *r, struct rota__op op,
	struct rota_file_info *ret_info, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();
	struct rota__request_op *o = &inside(r)->op;

	if (!rota__file_op_given(&op, ret_info))
		return -EINVAL;
	loop = begin(loop, r, cancel_op, fn, site);
	if (loop == NULL)
		return -EPERM;
	o->op = op;
	o->op.done = op_done;
	if (op.kind == OP_STATX) {
		o->stat.ret_info = ret_info;
		o->op.path.statx = &o->stat.stx;
	}
	rota__op_submit_with(loop, &o->op, &o->space, site);
	return 0;
}

int rota__request_op_all(struct rota_loop *loop, struct rota_request *r, struct rota__op op, size_t size,
	size_t *ret_done, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();
	struct rota__request_op *o = &inside(r)->op;

	if (!rota__file_op_given(&op, NULL))
		return -EINVAL;
	loop = begin(loop, r, cancel_op, fn, site);
	if (loop == NULL)
		return -EPERM;
	o->op = op;
	o->op.done = some_done;
	o->moved.cancelled = false;
	o->moved.size = size;
	o->moved.done = 0;
	o->moved.ret_done = ret_done;
	rota__op_submit_with(loop, &o->op, &o->space, site);
	return 0;
}

/* ---- work ---- */

static void run(struct rota__job *job)
{
	struct rota__request_work *w = container_of(job, struct rota__request_work, job);
	int rc = w->fn(w->arg);

	request_of(w)->result = w->arg == &w->args && w->args.moved > 0 ? w->args.moved : rc;
}

static void ran(struct rota__job *job)
{
	struct rota__request_work *w = container_of(job, struct rota__request_work, job);

	rota_post(request_of(w)->loop, &w->post);
}

static void work_told(struct rota_post *post)
{
	struct rota_request *r = request_of(container_of(post, struct rota__request_work, post));

	rota__request_tell(r, r->result);
}

static void cancel_work(struct rota_request *r)
{
	if (rota__work_cancel(&inside(r)->work.job))
		rota__request_tell_later(r, -ECANCELED);
}

static int start_work(struct rota_loop *loop, struct rota_request *r, int (*work)(void *arg), void *arg, uint8_t lane,
	rota_request_fn fn, const char *site)
{
	struct rota__request_work *w = &inside(r)->work;
	int rc;

	loop = begin(loop, r, cancel_work, fn, site);
	if (loop == NULL)
		return -EPERM;
	w->job = (struct rota__job){ .run = run, .done = ran, .lane = lane, .site = site };
	w->post = (struct rota_post){ .fn = work_told };
	w->fn = work;
	w->arg = arg;
	loop->alive++;
	loop->offloaded++;
	rc = rota__work_submit(&w->job);
	if (rc < 0)
		rota__request_undo(r);
	return rc;
}

int rota__request_work(struct rota_loop *loop, struct rota_request *r, int (*work)(void *arg),
	struct rota__file_args args, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();

	if (!rota__file_args_given(work, &args))
		return -EINVAL;
	inside(r)->work.args = args;
	return start_work(loop, r, work, &inside(r)->work.args, WORK_FILES, fn, site);
}

int rota_request_blocking_at(struct rota_loop *loop, struct rota_request *r, int (*work)(void *arg), void *arg,
	rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();

	return work == NULL ? -EINVAL : start_work(loop, r, work, arg, WORK_USER, fn, site);
}

/* ---- others ---- */

struct rota_loop *rota__request_begin(struct rota_loop *loop, struct rota_request *r,
	void (*cancel)(struct rota_request *request), rota_request_fn fn, const char *site)
{
	loop = begin(loop, r, cancel, fn, site);
	if (loop == NULL)
		return NULL;
	loop->alive++;
	loop->offloaded++;
	return loop;
}

void rota__request_undo(struct rota_request *r)
{
	end(r);
	r->loop->alive--;
	r->loop->offloaded--;
}

/* ---- the list of what keeps the loop alive ---- */

void rota__requests_list(struct rota_loop *loop, rota_alive_fn fn, void *arg)
{
	struct list *it;

	list_each(it, &loop->requests)
	{
		const struct rota_request *r = container_of((void *(*)[2])(void *)it, struct rota_request, link);
		struct rota_alive what = rota__alive("request", r->site, true);

		what.fn = (void (*)(void))r->fn;
		fn(&what, arg);
	}
}

/* ---- the last word ---- */

void rota__request_tell(struct rota_request *r, int64_t result)
{
	rota__request_undo(r);
	tell(r, result);
}

static void told_later(struct rota__node *node)
{
	work_told((struct rota_post *)(void *)node);
}

/* Whatever kind it is: its own memory is not used any more. */
void rota__request_tell_later(struct rota_request *r, int64_t result)
{
	struct rota__node *node = (struct rota__node *)(void *)&inside(r)->work.post;

	r->result = result;
	r->cancel = NULL;
	node->fn = told_later;
	rota__loop_defer(r->loop, node);
}

void rota_request_cancel(struct rota_request *r)
{
	ROTA_INSIDE();

	if (r->cancel == NULL)
		return;
	rota__loop_must_be_mine(r->loop, "rota_request_cancel", "request", r->site);
	r->cancel(r);
}

/* handle.c - the life of a handle (handle.h) */
#include <assert.h>

#include "io/handle.h"
#include "loop/alive.h"
#include "os/mem.h"

static const struct rota__handle_kind *const kinds[HANDLE_KINDS] = {
#define X(name) [KIND_##name] = &rota__kind_##name,
	ROTA__HANDLE_KINDS(X)
#undef X
};

/* ---- handles whose memory is used for something else before they were closed (os/notes.h) ---- */
#ifndef NDEBUG

static bool intact(const struct rota__lent_note *note)
{
	const struct rota_handle *h = note->object;

	return h->loop == note->owner && h->site == note->site && h->kind < HANDLE_KINDS && kinds[h->kind]->name == note->name &&
		h->state >= HANDLE_OPEN && h->state <= HANDLE_FINISHED;
}

static void note(const struct rota_handle *h)
{
	static const struct rota__note_kind kind = { "opened", "it was closed", intact };

	rota__notes_add(&h->loop->notes, (struct rota__lent_note){ h, h->loop, kinds[h->kind]->name, h->site, &kind });
}

static void forget(const struct rota_handle *h)
{
	rota__notes_remove(&h->loop->notes, h);
}

#else

static inline void note(const struct rota_handle *h)
{
}

static inline void forget(const struct rota_handle *h)
{
}

#endif

/* ---- opening ---- */

/* The loop's list head is a pair of pointers like next and prev. */
_Static_assert(offsetof(struct rota_handle, prev) - offsetof(struct rota_handle, next) ==
		offsetof(struct list, prev) - offsetof(struct list, next),
	"a handle's links are a list's");

static struct list *link_of(struct rota_handle *h)
{
	return (struct list *)(void *)&h->next;
}

struct rota_handle *rota__handle_of_link(struct list *link)
{
	return (struct rota_handle *)(void *)((char *)link - offsetof(struct rota_handle, next));
}

int rota__handle_may_open(const struct rota_handle *h, struct rota_loop *loop)
{
	if (loop == NULL || rota__loop_mine(loop) == NULL)
		return -EPERM;
	return h->state == HANDLE_NONE ? 0 : -EBUSY;
}

int rota__handle_open(struct rota_handle *h, struct rota_loop *loop, uint8_t kind, const char *site)
{
	int rc = rota__handle_may_open(h, loop);

	if (rc < 0)
		return rc;
	h->loop = loop;
	h->site = site;
	h->on_close = NULL;
	h->kind = kind;
	h->state = HANDLE_OPEN;
	h->flags = 0;
	h->pending = 0;
	list_append(&loop->handles, link_of(h));
	note(h);
	return 0;
}

void rota__handle_undo(struct rota_handle *h)
{
	list_remove(link_of(h));
	forget(h);
	h->state = HANDLE_NONE;
}

/* ---- what is pending ---- */

void rota__handle_timed(struct rota_handle *h, void (*fn)(void))
{
	rota__callback_of(h->loop, (struct rota__origin){ kinds[h->kind]->name, h->site, fn });
}

static bool unreferenced(const struct rota_handle *h)
{
	return h->flags & HANDLE_UNREF;
}

void rota__handle_submit(struct rota_handle *h, struct rota__op *op, void (*done)(struct rota__op *op))
{
	h->pending++;
	h->ops++;
	op->done = done;
	op->state = OP_FREE;
	rota__op_submit(h->loop, op);
	if (unreferenced(h))
		h->loop->alive--;
}

void rota__handle_arrived(struct rota_handle *h)
{
	assert(h->pending > 0 && h->ops > 0);
	rota__handle_calls(h, NULL);
	h->pending--;
	h->ops--;
	if (unreferenced(h))
		h->loop->alive++; /* the loop has just counted the op out */
}

void rota__handle_defer(struct rota_handle *h, struct rota__node *node, void (*fn)(struct rota__node *node))
{
	h->pending++;
	node->fn = fn;
	rota__loop_defer(h->loop, node);
}

void rota__handle_ran(struct rota_handle *h)
{
	assert(h->pending > 0);
	rota__handle_calls(h, NULL);
	h->pending--;
}

/* ---- references ---- */

static uint32_t weight(const struct rota_handle *h)
{
	return h->ops + (h->flags & HANDLE_HELD ? 1 : 0);
}

void rota__handle_hold(struct rota_handle *h, bool on)
{
	if (on == ((h->flags & HANDLE_HELD) != 0))
		return;
	h->flags ^= HANDLE_HELD;
	if (!unreferenced(h))
		h->loop->alive += on ? 1 : -1;
}

static void must_be_ours(const struct rota_handle *h, const char *call)
{
	rota__loop_must_be_mine(h->loop, call, rota_handle_kind(h), h->site);
}

void rota_handle_ref(struct rota_handle *h)
{
	ROTA_INSIDE();

	if (h->state == HANDLE_NONE)
		return;
	must_be_ours(h, "rota_handle_ref");
	if (!unreferenced(h))
		return;
	h->flags &= (uint8_t)~HANDLE_UNREF;
	h->loop->alive += weight(h);
}

void rota_handle_unref(struct rota_handle *h)
{
	ROTA_INSIDE();

	if (h->state != HANDLE_OPEN)
		return;
	must_be_ours(h, "rota_handle_unref");
	if (unreferenced(h))
		return;
	h->flags |= HANDLE_UNREF;
	h->loop->alive -= weight(h);
}

/* ---- closing ---- */

static void last_word(struct rota__node *node)
{
	struct rota_handle *h = container_of((void *(*)[2])node, struct rota_handle, node);

	rota__handle_calls(h, (void (*)(void))h->on_close);
	rota__handle_undo(h);
	if (h->on_close != NULL)
		h->on_close(h);
}

void rota__handle_left(struct rota_handle *h)
{
	struct rota__node *node = (struct rota__node *)h->node;

	if (h->state != HANDLE_CLOSING || h->pending > 0)
		return;
	h->state = HANDLE_FINISHED;
	rota__handle_hold(h, false);
	if (kinds[h->kind]->release != NULL)
		kinds[h->kind]->release(h);
	node->fn = last_word;
	rota__loop_close_later(h->loop, node);
}

int rota_handle_close(struct rota_handle *h, void (*on_close)(struct rota_handle *handle))
{
	ROTA_INSIDE();
	int rc;

	rc = handle_ours(h);
	if (rc < 0)
		return rc;
	rota_handle_ref(h);
	h->state = HANDLE_CLOSING;
	h->on_close = on_close;
	h->pending++; /* whatever stop() does, it is not finished within */
	if (kinds[h->kind]->stop != NULL)
		kinds[h->kind]->stop(h);
	h->pending--;
	rota__handle_left(h);
	return 0;
}

/* ---- what it says of itself ---- */

bool rota_handle_has_ref(const struct rota_handle *h)
{
	return h->state != HANDLE_NONE && !unreferenced(h);
}

bool rota_handle_is_open(const struct rota_handle *h)
{
	return h->state == HANDLE_OPEN;
}

bool rota_handle_is_active(const struct rota_handle *h)
{
	return h->state != HANDLE_NONE && (h->pending > 0 || h->flags & HANDLE_HELD);
}

bool rota_handle_is_closing(const struct rota_handle *h)
{
	return h->state == HANDLE_CLOSING || h->state == HANDLE_FINISHED;
}

/* What is not open is of no kind: memory that is zeroed is not a kind's either. */
const char *rota_handle_kind(const struct rota_handle *h)
{
	return h->state != HANDLE_NONE && h->kind < HANDLE_KINDS ? kinds[h->kind]->name : "none";
}

const char *rota_handle_site(const struct rota_handle *h)
{
	return h->site != NULL ? h->site : "nowhere";
}

void rota__handle_about(const struct rota_handle *h, struct rota_alive *what)
{
	const struct rota__handle_kind *kind = kinds[h->kind];

	if (h->state == HANDLE_FINISHED)
		return; /* it has given back what it had */
	if (kind->fd_at > 0)
		what->fd = *(const int *)(const void *)((const char *)h + kind->fd_at);
	if (kind->name_of != NULL)
		what->name = kind->name_of(h);
}

void rota_loop_each_handle(struct rota_loop *loop, void (*fn)(struct rota_handle *handle, void *arg), void *arg)
{
	ROTA_INSIDE();
	struct list *it, *next;

	rota__loop_must_be_mine(loop, "rota_loop_each_handle", NULL, NULL);
	for (it = loop->handles.next; it != &loop->handles; it = next) {
		next = it->next;
		fn(rota__handle_of_link(it), arg);
	}
}

/* load_run.c - one connection under load: closed loop, or open loop on a schedule
 *
 * The two loops differ only in when the next request may go.  Everything else - connecting again
 * after an error, taking answers, counting - is the same. */
#include <stdlib.h>
#include <string.h>

#include "load.h"

/* After a failed connect, so that a server that is down is not hammered at loop speed. */
#define RECONNECT_PAUSE ROTA_MILLISECONDS(100)

/* ---- errors ---- */

static enum load_error kind_of(int rc)
{
	switch (rc) {
	case -ECONNRESET:
	case -EPIPE:
		return LOAD_ERROR_RESET;
	case ROTA_EOF:
		return LOAD_ERROR_CLOSED;
	case -ETIMEDOUT:
		return LOAD_ERROR_TIMEOUT;
	case ROTA_EPROTOCOL:
	case ROTA_ELIMIT:
		return LOAD_ERROR_PROTOCOL;
	case -EBADMSG:
		return LOAD_ERROR_MISMATCH;
	default:
		return LOAD_ERROR_OTHER;
	}
}

/* ---- requests and answers ---- */

static void note_sent(struct load_conn *c, uint64_t since_ns)
{
	unsigned depth = (unsigned)c->worker->load->depth;

	c->since_ns[(c->oldest + c->in_flight) % depth] = since_ns;
	c->in_flight++;
}

static void note_answer(struct load_conn *c)
{
	uint64_t since = c->since_ns[c->oldest], now = rota_now_ns();

	histogram_add(&c->worker->latency, now > since ? now - since : 0);
	load_count(c->worker->answers, 1);
	c->oldest = (c->oldest + 1) % (unsigned)c->worker->load->depth;
	c->in_flight--;
}

/* The next answer, until the oldest request has waited for --timeout, or until `wake_ns`.  1, 0 as
 * receive(); -EAGAIN: woken. */
static int take_answer(struct load_conn *c, uint64_t wake_ns)
{
	const struct load *load = c->worker->load;
	uint64_t expires = c->since_ns[c->oldest] + load->timeout_ns, now = rota_now_ns();
	int rc;

	/* What was due long ago has still only just been sent. */
	if (expires < now + load->timeout_ns / 2)
		expires = now + load->timeout_ns / 2;
	rota_stream_set_deadlines(
		load->protocol->stream(c), expires < wake_ns ? expires : wake_ns, ROTA_FOREVER);
	rc = load->protocol->receive(c);
	if (rc >= 0)
		note_answer(c);
	if (rc == -ETIMEDOUT && wake_ns < expires && rota_cancelled() == 0)
		return -EAGAIN;
	return rc;
}

struct writing {
	struct load_conn *conn;
	const void *bytes;
	size_t size;
};

static int write_beside(void *arg)
{
	struct writing *w = arg;

	rota_write_all(w->conn->worker->load->protocol->stream(w->conn), w->bytes, w->size);
	w->conn->writing = false; /* an error shows at the reading end, too */
	free(w);
	return 0;
}

int load_write(struct load_conn *c, const void *bytes, size_t size)
{
	enum { SOCKETS_HOLD = 64 * 1024 }; /* between two ends, with any settings */
	struct writing *w;
	ssize_t n;

	load_count(c->worker->bytes_out, size);
	if (size <= SOCKETS_HOLD) {
		n = rota_write_all(c->worker->load->protocol->stream(c), bytes, size);
		return n < 0 ? (int)n : 0;
	}
	w = malloc(sizeof *w);
	if (w == NULL)
		return -ENOMEM;
	*w = (struct writing){ c, bytes, size };
	c->writing = true;
	if (rota_spawn(c->scope, write_beside, w) == 0)
		return 0;
	c->writing = false;
	free(w);
	return -ENOMEM;
}

/* ---- how many may go ---- */

/* Up to `wanted` of the requests that are left. */
static unsigned take_quota(struct load *load, unsigned wanted)
{
	uint64_t left = load_get(load->requests_left), taken;

	do {
		taken = left < wanted ? left : wanted;
		if (taken == 0)
			return 0;
	} while (!__atomic_compare_exchange_n(&load->requests_left, &left, left - taken, true,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return (unsigned)taken;
}

static void give_back_quota(struct load *load, unsigned count)
{
	load_count(load->requests_left, count);
}

/* ---- the two loops ----
 *
 * Each answers OVER (time or requests are used up), AGAIN (the server closed the connection after
 * an answer, as it may), or the error that ended the connection. */

enum { OVER = 0, AGAIN = 1 };

static int closed_loop(struct load_conn *c)
{
	struct load *load = c->worker->load;
	int rc;

	for (;;) {
		uint64_t now = rota_now_ns();
		unsigned count = now < load->end_ns ? take_quota(load, (unsigned)load->depth) : 0;

		if (count == 0)
			return OVER;
		while (c->writing) /* all answers are here: it only has to notice that it is done */
			rota_yield();
		for (unsigned i = 0; i < count; i++)
			note_sent(c, now);
		rc = load->protocol->send(c, count);
		if (rc < 0)
			return rc;
		while (c->in_flight > 0) {
			rc = take_answer(c, ROTA_FOREVER);
			if (rc <= 0)
				return rc < 0 ? rc : AGAIN;
		}
	}
}

/* When request number k of this connection is due: those of all connections together come at an
 * even rate, each connection's as evenly. */
static uint64_t due_ns(const struct load_conn *c, uint64_t k)
{
	const struct load *load = c->worker->load;
	load_wide index = (load_wide)k * load->connections + c->number;

	return load->begin_ns + (uint64_t)(index * 1000000000 / load->rate);
}

/* Send what is due, as far as the depth allows.  How many. */
static int send_due(struct load_conn *c)
{
	struct load *load = c->worker->load;
	uint64_t now = rota_now_ns();
	unsigned count = 0;
	int rc;

	while (!c->writing && c->in_flight < load->depth) {
		uint64_t due = due_ns(c, c->scheduled);

		if (due > now || due >= load->end_ns || take_quota(load, 1) == 0)
			break;
		note_sent(c, due);
		c->scheduled++;
		count++;
	}
	if (count == 0)
		return 0;
	rc = load->protocol->send(c, count);
	return rc < 0 ? rc : (int)count;
}

/* What is due when the end comes is still sent, unless it had to wait for a place in the pipeline:
 * a server that is too slow for the rate would make the end wait, too. */
static int open_loop(struct load_conn *c)
{
	struct load *load = c->worker->load;
	bool too_late = false;

	for (;;) {
		int rc = too_late ? 0 : send_due(c);
		uint64_t now = rota_now_ns(), next = due_ns(c, c->scheduled);
		bool more = next < load->end_ns && now < load->end_ns &&
			    load_get(load->requests_left) > 0;
		bool full = c->in_flight == load->depth;

		if (rc < 0)
			return rc;
		if (c->in_flight > 0) {
			rc = take_answer(c, more && !full ? next : ROTA_FOREVER);
			if (rc <= 0 && rc != -EAGAIN)
				return rc < 0 ? rc : AGAIN;
			too_late = too_late || (full && rota_now_ns() >= load->end_ns);
		} else if (!more) {
			return OVER;
		} else {
			rc = rota_sleep_until(next);
			if (rc < 0)
				return rc;
		}
	}
}

/* ---- a connection ---- */

/* What is lost with it: failures when it broke, to be done again when the server just closed. */
static void drop(struct load_conn *c, int rc)
{
	struct load_worker *worker = c->worker;
	unsigned lost = c->in_flight;

	worker->load->protocol->close(c);
	c->in_flight = 0;
	if (rc == -ECANCELED || rota_cancelled() != 0)
		return;
	if (rc < 0)
		load_count(worker->errors[kind_of(rc)], lost > 0 ? lost : 1);
	else if (worker->load->rate == 0)
		give_back_quota(worker->load, lost);
	else
		load_count(worker->errors[LOAD_ERROR_CLOSED], lost);
}

static int connect_again(struct load_conn *c)
{
	struct load *load = c->worker->load;

	while (rota_cancelled() == 0 && rota_now_ns() < load->end_ns) {
		int rc = load_open(c);

		if (rc == 0)
			return 0;
		if (rc == -ECANCELED || take_quota(load, 1) == 0)
			break;
		rota_sleep(RECONNECT_PAUSE);
	}
	return -ECANCELED;
}

static int use(struct load_conn *c)
{
	struct rota_scope scope;
	int rc;

	rota_scope_open_with(&scope, &(struct rota_scope_options){ .flags = ROTA_SCOPE_COLLECT });
	c->scope = &scope;
	rc = c->worker->load->rate > 0 ? open_loop(c) : closed_loop(c);
	rota_scope_cancel(&scope);
	rota_scope_join(&scope);
	return rc;
}

static int connection(void *arg)
{
	struct load_conn *c = arg;
	int rc;

	do {
		if (!c->connected && connect_again(c) < 0)
			break;
		rc = use(c);
		drop(c, rc);
	} while (rc != OVER && rota_cancelled() == 0);
	return 0;
}

int load_open(struct load_conn *c)
{
	int rc = c->worker->load->protocol->open(c);

	c->connected = rc == 0;
	c->writing = c->in_answer = false;
	c->oldest = 0;
	c->sent_bytes = c->received_bytes = 0;
	c->last_answered = 0;
	if (rc == 0) {
		load_count(c->worker->connects, 1);
		return 0;
	}
	c->worker->load->protocol->close(c);
	if (rc == -ECANCELED)
		return rc;
	load_count(c->worker->errors[LOAD_ERROR_CONNECT], 1);
	if (c->worker->connect_error == 0)
		c->worker->connect_error = rc;
	return rc;
}

/* ---- a worker ---- */

static int open_first(void *arg)
{
	load_open(arg); /* one that fails tries again under load */
	return 0;
}

int load_connect(struct load_worker *worker)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (unsigned i = 0; i < worker->connections; i++)
		rota_spawn(&scope, open_first, &worker->conn[i]);
	return rota_scope_join(&scope);
}

static int show_progress(void *arg)
{
	while (rota_sleep(ROTA_SECONDS(1)) == 0)
		load_progress(arg);
	return 0;
}

int load_run(struct load_worker *worker)
{
	struct rota_scope scope, beside;

	rota_scope_open(&beside);
	if (worker->member->number == 0 && worker->load->progress)
		rota_spawn(&beside, show_progress, worker->load);
	rota_scope_open(&scope);
	for (unsigned i = 0; i < worker->connections; i++)
		rota_spawn(&scope, connection, &worker->conn[i]);
	rota_scope_join(&scope);
	rota_scope_cancel(&beside);
	rota_scope_join(&beside);
	return rota_cancelled();
}

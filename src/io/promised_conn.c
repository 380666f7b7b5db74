/* promised_conn.c - promises of connections and datagrams: connected, written, sent */
#include "io/conn.h"
#include "io/promised.h"

/* A handle that is not open may remember a loop that is gone. */
static struct rota_loop *loop_of(const struct rota_handle *handle)
{
	return handle_open(handle) ? handle->loop : NULL;
}

/* ---- connecting ---- */

static struct rota_promise *connecting(struct rota__promised *a, struct rota_conn *conn, int rc)
{
	if (rc == 0) {
		conn->on_connect.promised = a;
		conn->bits |= CONN_PROMISED;
	}
	return rota__promised_begun(a, rc);
}

struct rota_promise *rota_promise_connect_at(
	struct rota_loop *loop, struct rota_conn *conn, const char *address, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = rota__promised_new(loop, site, address, NULL, 0);

	if (a == NULL)
		return NULL;
	return connecting(a, conn, rota_conn_connect_at(a->promise.loop, conn, address, NULL, site));
}

struct rota_promise *rota_promise_connect_to_at(
	struct rota_loop *loop, struct rota_conn *conn, const struct rota_address *address, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = rota__promised_new(loop, site, NULL, NULL, 0);

	if (a == NULL)
		return NULL;
	return connecting(a, conn, rota_conn_connect_to_at(a->promise.loop, conn, address, NULL, site));
}

/* ---- writing ---- */

static void written(struct rota_write *write, int rc)
{
	struct rota__promised *a = container_of(write, struct rota__promised, write);

	rota__promised_settle(a, rc < 0 ? rc : (int64_t)a->size);
}

static struct rota__promised *of_conn(const struct rota_conn *conn, size_t size, const char *site)
{
	struct rota__promised *a = rota__promised_new(loop_of(&conn->handle), site, NULL, NULL, 0);

	if (a != NULL)
		a->size = size;
	return a;
}

struct rota_promise *rota_promise_write_at(struct rota_conn *conn, const void *data, size_t size, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = of_conn(conn, size, site);

	return a != NULL ? rota__promised_begun(a, rota_conn_write(conn, &a->write, data, size, written)) : NULL;
}

struct rota_promise *rota_promise_writev_at(
	struct rota_conn *conn, const struct iovec *iov, int count, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a;
	size_t size = 0;

	for (int i = 0; i < count; i++)
		size += iov[i].iov_len;
	a = of_conn(conn, size, site);
	return a != NULL ? rota__promised_begun(a, rota_conn_writev(conn, &a->write, iov, count, written)) : NULL;
}

struct rota_promise *rota_promise_end_at(struct rota_conn *conn, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = of_conn(conn, 0, site);

	return a != NULL ? rota__promised_begun(a, rota_conn_end(conn, &a->write, written)) : NULL;
}

/* ---- datagrams ---- */

static void sent(struct rota_datagram *datagram, int rc)
{
	struct rota__promised *a = container_of(datagram, struct rota__promised, datagram);

	rota__promised_settle(a, rc < 0 ? rc : (int64_t)a->size);
}

struct rota_promise *rota_promise_datagram_at(
	struct rota_datagrams *udp, const void *data, size_t size, const struct rota_address *to, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = rota__promised_new(loop_of(&udp->handle), site, NULL, NULL, 0);

	if (a == NULL)
		return NULL;
	a->size = size;
	return rota__promised_begun(a, rota_datagrams_send(udp, &a->datagram, data, size, to, sent));
}

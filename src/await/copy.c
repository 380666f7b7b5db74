/* copy.c - two streams joined to each other */
#include <rota/stream.h>
#include <rota/task.h>

struct direction {
	struct rota_stream *from, *to;
	uint64_t moved;
};

static int copy_one(void *arg)
{
	struct direction *d = arg;
	struct rota_lease lease;
	ssize_t n;

	while ((n = rota_read_lease(d->from, &lease)) > 0) {
		n = rota_write_all(d->to, lease.data, lease.size);
		rota_lease_return(&lease);
		d->moved += rota_stream_written(d->to);
		if (n < 0)
			break;
	}
	if (n == 0) {
		n = rota_shutdown_write(d->to);
		if (n == -ENOTCONN)
			n = 0; /* it had gone already */
	}
	return (int)n;
}

int rota_copy_both(struct rota_stream *a, struct rota_stream *b, uint64_t ret_bytes[2])
{
	struct direction there = { a, b, 0 }, back = { b, a, 0 };
	struct rota_scope scope;
	int rc;

	if (rota_self() == NULL)
		return -EPERM;
	rota_scope_open(&scope);
	rota_spawn(&scope, copy_one, &there);
	rota_spawn(&scope, copy_one, &back);
	rc = rota_scope_join(&scope);
	if (ret_bytes != NULL) {
		ret_bytes[0] = there.moved;
		ret_bytes[1] = back.moved;
	}
	return rc;
}

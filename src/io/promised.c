/* promised.c - what promises of operations have in common (promised.h) */
#include <string.h>

#include "io/promised.h"
#include "os/mem.h"

static size_t text_bytes(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

/* NULL stays NULL: the operation says what it thinks of that. */
static char *copy(char *to, const char *text, size_t bytes)
{
	return text != NULL ? memcpy(to, text, bytes) : NULL;
}

struct rota__promised *rota__promised_new(
	struct rota_loop *loop, const char *site, const char *text, const char *text2, size_t room_bytes)
{
	size_t bytes = text_bytes(text), bytes2 = text_bytes(text2);
	struct rota__promised *a = NULL;

	loop = rota__promise_loop(loop, "a promise of an operation");
	if (room_bytes <= SIZE_MAX / 2)
		a = rota__alloc(sizeof *a + room_bytes + bytes + bytes2);
	if (a == NULL || rota__promise_init(&a->promise, loop, site) == NULL)
		return NULL;
	a->value = (struct rota_promised){ 0 };
	a->destroy = NULL;
	a->text = copy((char *)a->room + room_bytes, text, bytes);
	a->text2 = copy((char *)a->room + room_bytes + bytes, text2, bytes2);
	a->promise.name = a->text;
	rota__promise_hold(&a->promise);
	return a;
}

void rota__promised_settle(struct rota__promised *a, int64_t result)
{
	a->value.result = result;
	rota_promise_settle(&a->promise,
		result < 0 ? rota_result_error_value((int)result, a->text, NULL) : rota_result_value(&a->value, a->destroy));
	rota__promise_drop(&a->promise);
}

struct rota_promise *rota__promised_begun(struct rota__promised *a, int rc)
{
	if (rc < 0)
		rota__promised_settle(a, rc);
	return &a->promise;
}

/* ---- requests ---- */

static void cancel(struct rota_promise *p)
{
	rota_request_cancel(&container_of(p, struct rota__promised, promise)->request);
}

struct rota_request *rota__promised_request(struct rota__promised *a)
{
	a->promise.cancel = cancel;
	a->promise.can_cancel = true;
	return &a->request;
}

void rota__promised_answer(struct rota_request *request, int64_t result)
{
	rota__promised_settle(container_of(request, struct rota__promised, request), result);
}

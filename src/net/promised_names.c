/* promised_names.c - promises of the network's names */
#include "io/promised.h"

/* As getnameinfo(3) says of their longest. */
enum { HOST_BYTES = 1025, SERVICE_BYTES = 32 };

struct rota_promise *rota_promise_resolve_at(struct rota_loop *loop, const char *address, size_t room, const char *site)
{
	ROTA_INSIDE();
	size_t bytes = room <= SIZE_MAX / sizeof(struct rota_address) ? room * sizeof(struct rota_address) : SIZE_MAX;
	struct rota__promised *a = rota__promised_new(loop, site, address, NULL, bytes);

	if (a != NULL)
		a->value.addresses = (struct rota_address *)(void *)a->room;
	return PROMISED_REQUEST(a, resolve, a->text, a->value.addresses, room);
}

struct rota_promise *rota_promise_resolve_back_at(
	struct rota_loop *loop, const struct rota_address *address, const char *site)
{
	ROTA_INSIDE();
	struct rota__promised *a = rota__promised_new(loop, site, NULL, NULL, HOST_BYTES + SERVICE_BYTES);

	if (a != NULL) {
		a->value.host = (char *)a->room;
		a->value.service = (char *)a->room + HOST_BYTES;
	}
	return PROMISED_REQUEST(a, resolve_back, address, a->value.host, HOST_BYTES, a->value.service,
		SERVICE_BYTES);
}

/* poller.c - which engine: asked for, or the best that works here */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poll/poller.h"

static const struct rota__poller_engine *const engines[] = { &rota__poller_uring, &rota__poller_epoll };
enum { ENGINES = sizeof engines / sizeof engines[0] };

static int open_named(struct rota__poller **ret, const char *name, const struct rota__poller_config *config)
{
	for (int i = 0; i < ENGINES; i++)
		if (strcmp(name, engines[i]->name) == 0)
			return engines[i]->open(ret, config);
	return -EINVAL;
}

int rota__poller_open(struct rota__poller **ret, const char *name, const struct rota__poller_config *config)
{
	static const struct rota__poller_config defaults;
	int rc = -ENOSYS;

	if (config == NULL)
		config = &defaults;
	if (name == NULL)
		name = getenv("ROTA_POLLER");
	if (name != NULL && *name != '\0')
		return open_named(ret, name, config);
	for (int i = 0; i < ENGINES; i++) {
		rc = engines[i]->open(ret, config);
		if (rc == 0)
			break;
	}
	return rc;
}

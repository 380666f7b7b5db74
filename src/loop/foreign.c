/* foreign.c - calls of another thread that have no way to say so */
#include <stdio.h>
#include <stdlib.h>

#include "loop/loop.h"

void rota__loop_is_foreign(const char *call, const char *kind, const char *site)
{
	if (kind == NULL)
		fprintf(stderr, "rota: %s: the loop belongs to another thread; rota_post() reaches it\n", call);
	else
		fprintf(stderr, "rota: %s: the loop of the %s made at %s belongs to another thread; rota_post() reaches it\n",
			call, kind, site != NULL ? site : "nowhere");
	abort();
}

/* fetch.c - twenty URLs at once, from a server of its own that takes its time with each */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>

enum { URLS = 20 };
static uint64_t sum_ns, longest_ns;

/* The server's side: "GET /70" is answered after 70 ms. */
static int answer_late(struct rota_http_exchange *x, void *arg)
{
	int rc = rota_sleep(ROTA_MILLISECONDS(atoi(rota_http_target(x) + 1)));

	return rc < 0 ? rc : rota_http_reply_text(x, 200, "Sorry for the delay.\n");
}

static int serve(void *door)
{
	return rota_http_serve(door, answer_late, NULL, NULL);
}

static int fetch(void *url)
{
	uint64_t wait_ns, begin_ns = rota_now_ns();
	struct rota_http_response *response;
	int rc = rota_fetch(url, NULL, &response);

	if (rc < 0)
		return rc;
	wait_ns = rota_now_ns() - begin_ns;
	sum_ns += wait_ns; /* one thread: no lock, no atomics */
	longest_ns = wait_ns > longest_ns ? wait_ns : longest_ns;
	printf("%3.0f ms  %u  %s\n", (double)wait_ns / 1e6, response->status, (char *)url);
	rota_http_response_free(response);
	return 0;
}

static int app(void *arg)
{
	struct rota_scope server, fetches;
	struct rota_listener *door;
	char urls[URLS][64];
	int rc = rota_tcp_listen(&door, "127.0.0.1:0", NULL);

	if (rc < 0)
		return rc;
	rota_scope_open(&server);
	rota_spawn(&server, serve, door);
	rota_scope_open(&fetches); /* the first that fails cancels the others */
	for (int i = 0; i < URLS; i++) {
		snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/%d", rota_listener_port(door),
			10 + 10 * i);
		rota_spawn(&fetches, fetch, urls[i]);
	}
	rc = rota_scope_join(&fetches);
	rota_scope_cancel(&server);
	rota_scope_join(&server);
	rota_listener_close(door);
	return rc;
}

int main(void)
{
	uint64_t begin_ns = rota_now_ns();
	int rc = rota_run(app, NULL, &(struct rota_options){ .model = ROTA_SINGLE });

	if (rc < 0)
		fprintf(stderr, "fetch: %s\n", rota_strerror(rc));
	else
		printf("%d waits: %.2f s in sum, the longest %.2f s, all of it took %.2f s\n", URLS,
			(double)sum_ns / 1e9, (double)longest_ns / 1e9,
			(double)(rota_now_ns() - begin_ns) / 1e9);
	return rc < 0;
}

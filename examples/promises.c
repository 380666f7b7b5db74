/* promises.c - a chain of promises: the lines of several files, read at the same time.   promises FILE... */
#include <rota.h>
#include <stdio.h>
#include <string.h>

enum { FILES_MAX = 16, FILE_BYTES_MAX = 1 << 20 };

static struct rota_result count_lines(const struct rota_settled *it, void *arg)
{
	const struct rota_promise_list *files = it->value;
	size_t lines = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct rota_promised *file = files->of[i].value;

		for (const char *at = file->data; (at = strchr(at, '\n')) != NULL; at++)
			lines++;
	}
	printf("%zu lines in %zu files\n", lines, files->count);
	return rota_result_value(NULL, NULL);
}

/* The value of a rejection is the path that it is about. */
static struct rota_result explain(const struct rota_settled *it, void *arg)
{
	printf("%s: %s\n", it->value != NULL ? (char *)it->value : "promises", rota_strerror(it->error));
	return rota_result_pass();
}

static struct rota_result say_done(const struct rota_settled *it, void *arg)
{
	puts("done");
	return rota_result_value(NULL, NULL);
}

static int app(void *names)
{
	struct rota_promise *files[FILES_MAX], *p;
	size_t count = 0;
	int rc;

	for (char **name = names; *name != NULL && count < FILES_MAX; name++)
		files[count++] = rota_promise_read_file(NULL, *name, FILE_BYTES_MAX);
	p = rota_promise_all(NULL, files, count);
	p = rota_promise_then(p, count_lines, NULL, NULL);
	p = rota_promise_catch(p, explain, NULL);
	p = rota_promise_finally(p, say_done, NULL);
	rc = rota_await(p, NULL);
	rota_promise_unref(p);
	return rc;
}

int main(int argc, char **argv) { return rota_run(app, argv + 1, NULL) < 0; }

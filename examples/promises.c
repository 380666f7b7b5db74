/* promises.c - a chain of promises: the lines of several files, read at the same time.   promises FILE... */
#include <rota.h>
#include <stdio.h>
#include <string.h>

enum { FILES_MAX = 16 };

/* A task for each file: it waits, the loop does not. */
static struct rota_result read_file(void *name)
{
	void *text;
	size_t size;
	int rc = rota_read_file(name, &text, &size, 1 << 20);

	return rc < 0 ? rota_result_error_value(rc, name, NULL) : rota_result_value(text, rota_free);
}

static struct rota_result count_lines(const struct rota_settled *it, void *arg)
{
	const struct rota_promise_list *texts = it->value;
	size_t lines = 0;

	for (size_t i = 0; i < texts->count; i++)
		for (const char *at = texts->of[i].value; (at = strchr(at, '\n')) != NULL; at++)
			lines++;
	printf("%zu lines in %zu files\n", lines, texts->count);
	return rota_result_value(NULL, NULL);
}

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
		files[count++] = rota_promise_task(NULL, read_file, *name);
	p = rota_promise_all(NULL, files, count);
	p = rota_promise_then(p, count_lines, NULL, NULL);
	p = rota_promise_catch(p, explain, NULL);
	p = rota_promise_finally(p, say_done, NULL);
	rc = rota_await(p, NULL);
	rota_promise_unref(p);
	return rc;
}

int main(int argc, char **argv) { return rota_run(app, argv + 1, NULL) < 0; }

/* order.c - the programs of order.txt on Rota; prints "name output" for each, a loop of its own for each
 *
 * usage: order TABLE [tasks]: with a second word each program runs in a task, on the loop below it */
#include <ctype.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop.h"

static struct rota_loop *loop;
static int64_t named[26];
static char out[64];

/* Something of the program that is called later: where its body begins, and what the loop links it by. */
struct later {
	const char *body;
	struct later *older;
	struct rota_post post;
	struct rota_watcher watcher;
	struct rota__node closing;
};

static struct later *made;

static void run(const char *at);

static void call(void *arg)
{
	run(((struct later *)arg)->body);
}

static void posted(struct rota_post *post)
{
	call(container_of(post, struct later, post));
}

static void watched(struct rota_watcher *watcher)
{
	rota_watcher_stop(watcher);
	call(container_of(watcher, struct later, watcher));
}

static void closed(struct rota__node *node)
{
	call(container_of(node, struct later, closing));
}

static void must(bool well, const char *what)
{
	if (!well) {
		fprintf(stderr, "order: %s\n", what);
		exit(1);
	}
}

static struct later *later(const char *body)
{
	struct later *l = calloc(1, sizeof *l);

	must(l != NULL, "no memory");
	*l = (struct later){ .body = body, .older = made, .post.fn = posted, .watcher.fn = watched, .closing.fn = closed };
	made = l;
	return l;
}

/* Behind the bracket that closes the one before `at`. */
static const char *behind(const char *at)
{
	for (int depth = 1; depth > 0; at++)
		depth += (*at == '(') - (*at == ')');
	return at;
}

static int64_t set(char kind, unsigned long ms, const char *body)
{
	struct later *l = later(body);

	switch (kind) {
	case 'T':
		return rota_set_timeout(loop, ROTA_MILLISECONDS(ms), call, l);
	case 'V':
		return rota_set_interval(loop, ROTA_MILLISECONDS(ms), call, l);
	case 'I':
		return rota_set_immediate(loop, call, l);
	case 'N':
		return rota_next_tick(loop, call, l);
	case 'M':
		return rota_queue_microtask(loop, call, l);
	case 'F':
		rota_post(rota_loop_current() != NULL ? rota_loop_current() : loop, &l->post);
		return 0;
	case 'K':
		rota__loop_close_later(rota_loop_current() != NULL ? rota_loop_current() : loop, &l->closing);
		return 0;
	default:
		rota_watcher_start(rota_loop_current() != NULL ? rota_loop_current() : loop, &l->watcher,
			kind == 'A' ? ROTA_IDLE : kind == 'B' ? ROTA_PREPARE : ROTA_CHECK);
		return 0;
	}
}

static void act(char kind, int64_t id)
{
	int rc = kind == 'C' ? rota_clear(loop, id) : kind == 'U' ? rota_unref(loop, id) : rota_ref(loop, id);

	must(rc == 0 || rc == -ENOENT, "a number that is neither there nor gone");
}

static void run(const char *at)
{
	while (*at != '\0' && *at != ')') {
		char kind = *at++;
		unsigned long ms = 0;
		char name = 0;

		if (!isupper((unsigned char)kind)) {
			if (kind != ' ')
				strncat(out, &kind, 1);
			continue;
		}
		if (isdigit((unsigned char)*at))
			ms = strtoul(at, (char **)&at, 10);
		if (*at == ':') {
			name = at[1];
			at += 2;
		}
		if (*at == '(') {
			int64_t id = set(kind, ms, at + 1);

			must(id >= 0, "cannot be set");
			if (name != 0)
				named[name - 'A'] = id;
			at = behind(at + 1);
		} else if (kind == 'Z') {
			rota_loop_stop(loop);
		} else {
			act(kind, named[name - 'A']);
		}
	}
}

static int run_task(void *program)
{
	run(program);
	return 0;
}

static void run_all(char *program, bool tasks)
{
	out[0] = '\0';
	if (tasks) {
		loop = NULL; /* whichever is below the task */
		must(rota_run(run_task, program, NULL) == 0, "no run");
	} else {
		must(rota_loop_new(&loop, NULL) == 0, "no loop");
		run(program);
		while (rota_loop_run(loop, ROTA_RUN_DEFAULT) == 1 && strchr(program, 'Z') == NULL)
			;
		if (strchr(program, 'Z') == NULL)
			must(rota_loop_free(loop) == 0 || strstr(program, "U:") != NULL, "something is left over");
	}
	while (made != NULL) {
		struct later *l = made;

		made = l->older;
		free(l);
	}
}

int main(int argc, char **argv)
{
	FILE *table = argc > 1 ? fopen(argv[1], "r") : NULL;
	char line[256], *program, *end;

	must(table != NULL, "usage: order TABLE [tasks]");
	while (fgets(line, sizeof line, table) != NULL) {
		if (line[0] == '#' || (program = strstr(line, ": ")) == NULL || (end = strstr(line, " -> ")) == NULL)
			continue;
		*program = *end = '\0';
		if (argc > 2 && strpbrk(program + 2, "ZABEKF") != NULL)
			continue;
		run_all(program + 2, argc > 2);
		printf("%s %s\n", line, out);
	}
	fclose(table);
	return 0;
}

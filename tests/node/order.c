/* order.c - the programs of order.txt on Rota; prints "name output" for each, a loop of its own for each
 *
 * usage: order TABLE [tasks]: with a second word each program runs in a task, on the loop below it; not those that
 * stop their loop, which is the run's there */
#include <ctype.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/loop.h"

static struct rota_loop *loop;
static int64_t named[26];
static char out[64];
static struct rota_promise *promised[26];
static struct rota_result answer; /* of the handler that is running */

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
static const char *promise(char kind, unsigned long how, const char *at);
static void forget_promises(void);
static void report_rejections(void);

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
		if (strchr("DYJLGXSHQW", kind) != NULL) {
			at = promise(kind, ms, at);
			continue;
		}
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
	report_rejections();
	run(program);
	return 0;
}

/* ---- promises ---- */

static struct rota_result handle(const struct rota_settled *it, void *arg)
{
	answer = rota_result_value(NULL, NULL);
	call(arg);
	return answer;
}

static void unhandled(struct rota_promise *promise, void *arg)
{
	strncat(out, arg, 1);
}

static struct rota_promise *promise_named(char name)
{
	must(promised[name - 'A'] != NULL, "no such promise");
	return rota_promise_ref(promised[name - 'A']);
}

static struct rota_promise *combine(unsigned long how, const char *names, size_t count)
{
	struct rota_promise *of[26];

	for (size_t i = 0; i < count; i++)
		of[i] = promise_named(names[i]);
	return how == 0 ? rota_promise_all(loop, of, count)
		: how == 1 ? rota_promise_all_settled(loop, of, count)
		: how == 2 ? rota_promise_race(loop, of, count)
			   : rota_promise_any(loop, of, count);
}

static void settle(char name, struct rota_result result)
{
	struct rota_promise *p = promise_named(name);

	rota_promise_settle(p, result);
	rota_promise_unref(p);
}

/* "D:X", "G:X", "L:XY", "S0:XY>R", "H:X>Y(..)" without the kind and the number; where it ends. */
static const char *promise(char kind, unsigned long how, const char *at)
{
	const char *names = at + (*at == ':');
	size_t count = strspn(names, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	struct rota_promise *p = NULL;
	struct later *l = NULL;
	char target = kind == 'D' ? names[0] : 0;

	at = names + count;
	if (*at == '>') {
		target = at[1];
		at += 2;
	}
	if (*at == '(') {
		l = later(at + 1);
		at = behind(at + 1);
	}
	switch (kind) {
	case 'D':
		p = rota_promise_new(loop);
		break;
	case 'Y':
		settle(names[0], rota_result_value(NULL, NULL));
		return at;
	case 'J':
		settle(names[0], rota_result_error(-EIO));
		return at;
	case 'L':
		settle(names[0], rota_result_promise(promise_named(names[1])));
		return at;
	case 'G':
		answer = rota_result_promise(promise_named(names[0]));
		return at;
	case 'X':
		answer = rota_result_error(-EIO);
		return at;
	case 'S':
		p = combine(how, names, count);
		break;
	case 'H':
		p = rota_promise_then(promise_named(names[0]), handle, NULL, l);
		break;
	case 'Q':
		p = rota_promise_catch(promise_named(names[0]), handle, l);
		break;
	default:
		p = rota_promise_finally(promise_named(names[0]), handle, l);
	}
	must(p != NULL, "no promise");
	if (target == 0) {
		rota_promise_unref(p);
	} else {
		rota_promise_unref(promised[target - 'A']);
		promised[target - 'A'] = p;
	}
	return at;
}

static void forget_promises(void)
{
	for (int i = 0; i < 26; i++) {
		rota_promise_unref(promised[i]);
		promised[i] = NULL;
	}
}

static void report_rejections(void)
{
	must(rota_on_unhandled_rejection(loop, unhandled, "!") == 0, "no hook");
	must(rota_on_rejection_handled(loop, unhandled, "?") == 0, "no hook");
}

static void run_all(char *program, bool tasks)
{
	out[0] = '\0';
	if (tasks) {
		loop = NULL; /* whichever is below the task */
		must(rota_run(run_task, program, NULL) == 0, "no run");
	} else {
		must(rota_loop_new(&loop, NULL) == 0, "no loop");
		report_rejections();
		run(program);
		while (rota_loop_run(loop, ROTA_RUN_DEFAULT) == 1 && strchr(program, 'Z') == NULL)
			;
		if (strchr(program, 'Z') == NULL)
			must(rota_loop_free(loop) == 0 || strstr(program, "U:") != NULL, "something is left over");
	}
	forget_promises();
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
		if (argc > 2 && strchr(program + 2, 'Z') != NULL)
			continue;
		run_all(program + 2, argc > 2);
		printf("%s %s\n", line, out);
	}
	fclose(table);
	return 0;
}

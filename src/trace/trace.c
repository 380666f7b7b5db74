/* trace.c - the rings, and the file they become
 *
 * A ring is made by its thread's first event and stays in a list for ever (threads come and go, their
 * events are wanted at the end).  Only its thread writes to it; the exporter reads it when the
 * program ends, and drops the one slot that a thread still running may be writing.
 *
 * Time is the CPU's counter where it is cheap and steady (x86-64, AArch64), put on the clock's scale
 * at the export by two pairs of readings, one from the start and one from the end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rota/base.h>

#include "base/atomic.h"
#include "os/mem.h"
#include "trace/trace.h"

bool rota__trace_on;

/* 2^18 events of 32 bytes are 8 MiB a thread, touched only as they fill: some tenths of a second at
 * full load, minutes of a normal program. */
enum { RING_EVENTS = 1 << 18 };

struct event {
	uint64_t ticks, id;
	const char *text;
	uint32_t event;
};

struct ring {
	struct ring *next;
	const char *name;
	pid_t tid;
	uint64_t count; /* written by its thread, read by the exporter */
	struct event events[RING_EVENTS];
};

static struct ring *rings; /* grows only */
static _Thread_local struct ring *my_ring;
static _Thread_local const char *my_name;
static const char *path;
static uint64_t start_ticks, start_ns;

static uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return rota_now_ns();
#endif
}

static struct ring *ring_new(void)
{
	struct ring *ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct ring *first;

	if (ring == MAP_FAILED)
		return NULL;
	ring->tid = (pid_t)syscall(SYS_gettid);
	ring->name = my_name ? my_name : "thread";
	first = load_relaxed(&rings);
	do
		ring->next = first;
	while (!cas_weak_release(&rings, &first, ring)); /* pairs with the acquire in export() */
	return my_ring = ring;
}

void rota__trace_write(enum rota__event event, uint64_t id, const char *text)
{
	struct ring *ring = my_ring ? my_ring : ring_new();

	if (ring == NULL)
		return; /* no memory: a trace with a hole is better than no program */
	ring->events[ring->count % RING_EVENTS] =
		(struct event){ .ticks = ticks_now(), .id = id, .text = text, .event = event };
	store_release(&ring->count, ring->count + 1); /* pairs with the acquire in export_ring() */
}

void rota__trace_thread(const char *name)
{
	my_name = name;
	if (my_ring != NULL)
		my_ring->name = name;
}

/* ---- texts that live for ever ---- */

struct text {
	struct text *next;
	char bytes[];
};

static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER;

/* The child must not find it taken by a thread that it does not have. */
static void lock_for_fork(void)
{
	pthread_mutex_lock(&text_lock);
}

static void unlock_after_fork(void)
{
	pthread_mutex_unlock(&text_lock);
}

static void at_fork(void)
{
	pthread_atfork(lock_for_fork, unlock_after_fork, unlock_after_fork);
}

const char *rota__trace_text(const char *text)
{
	enum { BUCKETS = 256 }; /* programs have dozens of task names */
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static struct text *table[BUCKETS];
	uint32_t hash = 2166136261u; /* FNV-1a */
	struct text *t;

	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	pthread_once(&once, at_fork);
	pthread_mutex_lock(&text_lock);
	for (t = table[hash % BUCKETS]; t != NULL; t = t->next)
		if (strcmp(t->bytes, text) == 0)
			break;
	if (t == NULL && (t = rota__alloc(sizeof *t + strlen(text) + 1)) != NULL) {
		strcpy(t->bytes, text);
		t->next = table[hash % BUCKETS];
		table[hash % BUCKETS] = t;
	}
	pthread_mutex_unlock(&text_lock);
	return t ? t->bytes : "?";
}

/* ---- the file ---- */

static const struct {
	const char *name;
	char draw; /* the "ph" of the Chrome trace event format */
	bool task;
} about[] = {
#define DRAW_BEGIN   'B'
#define DRAW_END     'E'
#define DRAW_INSTANT 'i'
#define DRAW_DETAIL  'd' /* not by itself */
#define X(event, how, name) { name, DRAW_##how, ROTA__EV_##event <= ROTA__EV_TASK_BLOCKS },
	ROTA__EVENTS(X)
#undef X
};

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static const struct event *event_at(const struct ring *ring, uint64_t i)
{
	return &ring->events[i % RING_EVENTS];
}

/* What the events from number `i` on say about the one before them.  Equal ones in a row are a list. */
static void put_details(FILE *out, const struct ring *ring, uint64_t i, uint64_t count)
{
	for (; i < count && about[event_at(ring, i)->event].draw == 'd'; i++) {
		uint32_t event = event_at(ring, i)->event;

		fprintf(out, ",\"%s\":", about[event].name);
		if (event != ROTA__EV_BLOCKS_FRAME) {
			put_text(out, event_at(ring, i)->text);
			continue;
		}
		fputc('[', out);
		put_text(out, event_at(ring, i)->text);
		for (; i + 1 < count && event_at(ring, i + 1)->event == event; i++) {
			fputc(',', out);
			put_text(out, event_at(ring, i + 1)->text);
		}
		fputc(']', out);
	}
}

/* Microseconds with three places, whatever the locale puts between them. */
static void put_time(FILE *out, int64_t ns)
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	fprintf(out, "%s%" PRIu64 ".%03u", ns < 0 ? "-" : "", size / 1000, (unsigned)(size % 1000));
}

static void put_event(FILE *out, const struct ring *ring, uint64_t i, uint64_t count, double ns_per_tick)
{
	const struct event *e = event_at(ring, i);

	fprintf(out, ",\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d,\"ts\":", about[e->event].draw, (int)getpid(),
		(int)ring->tid);
	put_time(out, (int64_t)((double)(int64_t)(e->ticks - start_ticks) * ns_per_tick));
	fputs(",\"name\":", out);
	if (about[e->event].draw == 'i') {
		put_text(out, about[e->event].name);
		fputs(",\"s\":\"t\"", out);
	} else {
		put_text(out, about[e->event].task && e->text ? e->text : about[e->event].name);
	}
	if (about[e->event].task) {
		fprintf(out, ",\"args\":{\"task\":%" PRIu64, e->id);
		if (e->text != NULL) {
			fputs(",\"name\":", out);
			put_text(out, e->text);
		}
		put_details(out, ring, i + 1, count);
		fputs("}", out);
	}
	fputs("}", out);
}

static void export_ring(FILE *out, struct ring *ring, double ns_per_tick)
{
	uint64_t count = load_acquire(&ring->count); /* pairs with the release in rota__trace_write() */
	uint64_t i = count > RING_EVENTS ? count - RING_EVENTS + 1 : 0;
	int depth = 0;

	fprintf(out, ",\n{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":",
		(int)getpid(), (int)ring->tid);
	put_text(out, ring->name);
	fprintf(out, ",\"events\":%" PRIu64 ",\"overwritten\":%" PRIu64 "}}", count, i);
	for (; i < count; i++) {
		char draw = about[event_at(ring, i)->event].draw;

		/* The ring may begin inside a slice: an end without a beginning is dropped. */
		if (draw == 'd' || (draw == 'E' && depth == 0))
			continue;
		depth += draw == 'B' ? 1 : draw == 'E' ? -1 : 0;
		put_event(out, ring, i, count, ns_per_tick);
	}
}

static void export(void)
{
	uint64_t ticks = ticks_now() - start_ticks, ns = rota_now_ns() - start_ns;
	FILE *out = fopen(path, "we");
	bool ok;

	rota__trace_on = false;
	if (out == NULL) {
		fprintf(stderr, "rota: cannot write the trace to %s: %s\n", path, rota_strerror(-errno));
		return;
	}
	fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
		     "{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_name\",\"args\":{\"name\":",
		(int)getpid());
	put_text(out, program_invocation_short_name);
	fputs("}}", out);
	for (struct ring *r = load_acquire(&rings); r != NULL; r = r->next)
		export_ring(out, r, ticks ? (double)ns / (double)ticks : 1);
	fputs("\n]}\n", out);
	ok = !ferror(out);
	if (fclose(out) != 0 || !ok)
		fprintf(stderr, "rota: the trace in %s is incomplete: %s\n", path, rota_strerror(-errno));
}

__attribute__((constructor)) static void trace_init(void)
{
	path = getenv("ROTA_TRACE");
	if (path == NULL || *path == '\0')
		return;
	start_ticks = ticks_now();
	start_ns = rota_now_ns();
	rota__trace_on = true;
	/* At the end rather than when a run ends: a program may have several runs, one after the
	 * other or side by side, and they belong in one picture. */
	atexit(export);
}

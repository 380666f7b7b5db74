/* access_log.h - a line for each request, written by a thread that may wait so that the loops need
 * not
 *
 * Each worker appends lines to a buffer of its own; the writer thread takes full buffers, or what
 * there is twice a second.  When the writer cannot keep up (a slow or full disk) lines are dropped
 * and counted: serving goes on. */
#ifndef ROTA_TOOL_ACCESS_LOG_H
#define ROTA_TOOL_ACCESS_LOG_H

#include <pthread.h>
#include <rota/http.h>
#include <time.h>

enum { ACCESS_LOG_LINE_MAX = 4096 }; /* longer targets and agents are cut */

struct access_log_line { /* being made; here because a task's stack is for waiting, not for this */
	char text[ACCESS_LOG_LINE_MAX];
	size_t len;
};

struct access_log_buffer {
	struct access_log *log;
	pthread_mutex_t lock; /* taken for a memcpy at a time */
	char *text;
	size_t len;
	uint64_t dropped;
	struct access_log_line line;
	time_t second; /* `stamp` is for */
	char stamp[40];
};

struct access_log {
	int fd;
	bool combined; /* with referer and user agent */
	const char *name;
	unsigned buffer_count;
	struct access_log_buffer *buffers;
	char *spare;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	bool urgent, stop;
	uint64_t failed_bytes; /* that write(2) did not take */
	int error;             /* the last one of write(2) */
};

/* Write to `fd`, called `name` in messages, for `workers` workers.  0 or a negative errno. */
int access_log_open(
	struct access_log *log, int fd, const char *name, bool combined, unsigned workers);

/* The line of an exchange.  Does not wait. */
void access_log_add(struct access_log_buffer *buffer, struct rota_http_exchange *x,
	const struct rota_http_done *done);

/* Write what there is and stop.  How many lines were dropped. */
uint64_t access_log_close(struct access_log *log);

#endif

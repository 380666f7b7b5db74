/* access_log.c - a line for each request, written by a thread that may wait so that the loops need
 * not */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_log.h"

enum {
	BUFFER_BYTES = 256 * 1024, /* of a worker: a second of 2,000 lines at 128 bytes */
};

/* ---- a line ---- */

static void put(struct access_log_line *line, const char *text, size_t len)
{
	size_t room = sizeof line->text - line->len;

	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void put_text(struct access_log_line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* What a peer sent must not look like the end of a field or of a line. */
static void put_foreign(struct access_log_line *line, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		char escaped[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			put(line, escaped, sizeof escaped);
		else
			put(line, p, 1);
	}
}

static void put_quoted(struct access_log_line *line, const char *text)
{
	put_text(line, " \"");
	put_foreign(line, text != NULL && *text != '\0' ? text : "-");
	put_text(line, "\"");
}

static void put_number(struct access_log_line *line, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof digits, " %llu", (unsigned long long)number);
	put_text(line, digits);
}

/* "127.0.0.1:4711" without the port, "[::1]:4711" without port and brackets. */
static void put_host(struct access_log_line *line, struct rota_stream *stream)
{
	char name[128], *colon;

	if (rota_stream_peer_name(stream, name, sizeof name) < 0) {
		put_text(line, "-");
		return;
	}
	colon = strrchr(name, ':');
	if (colon != NULL && colon > name && colon[-1] == ']')
		put(line, name + 1, (size_t)(colon - name) - 2);
	else
		put(line, name, colon != NULL ? (size_t)(colon - name) : strlen(name));
}

static void put_time(struct access_log_line *line, struct access_log_buffer *buffer)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now != buffer->second) {
		buffer->second = now;
		localtime_r(&now, &tm);
		strftime(
			buffer->stamp, sizeof buffer->stamp, " - - [%d/%b/%Y:%H:%M:%S %z] \"", &tm);
	}
	put_text(line, buffer->stamp);
}

static void make_line(struct access_log_line *line, struct access_log_buffer *buffer,
	struct rota_http_exchange *x, const struct rota_http_done *done)
{
	put_host(line, rota_http_stream(x));
	put_time(line, buffer);
	if (done->refused) {
		put_text(line, "-");
	} else {
		put_foreign(line, rota_http_method(x));
		put_text(line, " ");
		put_foreign(line, rota_http_target(x));
		put_text(line, rota_http_minor_version(x) == 0 ? " HTTP/1.0" : " HTTP/1.1");
	}
	put_text(line, "\"");
	put_number(line, done->status);
	put_number(line, done->body_bytes);
	if (buffer->log->combined) {
		put_quoted(line, rota_http_header(x, "Referer"));
		put_quoted(line, rota_http_header(x, "User-Agent"));
	}
	if (line->len > sizeof line->text - 2)
		line->len = sizeof line->text - 2;
	put_text(line, "\n");
}

static void want_writer(struct access_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->urgent = true;
	pthread_cond_signal(&log->wanted);
	pthread_mutex_unlock(&log->lock);
}

void access_log_add(struct access_log_buffer *buffer, struct rota_http_exchange *x,
	const struct rota_http_done *done)
{
	struct access_log_line *line = &buffer->line;
	size_t before, after;

	line->len = 0;
	make_line(line, buffer, x, done);
	pthread_mutex_lock(&buffer->lock);
	before = buffer->len;
	if (line->len <= BUFFER_BYTES - before) {
		memcpy(buffer->text + before, line->text, line->len);
		buffer->len += line->len;
	} else {
		buffer->dropped++;
	}
	after = buffer->len;
	pthread_mutex_unlock(&buffer->lock);
	if (before < BUFFER_BYTES / 2 && after >= BUFFER_BYTES / 2)
		want_writer(buffer->log);
}

/* ---- the writer ---- */

static void write_failed(struct access_log *log, int error, size_t bytes)
{
	if (log->error != error)
		fprintf(stderr,
			"rota serve: cannot write the access log '%s': %s; serving goes on\n",
			log->name, rota_strerror(error));
	log->error = error;
	log->failed_bytes += bytes;
}

static void write_out(struct access_log *log, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(log->fd, text, len);

		if (n < 0 && rota_errno() == -EINTR)
			continue;
		if (n < 0) {
			write_failed(log, rota_errno(), len);
			return;
		}
		text += n;
		len -= (size_t)n;
	}
	log->error = 0;
}

/* The text changes places with the spare one, so the worker waits for no disk. */
static void drain(struct access_log *log, struct access_log_buffer *buffer)
{
	char *text;
	size_t len;

	pthread_mutex_lock(&buffer->lock);
	text = buffer->text;
	len = buffer->len;
	if (len > 0) {
		buffer->text = log->spare;
		buffer->len = 0;
		log->spare = text;
	}
	pthread_mutex_unlock(&buffer->lock);
	if (len > 0)
		write_out(log, text, len);
}

static void drain_all(struct access_log *log)
{
	for (unsigned i = 0; i < log->buffer_count; i++)
		drain(log, &log->buffers[i]);
}

/* Until somebody is in a hurry or half a second has passed. */
static bool wait_for_work(struct access_log *log)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 500 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&log->lock);
	while (!log->urgent && !log->stop)
		if (pthread_cond_timedwait(&log->wanted, &log->lock, &until) == ETIMEDOUT)
			break;
	log->urgent = false;
	stop = log->stop;
	pthread_mutex_unlock(&log->lock);
	return !stop;
}

static void *writer(void *arg)
{
	struct access_log *log = arg;

	while (wait_for_work(log))
		drain_all(log);
	drain_all(log);
	return NULL;
}

/* ---- life ---- */

static void release(struct access_log *log)
{
	for (unsigned i = 0; log->buffers != NULL && i < log->buffer_count; i++) {
		pthread_mutex_destroy(&log->buffers[i].lock);
		free(log->buffers[i].text);
	}
	free(log->buffers);
	free(log->spare);
	pthread_mutex_destroy(&log->lock);
	pthread_cond_destroy(&log->wanted);
}

int access_log_open(
	struct access_log *log, int fd, const char *name, bool combined, unsigned workers)
{
	int rc;

	*log = (struct access_log){
		.fd = fd, .name = name, .combined = combined, .buffer_count = workers
	};
	pthread_mutex_init(&log->lock, NULL);
	pthread_cond_init(&log->wanted, NULL);
	log->spare = malloc(BUFFER_BYTES);
	log->buffers = calloc(workers, sizeof *log->buffers);
	rc = log->spare != NULL && log->buffers != NULL ? 0 : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < workers; i++) {
		struct access_log_buffer *buffer = &log->buffers[i];

		buffer->log = log;
		pthread_mutex_init(&buffer->lock, NULL);
		buffer->text = malloc(BUFFER_BYTES);
		rc = buffer->text != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = -pthread_create(&log->thread, NULL, writer, log);
	if (rc < 0)
		release(log);
	return rc;
}

/* A pipe that nobody reads must not keep the program from ending. */
static bool join_writer(struct access_log *log)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2;
	return pthread_timedjoin_np(log->thread, NULL, &until) == 0;
}

uint64_t access_log_close(struct access_log *log)
{
	uint64_t dropped = 0;

	pthread_mutex_lock(&log->lock);
	log->stop = true;
	pthread_cond_signal(&log->wanted);
	pthread_mutex_unlock(&log->lock);
	if (!join_writer(log)) {
		write_failed(log, -ETIMEDOUT, 0);
		return dropped;
	}
	for (unsigned i = 0; i < log->buffer_count; i++)
		dropped += log->buffers[i].dropped;
	release(log);
	return dropped;
}

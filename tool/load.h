/* load.h - what the files of `rota load` share
 *
 *   load.c         the command: options, the crew, the end
 *   load_run.c     one connection under load: closed loop, or open loop on a schedule
 *   load_http.c    what a request and an answer are over HTTP
 *   load_echo.c    the same for an echo server, every byte checked
 *   load_report.c  progress, the table, JSON
 *
 * Closed loop (no --rate): a connection sends its next requests when it has the answers to the last
 * ones, so a server that stalls also stalls the load, and what would have come meanwhile is missing
 * from the latencies.  The report says so.  Open loop (--rate): requests are due at times fixed in
 * advance, and latency counts from when a request was due, whenever it could be sent: nothing is
 * left out. */
#ifndef ROTA_TOOL_LOAD_H
#define ROTA_TOOL_LOAD_H

#include <rota.h>
#include <rota/http.h>
#include <stdio.h>

#include "args.h"
#include "codec/http.h"
#include "codec/url.h"
#include "crew.h"
#include "histogram.h"

/* X(constant, its name in the JSON report, for people) */
#define LOAD_ERRORS(X)                                                                             \
	X(CONNECT, "connect", "could not connect")                                                 \
	X(RESET, "reset", "connection reset")                                                      \
	X(CLOSED, "closed", "closed in the middle")                                                \
	X(TIMEOUT, "timeout", "no answer in time")                                                 \
	X(PROTOCOL, "protocol", "not the protocol")                                                \
	X(MISMATCH, "mismatch", "wrong bytes")                                                     \
	X(STATUS, "status", "status 400 and up")                                                   \
	X(OTHER, "other", "other")

enum load_error {
#define X(id, key, text) LOAD_ERROR_##id,
	LOAD_ERRORS(X)
#undef X
		LOAD_ERROR_COUNT
};

/* Nanoseconds times rates do not fit 64 bits for long. */
__extension__ typedef unsigned __int128 load_wide;

struct load_conn;

struct load_protocol {
	const char *name; /* "http", "echo" */
	/* 0 or a negative code.  close() also after a failed open(). */
	int (*open)(struct load_conn *c);
	void (*close)(struct load_conn *c);
	/* Send `count` requests in one write. */
	int (*send)(struct load_conn *c, unsigned count);
	/* Take the next answer in.  1: more may follow on this connection, 0: it was the last one.
	 * -ETIMEDOUT may be the stream's deadline: it is called again then. */
	int (*receive)(struct load_conn *c);
	struct rota_stream *(*stream)(struct load_conn *c);
};

extern const struct load_protocol load_http, load_echo;

struct load_worker {
	struct load *load;
	struct crew_member *member;
	struct histogram latency;
	struct load_conn *conn; /* of this worker */
	unsigned connections;
	/* Written by the worker, read by whoever shows progress: atomics. */
	uint64_t answers, bytes_in, bytes_out, connects;
	uint64_t errors[LOAD_ERROR_COUNT];
	uint64_t status[6];
	int connect_error; /* the first one */
};

struct load {
	/* what was asked for */
	const char *url_text;
	struct url url;
	uint64_t connections, duration_ns, requests, rate, depth, message_bytes, workers,
		timeout_ns;
	const char *method, *body_text, *json, *poller;
	struct arg_list headers;
	bool quiet, progress;
	const struct load_protocol *protocol;

	/* made of it before it begins, then only read */
	char *request;        /* `depth` requests, one behind the other */
	size_t request_bytes; /* of one */
	enum http_method method_id;
	char *pattern; /* what messages of the echo protocol are cut from */

	/* while it runs */
	struct load_worker *worker;
	uint64_t begin_ns, end_ns, finished_ns; /* end_ns: no request is due later */
	bool stopped;				/* by a signal, before its end */
	uint64_t requests_left;                 /* closed by zero; atomic */
	char poller_name[16];
};

struct load_conn {
	struct load_worker *worker;
	unsigned number; /* among all connections */
	bool connected, writing;
	struct rota_scope *scope; /* of tasks that live as long as the connection */
	struct rota_http_client *http;
	struct rota_stream *tcp;
	uint64_t *since_ns; /* of requests in flight: sent, or due; a ring of load->depth */
	unsigned in_flight, oldest;
	uint64_t scheduled; /* open loop: how many were sent */
	/* HTTP: the answer whose body is being read */
	unsigned status;
	bool in_answer, keep_alive;
	/* echo, since connecting */
	uint64_t sent_bytes, received_bytes, last_answered;
};

/* ---- load_http.c, load_echo.c: what is made before ---- */

int load_http_prepare(struct load *load);
int load_echo_prepare(struct load *load);

/* ---- load_run.c ---- */

/* Connect all connections of a worker; those that fail are counted and try again under load. */
int load_connect(struct load_worker *worker);

/* The load of one worker; ends at load->end_ns, or when load->requests were sent. */
int load_run(struct load_worker *worker);

int load_open(struct load_conn *c);

/* Write all of it.  More than a socket holds is written by a task beside, so that answers can be
 * read meanwhile; `bytes` must then live until the answers are here. */
int load_write(struct load_conn *c, const void *bytes, size_t size);

/* ---- load_report.c ---- */

void load_progress(struct load *load); /* one line, over the last one */
void load_report(struct load *load);
int load_report_json(struct load *load); /* 0 or a negative errno */
uint64_t load_error_count(const struct load *load);

#define load_count(counter, n) __atomic_fetch_add(&(counter), (n), __ATOMIC_RELAXED)
#define load_get(counter)      __atomic_load_n(&(counter), __ATOMIC_RELAXED)

#endif

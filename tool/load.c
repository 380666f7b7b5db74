/* load.c - the command `rota load`: options, the crew, the end */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "load.h"

static struct load load;

static const struct arg_option options[] = {
	{ "connections", 'c', ARG_NUMBER, &load.connections, "N", "connections; default 64", 1,
		1000000 },
	{ "duration", 'd', ARG_DURATION, &load.duration_ns, "TIME",
		"send requests for so long; default 10s, unless -n is given", ROTA_MILLISECONDS(1),
		ROTA_SECONDS(1000000) },
	{ "requests", 'n', ARG_NUMBER, &load.requests, "N", "send so many requests in all", 1,
		UINT64_MAX - 1 },
	{ "rate", 'r', ARG_NUMBER, &load.rate, "N",
		"open loop: so many requests a second, due at fixed times", 1, 1000000000 },
	{ "pipeline", 'p', ARG_NUMBER, &load.depth, "N",
		"requests in flight on each connection; default 1", 1, 4096 },
	{ "size", 's', ARG_BYTES, &load.message_bytes, "BYTES",
		"tcp://, unix: size of a message; default 64", 1, 16 * 1024 * 1024 },
	{ "workers", 'w', ARG_NUMBER, &load.workers, "N", "threads; default: one for each CPU", 1,
		CREW_MAX },
	{ "method", 'm', ARG_TEXT, &load.method, "NAME", "default GET, or POST with a body", 0, 0 },
	{ "header", 'H', ARG_LIST, &load.headers, "'NAME: VALUE'", "add a header; may be repeated",
		0, 0 },
	{ "body", 'b', ARG_TEXT, &load.body_text, "TEXT",
		"send this; '@FILE' sends the file's bytes", 0, 0 },
	{ "timeout", 't', ARG_DURATION, &load.timeout_ns, "TIME",
		"an answer that takes longer is an error; default 10s", ROTA_MILLISECONDS(1),
		ROTA_SECONDS(86400) },
	{ "poller", 0, ARG_TEXT, &load.poller, "NAME",
		"uring or epoll; default: the best that works", 0, 0 },
	{ "json", 'j', ARG_TEXT, &load.json, "FILE", "write the result as JSON; '-' is stdout", 0,
		0 },
	{ "quiet", 'q', ARG_FLAG, &load.quiet, NULL, "no progress and no table", 0, 0 },
	{ NULL, 0, ARG_FLAG, NULL, NULL, NULL, 0, 0 },
};

static const struct arg_command command = {
	.name = "load",
	.operands = "URL",
	.summary = "put a server under load and measure it",
	.options = options,
	.notes = "URL is http://HOST[:PORT]/PATH, or tcp://HOST:PORT or unix:/PATH for an echo "
		 "server,\n"
		 "whose every byte is checked.  Without --rate the loop is closed: requests wait "
		 "for\n"
		 "answers, and the latencies miss what a stalled server kept from being sent.\n"
		 "With --rate latency counts from when a request was due.  See rota-load(1).\n",
};

/* ---- the crew's calls ---- */

static int start(struct crew_member *member)
{
	struct load_worker *worker = &load.worker[member->number];

	worker->member = member;
	if (member->number == 0)
		snprintf(load.poller_name, sizeof load.poller_name, "%s", rota_poller_name());
	load_connect(worker);
	/* A server that nobody reached at all is not worth ten seconds. */
	if (worker->connects == 0 && worker->connect_error != 0)
		return worker->connect_error;
	return rota_cancelled();
}

static void started(struct crew *crew)
{
	load.begin_ns = rota_now_ns();
	load.end_ns = load.duration_ns != 0 ? load.begin_ns + load.duration_ns : ROTA_FOREVER;
}

static int work(struct crew_member *member)
{
	return load_run(&load.worker[member->number]);
}

static void finish(struct crew_member *member)
{
	struct load_worker *worker = &load.worker[member->number];

	for (unsigned i = 0; i < worker->connections; i++)
		load.protocol->close(&worker->conn[i]);
}

/* ---- before ---- */

static int take_url(void)
{
	int rc = rota__url_parse(span_of(load.url_text), &load.url);

	if (rc < 0)
		return args_complain(&command, "'%s': %s", load.url_text, rota__url_error_text(rc));
	switch (load.url.scheme) {
	case URL_HTTP:
		load.protocol = &load_http;
		return 0;
	case URL_TCP:
	case URL_UNIX:
		load.protocol = &load_echo;
		return 0;
	default:
		return args_complain(
			&command, "'%s': only http, tcp and unix are known", load.url_text);
	}
}

static int check_words(void)
{
	bool http = load.protocol == &load_http;

	if (!http && (load.method != NULL || load.body_text != NULL || load.headers.count > 0))
		return args_complain(
			&command, "--method, --header and --body are for http:// only");
	if (http && load.message_bytes != 0)
		return args_complain(&command, "--size is for tcp:// and unix: only; see --body");
	if (load.poller != NULL && strcmp(load.poller, "uring") != 0 &&
		strcmp(load.poller, "epoll") != 0)
		return args_complain(&command, "--poller is uring or epoll, not '%s'", load.poller);
	if (load.json != NULL && *load.json == '\0')
		return args_complain(&command, "--json needs the name of a file, or '-'");
	return 0;
}

/* Connections over workers, the first ones one more where it does not come out even. */
static int make_workers(void)
{
	unsigned number = 0;

	if (load.workers > load.connections)
		load.workers = load.connections;
	load.worker = calloc(load.workers, sizeof *load.worker);
	if (load.worker == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < load.workers; i++) {
		struct load_worker *w = &load.worker[i];
		uint64_t *since;

		w->load = &load;
		w->connections = (unsigned)(load.connections / load.workers +
					    (i < load.connections % load.workers));
		w->conn = calloc(w->connections, sizeof *w->conn);
		since = malloc(w->connections * load.depth * sizeof *since);
		if (w->conn == NULL || since == NULL) {
			free(since);
			return -ENOMEM;
		}
		for (unsigned j = 0; j < w->connections; j++) {
			w->conn[j].worker = w;
			w->conn[j].number = number++;
			w->conn[j].since_ns = since + j * load.depth;
		}
	}
	return 0;
}

static void free_all(void)
{
	for (unsigned i = 0; load.worker != NULL && i < load.workers; i++) {
		if (load.worker[i].conn != NULL)
			free(load.worker[i].conn[0].since_ns);
		free(load.worker[i].conn);
	}
	free(load.worker);
	free(load.request);
	free(load.pattern);
}

static int prepare(void)
{
	int rc = load.protocol == &load_http ? load_http_prepare(&load) : load_echo_prepare(&load);

	if (rc == 0)
		rc = make_workers();
	if (rc == -ENOMEM)
		fprintf(stderr, "rota load: %s\n", rota_strerror(rc));
	return rc;
}

/* ---- all of it ---- */

static int report(int rc)
{
	if (load.begin_ns == 0 && rc != -ECANCELED) {
		fprintf(stderr, "rota load: cannot connect to %s: %s\n", load.url_text,
			rota_strerror(rc));
		return EXIT_FAILED;
	}
	if (load.begin_ns == 0)
		return EXIT_FAILED;
	if (!load.quiet)
		load_report(&load);
	if (load.json != NULL) {
		int written = load_report_json(&load);

		if (written < 0) {
			fprintf(stderr, "rota load: cannot write '%s': %s\n", load.json,
				rota_strerror(written));
			return EXIT_FAILED;
		}
	}
	if (rc < 0 && rc != -ECANCELED) {
		fprintf(stderr, "rota load: %s\n", rota_strerror(rc));
		return EXIT_FAILED;
	}
	return load_error_count(&load) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int run(void)
{
	struct crew crew = {
		.size = (unsigned)load.workers,
		.options = { .poller = load.poller },
		.start = start,
		.started = started,
		.work = work,
		.finish = finish,
	};
	int rc;

	load.requests_left = load.requests != 0 ? load.requests : UINT64_MAX / 2;
	load.progress = !load.quiet && isatty(STDERR_FILENO);
	rc = crew_run(&crew);
	load.finished_ns = rota_now_ns();
	load.stopped = rc == -ECANCELED;
	return report(rc);
}

int command_load(int argc, char **argv)
{
	int operands, rc;

	load.connections = 64;
	load.depth = 1;
	load.workers = crew_default_size();
	load.timeout_ns = ROTA_SECONDS(10);
	operands = args_parse(&command, argc, argv, &load.url_text, 1);
	if (operands == ARGS_HELPED)
		return EXIT_OK;
	if (operands == 0)
		return args_complain(&command, "a URL is missing");
	if (operands < 0 || take_url() != 0 || check_words() != 0)
		return EXIT_USAGE;
	if (load.duration_ns == 0 && load.requests == 0)
		load.duration_ns = ROTA_SECONDS(10);
	if (load.message_bytes == 0)
		load.message_bytes = 64;
	rc = prepare();
	rc = rc == -EINVAL ? EXIT_USAGE : rc < 0 ? EXIT_FAILED : run();
	free_all();
	return rc;
}

void command_load_help(void)
{
	args_print_help(&command);
}

/* load_report.c - progress, the table, JSON */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char *const error_texts[] = {
#define X(id, key, text) text,
	LOAD_ERRORS(X)
#undef X
};

static const char *const error_keys[] = {
#define X(id, key, text) key,
	LOAD_ERRORS(X)
#undef X
};

static const struct {
	const char *name, *key;
	double part;
} percentiles[] = {
	{ "p50", "p50", 0.5 },
	{ "p90", "p90", 0.9 },
	{ "p99", "p99", 0.99 },
	{ "p99.9", "p99_9", 0.999 },
	{ "p99.99", "p99_99", 0.9999 },
	{ "max", "max", 1.0 },
};

enum { PERCENTILES = sizeof percentiles / sizeof percentiles[0] };

struct totals {
	uint64_t answers, bytes_in, bytes_out, connects, error_count;
	uint64_t errors[LOAD_ERROR_COUNT], status[6];
};

static void add_up(const struct load *load, struct totals *t)
{
	*t = (struct totals){ 0 };
	for (unsigned i = 0; i < load->workers; i++) {
		const struct load_worker *w = &load->worker[i];

		t->answers += load_get(w->answers);
		t->bytes_in += load_get(w->bytes_in);
		t->bytes_out += load_get(w->bytes_out);
		t->connects += load_get(w->connects);
		for (int j = 0; j < LOAD_ERROR_COUNT; j++)
			t->errors[j] += load_get(w->errors[j]);
		for (int j = 0; j < 6; j++)
			t->status[j] += load_get(w->status[j]);
	}
	for (int j = 0; j < LOAD_ERROR_COUNT; j++)
		t->error_count += t->errors[j];
}

uint64_t load_error_count(const struct load *load)
{
	struct totals t;

	add_up(load, &t);
	return t.error_count + (t.answers == 0);
}

/* Open loop: how many were due before the end of the sending time, the first one at once.  A load
 * that was stopped ends there; one that has sent all may be over before the last interval is. */
static uint64_t due_count(const struct load *load)
{
	uint64_t end = load->stopped && load->finished_ns < load->end_ns ? load->finished_ns
									 : load->end_ns;
	load_wide passed = (load_wide)(end - load->begin_ns) * load->rate;
	load_wide due = (passed + 999999999) / 1000000000;

	return load->requests != 0 && load->requests < due ? load->requests : (uint64_t)due;
}

static uint64_t sent_count(const struct load *load)
{
	uint64_t sent = 0;

	for (unsigned i = 0; i < load->workers; i++)
		for (unsigned j = 0; j < load->worker[i].connections; j++)
			sent += load->worker[i].conn[j].scheduled;
	return sent;
}

static double seconds(const struct load *load, uint64_t until_ns)
{
	return (double)(until_ns - load->begin_ns) / 1e9;
}

/* ---- for people ---- */

static void thousands(char *buf, size_t size, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	size_t at = 0;

	for (int i = 0; i < n && at + 2 < size; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
}

static void time_text(char *buf, size_t size, double ns)
{
	if (ns < 10e3)
		snprintf(buf, size, "%.2f us", ns / 1e3);
	else if (ns < 1e6)
		snprintf(buf, size, "%.0f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(buf, size, "%.*f ms", ns < 100e6 ? 2 : 0, ns / 1e6);
	else
		snprintf(buf, size, "%.2f s", ns / 1e9);
}

static void bytes_text(char *buf, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	int unit = 0;

	for (; bytes >= 1024 && unit < 4; unit++)
		bytes /= 1024;
	snprintf(buf, size, "%.*f %s", unit > 0, bytes, units[unit]);
}

void load_progress(struct load *load)
{
	char answers[32], rate[32];
	double passed = seconds(load, rota_now_ns());
	struct totals t;

	add_up(load, &t);
	thousands(answers, sizeof answers, t.answers);
	thousands(rate, sizeof rate, (uint64_t)((double)t.answers / passed));
	fprintf(stderr, "\r%6.0f s  %s answers  %s/s  %llu errors   ", passed, answers, rate,
		(unsigned long long)t.error_count);
}

static void print_latency(const struct load *load, const struct histogram *h)
{
	char text[32];

	printf("latency      ");
	for (int i = 0; i < PERCENTILES; i++) {
		time_text(text, sizeof text, (double)histogram_percentile(h, percentiles[i].part));
		printf("%s%s %s", i > 0 ? "  " : "", percentiles[i].name, text);
	}
	time_text(text, sizeof text, histogram_mean(h));
	printf("\n             mean %s", text);
	time_text(text, sizeof text, histogram_deviation(h));
	printf(", standard deviation %s\n", text);
	printf(load->rate > 0 ? "             counted from when each request was due\n"
			      : "             counted from when it was sent; a stalled server also "
				"stalls "
				"this load: see --rate\n");
}

/* Why connecting failed, the first time. */
static int connect_error(const struct load *load)
{
	for (unsigned i = 0; i < load->workers; i++)
		if (load->worker[i].connect_error != 0)
			return load->worker[i].connect_error;
	return 0;
}

static void print_errors(const struct load *load, const struct totals *t)
{
	const char *separator = "";

	printf("errors       ");
	if (t->error_count == 0)
		printf("none");
	for (int i = 0; i < LOAD_ERROR_COUNT; i++) {
		if (t->errors[i] == 0)
			continue;
		printf("%s%s %llu", separator, error_texts[i], (unsigned long long)t->errors[i]);
		if (i == LOAD_ERROR_CONNECT)
			printf(" (%s)", rota_strerror(connect_error(load)));
		separator = ", ";
	}
	printf("\n");
}

static void print_bytes(const struct totals *t, double passed)
{
	char in[32], out[32], in_rate[32], out_rate[32];

	bytes_text(in, sizeof in, (double)t->bytes_in);
	bytes_text(out, sizeof out, (double)t->bytes_out);
	bytes_text(in_rate, sizeof in_rate, (double)t->bytes_in / passed);
	bytes_text(out_rate, sizeof out_rate, (double)t->bytes_out / passed);
	printf("bytes        %s in, %s/s; %s out, %s/s\n", in, in_rate, out, out_rate);
}

static struct histogram *merge(const struct load *load)
{
	struct histogram *all = calloc(1, sizeof *all);

	for (unsigned i = 0; all != NULL && i < load->workers; i++)
		histogram_merge(all, &load->worker[i].latency);
	return all;
}

void load_report(struct load *load)
{
	double passed = seconds(load, load->finished_ns);
	struct histogram *all = merge(load);
	char answers[32], rate[32];
	struct totals t;

	add_up(load, &t);
	if (load->progress)
		fprintf(stderr, "\r%60s\r", "");
	printf("%s\n", load->url_text);
	if (load->rate > 0)
		printf("open loop, %llu requests/s", (unsigned long long)load->rate);
	else
		printf("closed loop");
	printf("; %llu connections, %llu in flight on each; %llu workers, %s; %.2f s\n\n",
		(unsigned long long)load->connections, (unsigned long long)load->depth,
		(unsigned long long)load->workers, load->poller_name, passed);
	thousands(answers, sizeof answers, t.answers);
	thousands(rate, sizeof rate, (uint64_t)((double)t.answers / passed));
	printf("answers      %s, %s/s\n", answers, rate);
	if (load->rate > 0 && sent_count(load) < due_count(load))
		printf("behind       %llu of %llu due requests could not be sent in time: the "
		       "server "
		       "(or this load) is too slow for the rate\n",
			(unsigned long long)(due_count(load) - sent_count(load)),
			(unsigned long long)due_count(load));
	if (all != NULL && t.answers > 0)
		print_latency(load, all);
	print_bytes(&t, passed);
	print_errors(load, &t);
	free(all);
}

/* ---- for programs ---- */

static void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_latency(FILE *out, const struct histogram *h)
{
	const char *separator = "";

	fprintf(out,
		"  \"latency_ns\": { \"count\": %llu, \"min\": %llu, \"mean\": %.1f, "
		"\"deviation\": %.1f",
		(unsigned long long)h->count, (unsigned long long)h->min, histogram_mean(h),
		histogram_deviation(h));
	for (int i = 0; i < PERCENTILES; i++)
		fprintf(out, ", \"%s\": %llu", percentiles[i].key,
			(unsigned long long)histogram_percentile(h, percentiles[i].part));
	fprintf(out, " },\n  \"latency_histogram_ns\": [");
	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
		if (h->slot[i] == 0)
			continue;
		fprintf(out, "%s[%llu, %llu]", separator, (unsigned long long)histogram_slot_top(i),
			(unsigned long long)h->slot[i]);
		separator = ", ";
	}
	fprintf(out, "],\n");
}

static void json_counts(FILE *out, const struct totals *t)
{
	fprintf(out,
		"  \"status\": { \"1xx\": %llu, \"2xx\": %llu, \"3xx\": %llu, \"4xx\": %llu, "
		"\"5xx\": %llu },\n",
		(unsigned long long)t->status[1], (unsigned long long)t->status[2],
		(unsigned long long)t->status[3], (unsigned long long)t->status[4],
		(unsigned long long)t->status[5]);
	fprintf(out, "  \"errors\": {");
	for (int i = 0; i < LOAD_ERROR_COUNT; i++)
		fprintf(out, "%s \"%s\": %llu", i > 0 ? "," : "", error_keys[i],
			(unsigned long long)t->errors[i]);
	fprintf(out, " }\n}\n");
}

static void write_json(FILE *out, const struct load *load, const struct histogram *all)
{
	double passed = seconds(load, load->finished_ns);
	struct totals t;

	add_up(load, &t);
	fprintf(out, "{\n  \"url\": ");
	json_string(out, load->url_text);
	fprintf(out, ",\n  \"protocol\": \"%s\",\n  \"loop\": \"%s\",\n  \"rate\": %llu,\n",
		load->protocol->name, load->rate > 0 ? "open" : "closed",
		(unsigned long long)load->rate);
	fprintf(out,
		"  \"connections\": %llu,\n  \"pipeline\": %llu,\n  \"workers\": %llu,\n  "
		"\"poller\": \"%s\",\n",
		(unsigned long long)load->connections, (unsigned long long)load->depth,
		(unsigned long long)load->workers, load->poller_name);
	fprintf(out,
		"  \"seconds\": %.6f,\n  \"answers\": %llu,\n  \"answers_per_second\": %.1f,\n",
		passed, (unsigned long long)t.answers, (double)t.answers / passed);
	if (load->rate > 0)
		fprintf(out, "  \"due\": %llu,\n  \"sent\": %llu,\n",
			(unsigned long long)due_count(load), (unsigned long long)sent_count(load));
	fprintf(out, "  \"connects\": %llu,\n  \"bytes_in\": %llu,\n  \"bytes_out\": %llu,\n",
		(unsigned long long)t.connects, (unsigned long long)t.bytes_in,
		(unsigned long long)t.bytes_out);
	json_latency(out, all);
	json_counts(out, &t);
}

int load_report_json(struct load *load)
{
	bool standard = strcmp(load->json, "-") == 0;
	struct histogram *all = merge(load);
	FILE *out = standard ? stdout : fopen(load->json, "we");
	int rc = 0;

	if (all == NULL || out == NULL) {
		rc = all == NULL ? -ENOMEM : rota_errno();
	} else {
		write_json(out, load, all);
		rc = fflush(out) != 0 || ferror(out) ? rota_errno() : 0;
	}
	if (out != NULL && !standard && fclose(out) != 0 && rc == 0)
		rc = rota_errno();
	free(all);
	return rc;
}

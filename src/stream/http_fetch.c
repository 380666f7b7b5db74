/* http_fetch.c - rota_fetch(): one URL, its redirects, and the whole answer
 *
 * A connection for each hop, closed behind it.  Redirects as browsers and RFC 9110 15.4 have them:
 *
 *   301, 302   POST becomes GET without its body; other methods stay
 *   303        everything but HEAD becomes GET without its body
 *   307, 308   method and body stay
 *
 * What tells who we are goes to the first host only. */
#include "os/mem.h"
#include "stream/http_client.h"

enum {
	REDIRECTS_MAX = 10,
	BODY_BYTES_FIRST = 16 * 1024,
	HEADERS_MAX = 64, /* of a request: the caller's and our defaults */
};

#define BODY_BYTES_MAX (UINT64_C(64) * 1024 * 1024)

struct fetch {
	const struct rota_fetch_options *options;
	const char *method;
	const void *body;
	size_t body_size;
	bool elsewhere; /* a redirect led to another host, port or scheme */
	char *url;      /* the hop's; ours */
	struct url parsed;
	struct rota_http_client *client;
	struct rota_http_answer answer;
	struct rota_http_response *response;
};

/* ---- the response ---- */

void rota_http_response_free(struct rota_http_response *response)
{
	if (response == NULL)
		return;
	rota__free((void *)response->headers);
	rota__free((char *)response->url);
	rota__free(response->body);
	rota__free(response);
}

const char *rota_http_response_header(const struct rota_http_response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (rota__span_equal_nocase(span_of(response->headers[i].name), span_of(name)))
			return response->headers[i].value;
	return NULL;
}

/* The fields in one block: the list, then the texts it points at. */
static int copy_headers(struct fetch *f)
{
	const struct http1_head *head = &f->client->head;
	struct rota_http_header *list, field;
	size_t bytes = (head->field_count + 1) * sizeof *list;
	char *text;

	for (size_t i = 0; rota_http_answer_header_at(f->client, i, &field); i++)
		bytes += strlen(field.name) + strlen(field.value) + 2;
	list = rota__alloc(bytes);
	if (list == NULL)
		return -ENOMEM;
	text = (char *)(list + head->field_count + 1);
	for (size_t i = 0; rota_http_answer_header_at(f->client, i, &field); i++) {
		size_t name = strlen(field.name) + 1, value = strlen(field.value) + 1;

		list[i].name = memcpy(text, field.name, name);
		list[i].value = memcpy(text + name, field.value, value);
		text += name + value;
	}
	list[head->field_count] = (struct rota_http_header){ NULL, NULL };
	f->response->headers = list;
	f->response->header_count = head->field_count;
	return 0;
}

/* The body, in a block that ends up as long as it has to be. */
static int read_body(struct fetch *f)
{
	struct rota_http_response *r = f->response;
	uint64_t max = f->options->body_bytes_max ? f->options->body_bytes_max : BODY_BYTES_MAX;
	size_t room = BODY_BYTES_FIRST;
	ssize_t n;

	if (f->answer.body_size > 0 && (uint64_t)f->answer.body_size > max)
		return ROTA_ELIMIT;
	/* What a server announces is believed only up to here, in memory. */
	if (f->answer.body_size > 0 && (uint64_t)f->answer.body_size < BODY_BYTES_MAX)
		room = (size_t)f->answer.body_size + 1;
	r->body = rota__alloc(room);
	if (r->body == NULL)
		return -ENOMEM;
	for (;;) {
		n = rota_http_read(f->client, r->body + r->body_size, room - 1 - r->body_size);
		if (n <= 0)
			break;
		r->body_size += (size_t)n;
		if (r->body_size > max)
			return ROTA_ELIMIT;
		if (r->body_size < room - 1)
			continue;
		/* Full.  Grown also when this was all: that is not known before the next read. */
		char *larger = rota__realloc(r->body, 2 * room);

		if (larger == NULL)
			return -ENOMEM;
		r->body = larger;
		room *= 2;
	}
	r->body[r->body_size] = '\0';
	return (int)n;
}

/* ---- a request ---- */

static bool tells_who(const char *name)
{
	enum http_field id = rota__http_field(name, strlen(name));

	return id == HTTP_FIELD_AUTHORIZATION || id == HTTP_FIELD_COOKIE ||
	       id == HTTP_FIELD_PROXY_AUTHORIZATION || id == HTTP_FIELD_HOST;
}

static bool about_the_body(const char *name)
{
	enum http_field id = rota__http_field(name, strlen(name));

	return id == HTTP_FIELD_CONTENT_TYPE || id == HTTP_FIELD_CONTENT_ENCODING ||
	       id == HTTP_FIELD_CONTENT_LANGUAGE || id == HTTP_FIELD_CONTENT_LOCATION;
}

/* The caller's fields that go to this hop, and defaults for what they leave out. */
static int choose_headers(const struct fetch *f, struct rota_http_header *list)
{
	const struct rota_http_header *given = f->options->headers;
	bool agent = false, accept = false;
	size_t count = 0;

	for (; given != NULL && given->name != NULL; given++) {
		enum http_field id = rota__http_field(given->name, strlen(given->name));

		if (count == HEADERS_MAX - 4)
			return -E2BIG;
		if ((f->elsewhere && tells_who(given->name)) ||
			(f->body != f->options->body && about_the_body(given->name)))
			continue;
		agent = agent || id == HTTP_FIELD_USER_AGENT;
		accept = accept || id == HTTP_FIELD_ACCEPT;
		list[count++] = *given;
	}
	if (!agent)
		list[count++] = (struct rota_http_header){ "User-Agent", "rota" };
	if (!accept)
		list[count++] = (struct rota_http_header){ "Accept", "*/*" };
	list[count++] = (struct rota_http_header){ "Connection", "close" };
	list[count] = (struct rota_http_header){ NULL, NULL };
	return 0;
}

static int ask(struct fetch *f)
{
	struct rota_http_header headers[HEADERS_MAX];
	struct rota_http_request request = {
		.method = f->method,
		.headers = headers,
		.body = f->body,
		.body_size = f->body_size,
	};
	int sent, rc = choose_headers(f, headers);

	if (rc == 0)
		rc = rota__http_client_open(&f->client, &f->parsed, NULL);
	if (rc < 0)
		return rc;
	sent = rota_http_send(f->client, &request);
	if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET)
		return sent;
	/* When the server has hung up on the request, an answer may tell why. */
	rc = rota_http_receive(f->client, &f->answer);
	return rc < 0 && sent < 0 ? sent : rc;
}

/* ---- redirects ---- */

static bool is_redirect(unsigned status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool same_place(const struct url *a, const struct url *b)
{
	return a->scheme == b->scheme && a->port == b->port &&
	       rota__span_equal_nocase(a->host, b->host);
}

static void change_method(struct fetch *f, unsigned status)
{
	bool post = strcmp(f->method, "POST") == 0, head = strcmp(f->method, "HEAD") == 0;

	if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) {
		f->method = "GET";
		f->body = NULL;
		f->body_size = 0;
	}
}

/* Go where the answer points. */
static int follow(struct fetch *f)
{
	const char *location = rota_http_answer_header(f->client, "Location");
	struct url next;
	char *text;
	int n;

	text = rota__alloc(URL_BYTES_MAX + 1);
	if (text == NULL)
		return -ENOMEM;
	n = rota__url_resolve(&f->parsed, span_of(location), text, URL_BYTES_MAX);
	if (n >= 0) {
		text[n] = '\0';
		n = rota__url_parse((struct span){ text, (size_t)n }, &next);
	}
	if (n < 0) {
		rota__free(text);
		return ROTA_EREDIRECTS;
	}
	change_method(f, f->answer.status);
	f->elsewhere = f->elsewhere || !same_place(&f->parsed, &next);
	rota__free(f->url);
	f->url = text;
	f->parsed = next;
	return 0;
}

static int fetch(struct fetch *f)
{
	int max = f->options->redirects_max != 0 ? f->options->redirects_max : REDIRECTS_MAX;
	int rc;

	for (;;) {
		rc = ask(f);
		if (rc < 0)
			return rc;
		if (!is_redirect(f->answer.status) || max < 0 ||
			rota_http_answer_header(f->client, "Location") == NULL)
			break;
		if (f->response->redirects == (unsigned)max)
			return ROTA_EREDIRECTS;
		f->response->redirects++;
		rc = follow(f);
		if (rc < 0)
			return rc;
		rota_http_disconnect(f->client);
		f->client = NULL;
	}
	f->response->status = f->answer.status;
	rc = copy_headers(f);
	return rc < 0 ? rc : read_body(f);
}

/* ---- all of it ---- */

static int begin(struct fetch *f, const char *url)
{
	size_t size = strlen(url) + 1;
	int rc;

	f->response = rota__alloc_zero(sizeof *f->response);
	f->url = rota__alloc(size);
	if (f->response == NULL || f->url == NULL)
		return -ENOMEM;
	memcpy(f->url, url, size);
	rc = rota__url_parse((struct span){ f->url, size - 1 }, &f->parsed);
	return rc < 0 ? rota__http_public_error(rc) : 0;
}

static int fetch_all(void *arg)
{
	return fetch(arg);
}

int rota_fetch(const char *url, const struct rota_fetch_options *options,
	struct rota_http_response **ret_response)
{
	static const struct rota_fetch_options defaults;
	struct fetch f = { .options = options != NULL ? options : &defaults };
	int rc;

	f.body = f.options->body;
	f.body_size = f.options->body_size;
	f.method = f.options->method;
	if (f.method == NULL)
		f.method = f.body_size > 0 ? "POST" : "GET";
	rc = rota_self() == NULL ? -EPERM : begin(&f, url);
	if (rc == 0)
		rc = f.options->timeout_ns != 0 ? rota_timeout(f.options->timeout_ns, fetch_all, &f)
						: fetch(&f);
	rota_http_disconnect(f.client);
	if (rc < 0) {
		rota__free(f.url);
		rota_http_response_free(f.response);
		return rc;
	}
	f.response->url = f.url;
	*ret_response = f.response;
	return 0;
}

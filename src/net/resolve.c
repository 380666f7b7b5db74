/* resolve.c - names become addresses, and addresses names: getaddrinfo(3) and getnameinfo(3) on the blocking pool
 *
 * A look-up can hang for half a minute when a name server is away, and it cannot be stopped.  So it
 * owns its memory, and a task or a request whose wait is cut short leaves it behind:
 *
 *   WAITED_FOR --pool: found----> FOUND (posted to the loop; who waits is told, and frees it)
 *      |  \----- waiter: cancelled-> LEFT --pool: found--> freed there, nobody is told
 *      \--cancelled before it began: taken out of the pool and freed */
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "io/request.h"
#include "net/resolve.h"
#include "os/mem.h"
#include "task/task.h"
#include "trace/trace.h"
#include "work/work.h"

enum { WAITED_FOR, FOUND, LEFT };

/* RFC 1035: a name has at most 255 bytes, its text form 253 and a final dot.  Services are short. */
enum { HOST_BYTES = 256, SERVICE_BYTES = 64 };

/* What the answer is written to; it belongs to who waits. */
struct asked {
	struct rota_address *addresses;
	size_t room;
	char *host, *service; /* or these, of `from` */
	size_t host_size, service_size;
};

struct lookup {
	struct rota__job job;
	struct rota_post post;
	struct rota_loop *loop;
	struct rota__wait *wait;      /* the loop's side only, as the next: a task's memory, or NULL */
	struct rota_request *request; /* where no task waits */
	struct asked asked;
	char host[HOST_BYTES], service[SERVICE_BYTES]; /* asked for, or the answer */
	struct rota_address from; /* size > 0: it is the address that is known */
	bool only_numeric; /* "[...]" can only be an address */
	uint32_t state;	   /* the pool's thread and the loop's meet here */
	int result;	   /* what the system says, with errno for EAI_SYSTEM */
	int system_error;
	struct addrinfo *found;
};

/* ---- the text ---- */

static bool copy_part(char *to, size_t room, const char *from, size_t length)
{
	if (length >= room || memchr(from, '\0', length) != NULL)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

/* getaddrinfo() takes 65536 for 0. */
static bool too_large(const char *service)
{
	return service[strspn(service, "0123456789")] == '\0' && (strlen(service) > 5 || atoi(service) > 65535);
}

/* "host:service", "[v6]:service", ":service", "*:service". */
static int split(struct lookup *lookup, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;

	if (colon == NULL || colon[1] == '\0')
		return -EINVAL;
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		lookup->only_numeric = true;
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL || memchr(text, '[', length) != NULL) {
		return -EINVAL;
	}
	if (length == 1 && text[0] == '*')
		length = 0;
	if (!copy_part(lookup->service, SERVICE_BYTES, colon + 1, strlen(colon + 1)) || too_large(lookup->service))
		return -EINVAL;
	return copy_part(lookup->host, HOST_BYTES, text, length) ? 0 : ROTA_ENAME;
}

/* ---- the look-up ---- */

static void lookup_free(struct lookup *lookup)
{
	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	rota__free(lookup);
}

/* No AI_ADDRCONFIG: it hides loopback addresses on a machine that has no others, and addresses that
 * cannot be reached cost a connect one refused system call.  No socket type: the list then serves
 * streams and datagrams, and what comes twice is dropped. */
static int find_addresses(struct lookup *lookup)
{
	struct addrinfo hints = {
		.ai_family = lookup->host[0] != '\0' ? AF_UNSPEC : AF_INET6,
		.ai_flags = (lookup->only_numeric ? AI_NUMERICHOST : 0) | (lookup->host[0] != '\0' ? 0 : AI_PASSIVE),
	};

	return getaddrinfo(lookup->host[0] != '\0' ? lookup->host : NULL, lookup->service, &hints, &lookup->found);
}

/* A number stands for a name that is not known. */
static int find_name(struct lookup *lookup)
{
	return getnameinfo((const struct sockaddr *)&lookup->from.storage, lookup->from.size, lookup->host,
		sizeof lookup->host, lookup->service, sizeof lookup->service, 0);
}

static void look_up(struct rota__job *job)
{
	struct lookup *lookup = container_of(job, struct lookup, job);

	rota__trace(ROTA__EV_JOB_RUN, 0, NULL);
	lookup->result = lookup->from.size > 0 ? find_name(lookup) : find_addresses(lookup);
	lookup->system_error = rota_errno();
	rota__trace(ROTA__EV_JOB_STOP, 0, NULL);
}

static void looked_up(struct rota__job *job)
{
	struct lookup *lookup = container_of(job, struct lookup, job);

	/* The release hands our result to whoever frees it; pairs with the swap in cut_short(). */
	if (swap_acq_rel(&lookup->state, FOUND) == LEFT)
		lookup_free(lookup);
	else
		rota_post(lookup->loop, &lookup->post);
}

/* To the pool, or an error: then nothing has happened. */
static int hand_over(struct lookup *lookup, struct rota_loop *loop, void (*found)(struct rota_post *post))
{
	lookup->job = (struct rota__job){ .run = look_up, .done = looked_up, .lane = WORK_NAMES };
	lookup->post.fn = found;
	lookup->loop = loop;
	return rota__work_submit(&lookup->job);
}

/* Who waits does so no more.  False: it is too late, the answer is on its way. */
static bool leave(struct lookup *lookup)
{
	if (rota__work_cancel(&lookup->job)) {
		lookup_free(lookup);
		return true;
	}
	return swap_acq_rel(&lookup->state, LEFT) != FOUND; /* pairs with looked_up() */
}

/* ---- a task waits ---- */

static void wake(struct rota_post *post)
{
	struct lookup *lookup = container_of(post, struct lookup, post);

	lookup->loop->alive--;
	lookup->wait->cancel = NULL;
	rota__wake(lookup->wait->task);
}

/* On the stack of the task that waits. */
struct lookup_wait {
	struct rota__wait wait;
	struct lookup *lookup; /* NULL once it is not ours any more */
	int reason;
};

static void cut_short(struct rota__wait *wait, int reason)
{
	struct lookup_wait *w = container_of(wait, struct lookup_wait, wait);
	struct rota_loop *loop = w->lookup->loop;

	if (!leave(w->lookup))
		return; /* the result wins */
	w->lookup = NULL;
	w->reason = reason;
	loop->alive--;
	rota__wake(wait->task);
}

/* Run `lookup`, which is given up on an error. */
static int wait_for(struct lookup **lookup)
{
	struct rota_task *task = rota__current();
	struct lookup_wait w = { .wait = { .task = task, .cancel = cut_short, .what = "the addresses of a name" }, .lookup = *lookup };
	int rc = rota__task_cancelled(task);

	(*lookup)->wait = &w.wait;
	w.wait.loop = task->worker->loop;
	if (rc == 0)
		rc = hand_over(*lookup, w.wait.loop, wake);
	if (rc < 0) {
		lookup_free(*lookup);
		return rc;
	}
	task->worker->loop->alive++;
	rota__park(&w.wait);
	*lookup = w.lookup;
	return w.reason;
}

/* ---- the answer ---- */

static int error_of(const struct lookup *lookup)
{
	switch (lookup->result) {
	case 0:
		return 0;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return lookup->only_numeric ? -EINVAL : ROTA_ENAME;
	case EAI_AGAIN:
		return ROTA_EAGAINNAME;
	case EAI_SERVICE: /* no such service, or a port above 65535 */
		return -EINVAL;
	case EAI_OVERFLOW:
		return -ENAMETOOLONG;
	case EAI_FAMILY:
		return -EAFNOSUPPORT;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return lookup->system_error != 0 ? lookup->system_error : -EIO;
	default: /* EAI_FAIL: the name server answered that it cannot answer */
		return -EIO;
	}
}

static struct rota_address address_of(const struct addrinfo *info)
{
	struct rota_address address = { .size = info->ai_addrlen };

	memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
	return address;
}

static bool known(const struct rota_address *addresses, size_t count, const struct addrinfo *info)
{
	for (size_t i = 0; i < count; i++)
		if (addresses[i].size == info->ai_addrlen &&
			memcmp(&addresses[i].storage, info->ai_addr, info->ai_addrlen) == 0)
			return true;
	return false;
}

size_t rota__addresses_in_turn(const struct addrinfo *found, struct rota_address *ret_addresses, size_t room)
{
	int first = found != NULL ? found->ai_family : AF_UNSPEC;
	const struct addrinfo *next[2] = { found, found };
	size_t count = 0;

	for (int other = 0; count < room && (next[0] != NULL || next[1] != NULL); other = !other) {
		const struct addrinfo **it = &next[other];

		while (*it != NULL && ((((*it)->ai_family != first) != other) || known(ret_addresses, count, *it)))
			*it = (*it)->ai_next;
		if (*it != NULL)
			ret_addresses[count++] = address_of(*it);
	}
	return count;
}

static int copy_name(char *to, size_t room, const char *from)
{
	if (to == NULL)
		return 0;
	return copy_part(to, room, from, strlen(from)) ? 0 : -ENAMETOOLONG;
}

/* What was found, for who asked; the look-up is over. */
static int answer(struct lookup *lookup)
{
	const struct asked *a = &lookup->asked;
	int rc = error_of(lookup);

	if (rc == 0 && lookup->from.size == 0)
		rc = (int)rota__addresses_in_turn(lookup->found, a->addresses, a->room);
	else if (rc == 0)
		rc = copy_name(a->host, a->host_size, lookup->host);
	if (rc == 0 && lookup->from.size > 0)
		rc = copy_name(a->service, a->service_size, lookup->service);
	lookup_free(lookup);
	return rc;
}

/* ---- what is asked ---- */

/* A look-up for `address`; or, for one that is numeric, NULL and its answer in *ret_rc, as for an error. */
static struct lookup *forward(const char *address, struct rota_address *ret_addresses, size_t room, int *ret_rc)
{
	struct rota_address numeric;
	struct lookup *lookup;
	int rc = rota_address_parse(&numeric, address);

	*ret_rc = -EINVAL;
	if (address == NULL || (ret_addresses == NULL && room > 0))
		return NULL;
	if (rc == 0 && room > 0)
		ret_addresses[0] = numeric;
	*ret_rc = rc < 0 ? rc : room > 0;
	if (rc != -EINVAL)
		return NULL;
	lookup = rota__alloc_zero(sizeof *lookup);
	*ret_rc = lookup != NULL ? split(lookup, address) : -ENOMEM;
	if (*ret_rc < 0) {
		rota__free(lookup);
		return NULL;
	}
	lookup->asked = (struct asked){ .addresses = ret_addresses, .room = room };
	return lookup;
}

static struct lookup *back(const struct rota_address *address, struct asked asked, int *ret_rc)
{
	struct lookup *lookup = NULL;

	*ret_rc = address == NULL || address->size == 0 || address->size > sizeof address->storage ? -EINVAL : -ENOMEM;
	if (*ret_rc == -ENOMEM)
		lookup = rota__alloc_zero(sizeof *lookup);
	if (lookup == NULL)
		return NULL;
	lookup->from = *address;
	lookup->asked = asked;
	return lookup;
}

/* NULL: there is nothing to be waited for, the answer is `rc`. */
static int wait_and_answer(struct lookup *lookup, int rc)
{
	if (lookup == NULL)
		return rc;
	rc = wait_for(&lookup);
	return rc < 0 ? rc : answer(lookup);
}

int rota_resolve(const char *address, struct rota_address *ret_addresses, size_t room)
{
	ROTA_INSIDE();
	struct lookup *lookup;
	int rc;

	if (rota__begin_call() == NULL)
		return -EPERM;
	lookup = forward(address, ret_addresses, room, &rc);
	return wait_and_answer(lookup, rc);
}

int rota_resolve_back(
	const struct rota_address *address, char *host, size_t host_size, char *service, size_t service_size)
{
	ROTA_INSIDE();
	struct lookup *lookup;
	int rc;

	if (rota__begin_call() == NULL)
		return -EPERM;
	lookup = back(address, (struct asked){ .host = host, .host_size = host_size, .service = service,
		.service_size = service_size }, &rc);
	return wait_and_answer(lookup, rc);
}

/* ---- a request waits ---- */

static void tell(struct rota_post *post)
{
	struct lookup *lookup = container_of(post, struct lookup, post);
	struct rota_request *request = lookup->request;

	rota__request_tell(request, answer(lookup));
}

static void cancel(struct rota_request *request)
{
	struct lookup *lookup;

	memcpy(&lookup, request->inside, sizeof lookup);
	if (leave(lookup))
		rota__request_tell_later(request, -ECANCELED);
}

/* As wait_and_answer(): what is known already is told later all the same. */
static int ask(struct rota_loop *loop, struct rota_request *request, struct lookup *lookup, int rc, rota_request_fn fn,
	const char *site)
{
	if (rota__request_begin(loop, request, cancel, fn, site) == NULL) {
		if (lookup != NULL)
			lookup_free(lookup);
		return -EPERM;
	}
	if (lookup == NULL) {
		rota__request_tell_later(request, rc);
		return 0;
	}
	lookup->request = request;
	memcpy(request->inside, &lookup, sizeof lookup);
	rc = hand_over(lookup, request->loop, tell);
	if (rc < 0) {
		lookup_free(lookup);
		rota__request_undo(request);
	}
	return rc;
}

int rota_request_resolve_at(struct rota_loop *loop, struct rota_request *request, const char *address,
	struct rota_address *ret_addresses, size_t room, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();
	int rc;
	struct lookup *lookup;

	if (address == NULL || (ret_addresses == NULL && room > 0))
		return -EINVAL;
	lookup = forward(address, ret_addresses, room, &rc);
	return ask(loop, request, lookup, rc, fn, site);
}

int rota_request_resolve_back_at(struct rota_loop *loop, struct rota_request *request, const struct rota_address *address,
	char *host, size_t host_size, char *service, size_t service_size, rota_request_fn fn, const char *site)
{
	ROTA_INSIDE();
	int rc;
	struct lookup *lookup;

	if (address == NULL)
		return -EINVAL;
	lookup = back(address, (struct asked){ .host = host, .host_size = host_size, .service = service,
		.service_size = service_size }, &rc);

	return ask(loop, request, lookup, rc, fn, site);
}

/* resolve.c - names become addresses: getaddrinfo(3) on the blocking pool
 *
 * A look-up can hang for half a minute when a name server is away, and it cannot be stopped.  So it
 * owns its memory, and a task whose wait is cut short leaves it behind:
 *
 *   WAITED_FOR --pool: found----> FOUND (posted to the loop; the task is woken and frees it)
 *      |  \------task: cancelled-> LEFT --pool: found--> freed there, nobody is told
 *      \--cancelled before it began: taken out of the pool and freed */
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "net/resolve.h"
#include "os/mem.h"
#include "task/task.h"
#include "trace/trace.h"
#include "work/work.h"

enum { WAITED_FOR, FOUND, LEFT };

/* RFC 1035: a name has at most 255 bytes, its text form 253 and a final dot.  Services are short. */
enum { HOST_BYTES = 256, SERVICE_BYTES = 64 };

struct lookup {
	struct rota__job job;
	struct rota_post post;
	struct rota_loop *loop;
	struct rota__wait *wait; /* the loop's side only; its memory is the task's */
	char host[HOST_BYTES], service[SERVICE_BYTES];
	bool only_numeric; /* "[...]" can only be an address */
	uint32_t state;	   /* the pool's thread and the loop's meet here */
	int result;	   /* what getaddrinfo() says, with errno for EAI_SYSTEM */
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
static void look_up(struct rota__job *job)
{
	struct lookup *lookup = container_of(job, struct lookup, job);
	struct addrinfo hints = {
		.ai_family = lookup->host[0] != '\0' ? AF_UNSPEC : AF_INET6,
		.ai_flags = (lookup->only_numeric ? AI_NUMERICHOST : 0) | (lookup->host[0] != '\0' ? 0 : AI_PASSIVE),
	};

	rota__trace(ROTA__EV_JOB_RUN, 0, NULL);
	lookup->result = getaddrinfo(lookup->host[0] != '\0' ? lookup->host : NULL, lookup->service,
		&hints, &lookup->found);
	lookup->system_error = errno;
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

static void wake(struct rota_post *post)
{
	struct lookup *lookup = container_of(post, struct lookup, post);

	lookup->loop->alive--;
	lookup->wait->cancel = NULL;
	rota__wake(lookup->wait->task);
}

/* ---- waiting for it ---- */

/* On the stack of the task that waits. */
struct lookup_wait {
	struct rota__wait wait;
	struct lookup *lookup; /* NULL once it is not ours any more */
	int reason;
};

static void cut_short(struct rota__wait *wait, int reason)
{
	struct lookup_wait *w = container_of(wait, struct lookup_wait, wait);
	struct lookup *lookup = w->lookup;
	struct rota_loop *loop = lookup->loop;

	if (rota__work_cancel(&lookup->job))
		lookup_free(lookup);
	else if (swap_acq_rel(&lookup->state, LEFT) == FOUND) /* pairs with looked_up() */
		return; /* its post is on the way: the result wins */
	w->lookup = NULL;
	w->reason = reason;
	loop->alive--;
	rota__wake(wait->task);
}

/* Run `lookup`, which is given up on an error. */
static int wait_for(struct lookup **lookup)
{
	struct rota_task *task = rota__current();
	struct lookup_wait w = { .wait = { .task = task, .cancel = cut_short }, .lookup = *lookup };
	int rc = rota__task_cancelled(task);

	(*lookup)->job = (struct rota__job){ .run = look_up, .done = looked_up, .lane = WORK_NAMES };
	(*lookup)->post.fn = wake;
	(*lookup)->loop = w.wait.loop = task->worker->loop;
	(*lookup)->wait = &w.wait;
	if (rc == 0)
		rc = rota__work_submit(&(*lookup)->job);
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
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return lookup->system_error != 0 ? -lookup->system_error : -EIO;
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

int rota_resolve(const char *address, struct rota_address *ret_addresses, size_t room)
{
	ROTA_INSIDE();
	struct rota_address numeric;
	struct lookup *lookup;
	size_t count;
	int rc;

	if (rota__current() == NULL)
		return -EPERM;
	rc = rota_address_parse(&numeric, address);
	if (rc == 0 && room > 0)
		ret_addresses[0] = numeric;
	if (rc != -EINVAL)
		return rc < 0 ? rc : room > 0;
	lookup = rota__alloc_zero(sizeof *lookup);
	if (lookup == NULL)
		return -ENOMEM;
	rc = split(lookup, address);
	if (rc < 0) {
		lookup_free(lookup);
		return rc;
	}
	rc = wait_for(&lookup);
	if (rc < 0)
		return rc;
	rc = error_of(lookup);
	count = rota__addresses_in_turn(lookup->found, ret_addresses, room);
	lookup_free(lookup);
	return rc < 0 ? rc : (int)count;
}

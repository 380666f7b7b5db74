/* rights.c - descriptors beside the bytes of a local socket
 *
 * They are attached to a byte: so they go with the first bytes of a message, and a receive that comes to such bytes ends with
 * them, however many follow. */
#include "io/rights.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rota/base.h>

void rota__rights_pack(struct msghdr *msg, union rota__rights *control, const int *fds, unsigned count)
{
	*control = (union rota__rights){ 0 };
	control->align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(count * sizeof *fds) };
	memcpy(CMSG_DATA(&control->align), fds, count * sizeof *fds);
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(count * sizeof *fds);
}

void rota__rights_close(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* What came, into fds[]: how many.  The kernel may have cut them into several messages. */
static unsigned unpack(struct msghdr *msg, int *fds)
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(c), bytes);
		count += (unsigned)(bytes / sizeof *fds);
	}
	return count;
}

ssize_t rota__rights_recv(int fd, struct iovec room, int *fds, unsigned *ret_count)
{
	union rota__rights control;
	struct msghdr msg = { .msg_iov = &room, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n;

	*ret_count = 0;
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && rota_errno() == -EINTR);
	if (n < 0)
		return rota_errno();
	*ret_count = unpack(&msg, fds);
	if (!(msg.msg_flags & MSG_CTRUNC))
		return n;
	/* There was room for all that can come: so we had no numbers left for them. */
	rota__rights_close(fds, *ret_count);
	*ret_count = 0;
	return -EMFILE;
}

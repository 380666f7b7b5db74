/* rights.h - descriptors beside the bytes of a local socket (SCM_RIGHTS) */
#ifndef ROTA_IO_RIGHTS_H
#define ROTA_IO_RIGHTS_H

#include <sys/socket.h>
#include <sys/types.h>

enum { RIGHTS_MAX = 253 }; /* of a message: the kernel's SCM_MAX_FD */

union rota__rights {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
};

/* Put 1 to RIGHTS_MAX descriptors into *control, and that into *msg. */
void rota__rights_pack(struct msghdr *msg, union rota__rights *control, const int *fds, unsigned count);

/* Receive bytes and what came with them, close-on-exec, without waiting: bytes, or a negative errno, and then nothing came.
 * fds[] has room for RIGHTS_MAX.  -EMFILE: there were no numbers left for all of them; those that came are closed, and the bytes are lost. */
ssize_t rota__rights_recv(int fd, struct iovec room, int *fds, unsigned *ret_count);

void rota__rights_close(const int *fds, unsigned count);

#endif

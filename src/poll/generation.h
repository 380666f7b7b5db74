/* generation.h - which owner of a descriptor's number this is: counted for the whole process
 *
 * A number is given anew by the kernel as soon as it is closed, and the next owner may use it on another
 * poller, in another thread.  So each close that we do counts, and a poller that remembers something of a
 * number looks whether it is still about the same owner. */
#ifndef ROTA_POLL_GENERATION_H
#define ROTA_POLL_GENERATION_H

#include <stdint.h>

/* Of the number's owner now; *ret is untouched if there is no memory for it (-ENOMEM) or no such number
 * can be (-EBADF).  0 on success.  Any thread. */
int rota__fd_generation(int fd, uint32_t *ret);

/* `fd` is about to be closed.  Any thread. */
void rota__fd_closing(int fd);

#endif

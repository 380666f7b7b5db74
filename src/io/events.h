/* events.h - ROTA_READABLE and its brothers, and poll(2)'s names for them */
#ifndef ROTA_IO_EVENTS_H
#define ROTA_IO_EVENTS_H

#include <poll.h>
#include <rota/poll.h>

static inline uint32_t events_asked(int events)
{
	return (uint32_t)((events & ROTA_READABLE ? POLLIN : 0) | (events & ROTA_WRITABLE ? POLLOUT : 0) |
		(events & ROTA_HANGUP ? POLLRDHUP : 0) | (events & ROTA_URGENT ? POLLPRI : 0));
}

/* Some of them, and nothing that is none of them. */
static inline bool events_known(int events)
{
	return events != 0 && (events & ~(ROTA_READABLE | ROTA_WRITABLE | ROTA_HANGUP | ROTA_URGENT)) == 0;
}

/* An error is found out by reading or writing, so it counts as both, as far as they were asked for. */
static inline int events_told(int64_t revents, int asked)
{
	int both = asked & (ROTA_READABLE | ROTA_WRITABLE);

	int told = (revents & POLLIN ? ROTA_READABLE : 0) | (revents & POLLOUT ? ROTA_WRITABLE : 0) |
		(revents & POLLPRI ? ROTA_URGENT : 0) | (revents & (POLLHUP | POLLRDHUP) ? ROTA_HANGUP : 0) |
		(revents & (POLLERR | POLLHUP) ? both : 0);

	return told & (asked | ROTA_HANGUP);
}

#endif

/* watch.c - limit: inotify, as many events as fit with each read(2) */
#include "folder.h"

#include <sys/inotify.h>

static char events[64 << 10] __attribute__((aligned(8)));

/* False when all is measured. */
static bool collect(int fd)
{
	ssize_t size = read(fd, events, sizeof events);

	if (size <= 0)
		folder_die("read");
	for (char *at = events; at < events + size;) {
		struct inotify_event *event = (struct inotify_event *)at;

		if (!folder_reported(event->name))
			return false;
		at += sizeof *event + event->len;
	}
	return true;
}

int main(void)
{
	int fd = inotify_init1(IN_CLOEXEC);

	folder_make();
	if (fd < 0 || inotify_add_watch(fd, folder_path, IN_MODIFY) < 0)
		folder_die("inotify");
	folder_begin();
	while (collect(fd))
		;
	folder_remove();
	return 0;
}

/* tty.c - a task waits until a terminal has another size */
#include <rota/signal.h>
#include <rota/task.h>
#include <rota/tty.h>

/* The signal is caught before the size is looked at, so that no change falls between. */
int rota_tty_wait_resize(int fd, struct rota_tty_size *size)
{
	struct rota_tty_size now;
	struct rota_signals *signals;
	int rc;

	if (rota_self() == NULL)
		return -EPERM;
	rc = rota_signals_open(&signals, &(int){ SIGWINCH }, 1);
	if (rc < 0)
		return rc;
	do
		rc = rota_tty_get_size(fd, &now);
	while (rc == 0 && now.columns == size->columns && now.rows == size->rows &&
		(rc = rota_signals_wait(signals)) > 0);
	rota_signals_close(signals);
	if (rc == 0)
		*size = now;
	return rc;
}

/* embed.c - a loop inside the program's own poll(2): what is typed goes to ADDRESS, what comes from there is shown.   embed ADDRESS */
#include <poll.h>
#include <rota.h>
#include <stdio.h>
#include <unistd.h>

static struct rota_loop *loop;
static struct rota_conn conn;
static struct rota_write line;
static char typed[4096];
static bool busy = true; /* it has not connected, or `typed` is on its way: nothing is read from the keyboard */
static int64_t quiet;
static int failed;

static void say_quiet(void *arg) { fprintf(stderr, "nothing has come for a while\n"); }
static void on_written(struct rota_write *write, int rc) { busy = rc < 0; }

static void on_read(struct rota_conn *c, const void *data, ssize_t size)
{
	if (size <= 0 || fwrite(data, 1, (size_t)size, stdout) < (size_t)size || fflush(stdout) != 0)
		rota_handle_close(&c->handle, NULL);
	rota_refresh(loop, quiet);
}

static void on_connect(struct rota_conn *c, int rc)
{
	failed = rc == 0 ? rota_conn_read_start(c, on_read) : rc;
	if ((busy = failed < 0))
		rota_handle_close(&c->handle, NULL);
}

static void read_typed(void)
{
	ssize_t n = read(STDIN_FILENO, typed, sizeof typed);

	busy = true;
	if (n <= 0 || rota_conn_write(&conn, &line, typed, (size_t)n, on_written) < 0)
		rota_conn_end(&conn, &line, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 2 || rota_loop_new(&loop, NULL) < 0)
		return 2;
	failed = rota_conn_connect(loop, &conn, argv[1], on_connect);
	rota_unref(loop, quiet = rota_set_interval(loop, ROTA_MILLISECONDS(500), say_quiet, NULL)); /* it keeps nobody here */
	while (rota_loop_alive(loop)) {
		struct pollfd fds[2] = { { rota_loop_backend_fd(loop), POLLIN, 0 }, { busy ? -1 : STDIN_FILENO, POLLIN, 0 } };
		uint64_t now = rota_now_ns(), due = rota_loop_backend_deadline(loop); /* asked last, when all else is done */

		poll(fds, 2, due == ROTA_FOREVER ? -1 : due > now ? (int)((due - now) / 1000000 + 1) : 0);
		if (fds[1].revents != 0)
			read_typed();
		rota_loop_run(loop, ROTA_RUN_NOWAIT);
	}
	if (failed < 0)
		fprintf(stderr, "embed: %s: %s\n", argv[1], rota_strerror(failed));
	return rota_loop_free(loop) < 0 || failed < 0;
}

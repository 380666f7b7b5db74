/* process.c - libuv: uv_spawn of /bin/true, which inherits the standard streams as elsewhere */
#include "bench.h"

#include <uv.h>

enum { ONE_BY_ONE = 300, AT_ONCE = 16, ROUNDS = 25 };

static uv_process_t processes[AT_ONCE];
static int left, running, together;

static void start(void);

static void on_closed(uv_handle_t *handle)
{
	(void)handle;
	if (--running == 0 && left > 0)
		start();
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	if (status != 0 || signal != 0)
		exit(1);
	uv_close((uv_handle_t *)process, on_closed);
}

static void start(void)
{
	char *argv[] = { "/bin/true", NULL };
	uv_stdio_container_t stdio[3];
	uv_process_options_t options = { .file = argv[0], .args = argv, .stdio = stdio, .stdio_count = 3 };

	for (int fd = 0; fd < 3; fd++) {
		stdio[fd].flags = UV_INHERIT_FD;
		stdio[fd].data.fd = fd;
	}
	options.exit_cb = on_exit_of;
	left -= together;
	running = together;
	for (int i = 0; i < together; i++)
		if (uv_spawn(uv_default_loop(), &processes[i], &options) < 0)
			exit(1);
}

static void measure(const char *metric, int at_once, int count)
{
	uint64_t start_ns = bench_now_ns();

	together = at_once;
	left = count;
	start();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_result(metric, (double)(bench_now_ns() - start_ns) / 1e3 / count);
}

int main(void)
{
	measure("process-one", 1, ONE_BY_ONE);
	measure("process-16", AT_ONCE, AT_ONCE * ROUNDS);
	return 0;
}

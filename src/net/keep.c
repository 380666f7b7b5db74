/* keep.c - a program that is kept running
 *
 *   start --> runs --ends--> pause, longer if it ended soon --> start ...
 *               \--cancelled: SIGTERM --ends, or SIGKILL after the grace--> done */
#include <signal.h>

#include <rota/cluster.h>
#include <rota/task.h>

static void tell(const struct rota_keep_options *o, struct rota_process *p, const struct rota_exit *how)
{
	if (o->on_change != NULL)
		o->on_change(p, how, o->arg);
}

static int wait_for(void *process)
{
	return rota_process_wait(process, NULL);
}

struct stop {
	struct rota_process *process;
	uint64_t grace_ns;
	struct rota_exit how;
};

/* In a shield: whoever asked for the end waits for it. */
static int stop(void *arg)
{
	struct stop *s = arg;

	rota_process_kill(s->process, SIGTERM);
	if (rota_timeout(s->grace_ns, wait_for, s->process) < 0)
		rota_process_kill(s->process, SIGKILL);
	return rota_process_wait(s->process, &s->how);
}

/* From start to end.  0: it ended by itself. */
static int run_once(const struct rota_command *command, const struct rota_keep_options *o)
{
	struct rota_process *process;
	struct rota_exit how = { 0 };
	int rc = rota_process_start(&process, command);

	if (rc < 0)
		return rc;
	tell(o, process, NULL);
	rc = rota_process_wait(process, &how);
	if (rc < 0) {
		struct stop s = { .process = process, .grace_ns = o->grace_ns };

		rota_shield(ROTA_FOREVER, stop, &s);
		how = s.how;
	}
	tell(o, process, &how);
	rota_process_close(process);
	return rc;
}

/* The system is short of something, which may pass. */
static bool may_pass(int rc)
{
	return rc == -EAGAIN || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static struct rota_keep_options complete(const struct rota_keep_options *options)
{
	struct rota_keep_options o = options != NULL ? *options : (struct rota_keep_options){ 0 };

	if (o.pause_ns == 0)
		o.pause_ns = ROTA_MILLISECONDS(100);
	if (o.pause_ns_max == 0)
		o.pause_ns_max = ROTA_SECONDS(10);
	if (o.grace_ns == 0)
		o.grace_ns = ROTA_SECONDS(10);
	return o;
}

int rota_command_keep(const struct rota_command *command, const struct rota_keep_options *options)
{
	struct rota_keep_options o = complete(options);
	uint64_t pause_ns = o.pause_ns;
	int rc = rota_cancelled();

	while (rc == 0) {
		uint64_t began_ns = rota_now_ns();

		rc = run_once(command, &o);
		if (rc < 0 && !may_pass(rc))
			break;
		if (rota_now_ns() - began_ns > o.pause_ns_max)
			pause_ns = o.pause_ns;
		rc = rota_sleep(pause_ns);
		pause_ns = pause_ns < o.pause_ns_max / 2 ? 2 * pause_ns : o.pause_ns_max;
	}
	return rc;
}

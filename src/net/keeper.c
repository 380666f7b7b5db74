/* keeper.c - makes workers, and tells how they ended (keeper.h)
 *
 * The keeper never runs foreign code, never allocates and knows no loop: it waits for the control socket and for
 * SIGCHLD, and does what there is to do.  Its table of workers is static, and its own: the fork made it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/rights.h"
#include "net/keeper.h"

static struct worker {
	pid_t pid; /* 0: none */
	int fd;
} workers[SLOTS_MAX];

static const struct rota_process_function *named; /* what workers can be asked for by name */

int rota__keeper_start(int control_fd, uint32_t slot, int fd)
{
	union rota__rights control;
	struct iovec iov = { &slot, sizeof slot };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	rota__rights_pack(&msg, &control, &fd, 1);
	return sendmsg(control_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? rota_errno() : 0;
}

/* ---- in the keeper ---- */

/* If nobody listens any more, nobody wanted to know. */
static void last_word(struct worker *w, struct rota__message m)
{
	m.magic = MESSAGE_MAGIC;
	while (send(w->fd, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && rota_errno() == -EINTR)
		;
	close(w->fd);
	w->pid = 0;
}

/* It is a zombie until we wait: its number, and its group's, are nobody else's yet. */
static bool has_ended(const struct worker *w)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == w->pid;
}

/* With it goes what its functions have started and left in its group. */
static void end_of(struct worker *w)
{
	struct rusage used;
	int status;
	pid_t rc;

	kill(-w->pid, SIGKILL);
	do
		rc = wait4(w->pid, &status, 0, &used);
	while (rc < 0 && rota_errno() == -EINTR);
	if (rc == w->pid)
		last_word(w, (struct rota__message){ .kind = MESSAGE_DIED, .status = status, .used = used });
}

static void replace(struct worker *w)
{
	kill(w->pid, SIGKILL); /* itself, too: it may not have its group yet */
	end_of(w);
}

/* Nothing of the keeper's but the worker's own socket, which becomes 3. */
static _Noreturn void become_worker(int fd, pid_t keeper)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd != 3)
		dup2(fd, 3);
	syscall(SYS_close_range, 4u, ~0u, 0);
	rota__worker_main(3, named);
}

static void start(uint32_t slot, int fd, pid_t keeper)
{
	struct worker *w = &workers[slot];

	if (w->pid != 0)
		replace(w);
	w->fd = fd;
	w->pid = fork();
	if (w->pid == 0)
		become_worker(fd, keeper);
	if (w->pid < 0)
		last_word(w, (struct rota__message){ .kind = MESSAGE_NO_FORK, .result = rota_errno() });
}

/* One request.  False: the control socket has ended. */
static bool obey(int control_fd, pid_t keeper)
{
	uint32_t slot = SLOTS_MAX;
	int fds[RIGHTS_MAX];
	unsigned count;
	ssize_t n = rota__rights_recv(control_fd, (struct iovec){ &slot, sizeof slot }, fds, &count);

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EMFILE))
		return false;
	if (count == 1 && slot < SLOTS_MAX)
		start(slot, fds[0], keeper);
	else /* no number was left for it: its socket has ended, which the other side sees */
		rota__rights_close(fds, count);
	return true;
}

static void look_at_workers(int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) > 0)
		;
	for (int i = 0; i < SLOTS_MAX; i++)
		if (workers[i].pid != 0 && has_ended(&workers[i]))
			end_of(&workers[i]);
}

static void kill_all(void)
{
	for (int i = 0; i < SLOTS_MAX; i++)
		if (workers[i].pid != 0)
			replace(&workers[i]);
}

/* stdin is nobody's; stdout and stderr are the program's; signals as in a new program, except that a terminal's
 * interrupt is for the program to handle. */
static int settle(int *control, int null)
{
	sigset_t chld;

	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, signo == SIGINT || signo == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_SETMASK, &chld, NULL);
	dup2(null, 0);
	if (*control != 3)
		dup2(*control, 3);
	*control = 3;
	syscall(SYS_close_range, 4u, ~0u, 0);
	prctl(PR_SET_NAME, "rota-keeper");
	return signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
}

_Noreturn void rota__keeper_main(int control, int null, const struct rota_process_function *functions)
{
	int signals = settle(&control, null);
	struct pollfd wait_for[2] = { { control, POLLIN, 0 }, { signals, POLLIN, 0 } };
	pid_t self = getpid();

	memset(workers, 0, sizeof workers);
	named = functions;
	if (signals < 0)
		_exit(1);
	for (;;) {
		poll(wait_for, 2, -1);
		if (wait_for[1].revents != 0)
			look_at_workers(signals);
		if (wait_for[0].revents != 0 && !obey(control, self))
			break;
	}
	kill_all();
	_exit(0);
}

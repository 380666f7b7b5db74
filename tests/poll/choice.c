/* choice.c - which poller is taken: asked for, best, or what a sandbox leaves */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/test.h"
#include "poll/poller.h"

/* From now on io_uring_setup(2) answers `action`. */
static void forbid_uring(uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		SKIP("seccomp filters are not to be had here");
}

static const char *name_of_choice(const char *asked)
{
	struct rota__poller *poller;
	const char *name;
	int rc = rota__poller_open(&poller, asked, NULL);

	if (rc < 0)
		return "none";
	name = poller->engine->name;
	poller->engine->close(poller);
	return name;
}

TEST(a_forbidden_io_uring_leads_silently_to_epoll)
{
	unsetenv("ROTA_POLLER");
	forbid_uring(SECCOMP_RET_ERRNO | EPERM);
	CHECK_STR(name_of_choice(NULL), "epoll");
}

TEST(a_missing_io_uring_leads_silently_to_epoll)
{
	unsetenv("ROTA_POLLER");
	forbid_uring(SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_STR(name_of_choice(NULL), "epoll");
}

TEST(asking_for_a_forbidden_poller_tells_the_error)
{
	struct rota__poller *poller;

	forbid_uring(SECCOMP_RET_ERRNO | EPERM);
	setenv("ROTA_POLLER", "uring", 1);
	CHECK_EQ(rota__poller_open(&poller, NULL, NULL), -EPERM);
	CHECK_EQ(rota__poller_open(&poller, "uring", NULL), -EPERM);
}

static void open_epoll_where_uring_kills(void *arg)
{
	forbid_uring(SECCOMP_RET_KILL_PROCESS);
	if (arg != NULL)
		setenv("ROTA_POLLER", "epoll", 1);
	else
		unsetenv("ROTA_POLLER");
	name_of_choice(NULL);
}

TEST(with_epoll_asked_for_no_io_uring_call_is_made)
{
	int status;

	if (test_in_qemu())
		SKIP("in qemu-user a filter would judge the emulator's system calls");
	status = test_run_child(open_epoll_where_uring_kills, (void *)"epoll", NULL, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* The trap works: left to itself the choice runs into it. */
	status = test_run_child(open_epoll_where_uring_kills, NULL, NULL, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

TEST(an_unknown_poller_is_refused)
{
	struct rota__poller *poller;

	CHECK_EQ(rota__poller_open(&poller, "abacus", NULL), -EINVAL);
	setenv("ROTA_POLLER", "select", 1);
	CHECK_EQ(rota__poller_open(&poller, NULL, NULL), -EINVAL);
}

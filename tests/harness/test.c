/* test.c - runs the registered tests, each in its own process, and speaks TAP
 *
 *	program [--list] [--no-fork] [part of a name]
 *
 * The runner keeps one page that it shares with the processes of a test.  The verdict is put
 * together from that page and from the way the test's process ended:
 *
 *	page            process ended     verdict
 *	failed          any               not ok: the failed check, whichever process it was in
 *	skipped         any               ok # SKIP
 *	returned        exit 0            ok
 *	returned        otherwise         not ok: what came after, a leak checker for instance
 *	(nothing)       any               not ok: killed by a signal, or left by exit()
 *
 * With ROTA_POLLER=uring in the environment and no io_uring in the kernel, the program is skipped.
 *
 * stdout belongs to TAP: what a test prints there goes to stderr.  There are no time limits: a test
 * that hangs is looked at with a debugger, where it hangs. */
#include "harness/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitizers.h"

struct page {
	pid_t failed; /* the process that claimed `reason` for a failed check */
	bool skipped;
	bool returned;
	char reason[4000];
};

/* Descriptors above this are seen as leaked when they are open after a test, which they are. */
enum { FDS_KNOWN = 65536 };

static struct test *tests, **tests_end = &tests;
static struct page *page;
static bool no_fork;
static unsigned char fd_was_open[FDS_KNOWN];

void test_register(struct test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

/* End the test's process.  Not exit(): handlers would run on a stack that may be a task's. */
static void __attribute__((noreturn)) stop(int status)
{
	if (no_fork) {
		fprintf(stderr, "%s\n", page->reason);
		if (page->failed)
			abort(); /* the debugger sees the place */
	}
	_exit(status);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	pid_t nobody = 0, self = getpid();

	if (!__atomic_compare_exchange_n(
		    &page->failed, &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		while (nobody == self)
			pause(); /* another thread is writing its reason and will end us */
		_exit(1);
	}

	int n = snprintf(page->reason, sizeof page->reason, "%s:%d: ", file, line);
	va_list args;

	va_start(args, format);
	vsnprintf(page->reason + n, sizeof page->reason - n, format, args);
	va_end(args);
	stop(1);
}

void test_skip(const char *reason)
{
	snprintf(page->reason, sizeof page->reason, "%s", reason);
	page->skipped = true;
	stop(0);
}

int test_times(int often)
{
#if defined(ROTA_TSAN)
	return often / 5 > 0 ? often / 5 : 1;
#else
	return often;
#endif
}

bool test_in_qemu(void)
{
	char name[16] = "";
	FILE *comm = fopen("/proc/self/comm", "re");

	if (comm) {
		if (!fgets(name, sizeof name, comm))
			name[0] = '\0';
		fclose(comm);
	}
	return strncmp(name, "qemu-", 5) == 0;
}

/* " (Invalid argument)" for -22: most integers in our tests are answers of the library. */
static const char *meaning(char *text, size_t n, long long value)
{
	if (value < 0 && value > -134)
		snprintf(text, n, " (%s)", strerror((int)-value));
	else
		text[0] = '\0';
	return text;
}

void test_check_eq(
	const char *file, int line, const char *a_text, const char *b_text, long long a, long long b)
{
	char a_means[80], b_means[80];

	if (a == b)
		return;
	test_fail(file, line, "CHECK_EQ(%s, %s): %lld%s is not %lld%s", a_text, b_text, a,
		meaning(a_means, sizeof a_means, a), b, meaning(b_means, sizeof b_means, b));
}

void test_check_str(const char *file, int line, const char *a_text, const char *b_text,
	const char *a, const char *b)
{
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	test_fail(file, line, "CHECK_STR(%s, %s): \"%s\" is not \"%s\"", a_text, b_text,
		a ? a : "(null)", b ? b : "(null)");
}

static pid_t wait_for(pid_t pid, int *status)
{
	pid_t rc;

	do
		rc = waitpid(pid, status, 0);
	while (rc < 0 && errno == EINTR);
	return rc;
}

/* Read to the end, keep what fits. */
static void read_all(int fd, char *text, size_t n)
{
	size_t used = 0;
	char spill[512];

	for (;;) {
		bool fits = used + 1 < n;
		ssize_t got = read(fd, fits ? text + used : spill, fits ? n - 1 - used : sizeof spill);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (fits)
			used += got;
	}
	text[used] = '\0';
}

int test_run_child(void (*fn)(void *arg), void *arg, char *err, size_t n)
{
	int ends[2] = { -1, -1 }, status;

	fflush(NULL);
	if (n > 0)
		CHECK(pipe2(ends, O_CLOEXEC) == 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		if (n > 0)
			dup2(ends[1], STDERR_FILENO);
		fn(arg);
		fflush(NULL);
		_exit(0);
	}
	if (n > 0) {
		close(ends[1]);
		read_all(ends[0], err, n);
		close(ends[0]);
	}
	CHECK_EQ(wait_for(pid, &status), pid);
	return status;
}

/* Call visit(fd) for each descriptor open now. */
static void each_fd(void (*visit)(int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return; /* without /proc there is nothing to compare */
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		int fd = atoi(entry->d_name);
		if (fd != dirfd(dir))
			visit(fd);
	}
	closedir(dir);
}

static void note_fd(int fd)
{
	if (fd < FDS_KNOWN)
		fd_was_open[fd] = 1;
}

/* What is open must have been open before; tick it off. */
static void expect_fd(int fd)
{
	char path[40], target[256] = "";

	if (fd < FDS_KNOWN && fd_was_open[fd]) {
		fd_was_open[fd] = 0;
		return;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof target - 1) >= 0)
		test_fail("descriptors", fd, "leaked: %s", target);
}

static void run_here(struct test *test)
{
	memset(fd_was_open, 0, sizeof fd_was_open);
	each_fd(note_fd);
	test->run();
	fflush(stdout);
	each_fd(expect_fd);
	for (int fd = 0; fd < FDS_KNOWN; fd++)
		if (fd_was_open[fd] && fcntl(fd, F_GETFD) < 0)
			test_fail("descriptors", fd, "closed by a test that did not open it");
	page->returned = true;
}

static void print_reason(const char *text)
{
	for (const char *line = text; *line;) {
		int n = (int)strcspn(line, "\n");

		printf("# %.*s\n", n, line);
		line += n + (line[n] == '\n');
	}
}

/* Whoever is still there of the test's process group loses its right to be.  As their subreaper
 * we inherit them: the dead ones are none of our concern, a living one is a leak.  (qemu-user
 * refuses subreapers; there they die unseen.) */
static bool end_survivors(pid_t group)
{
	pid_t pid;

	while ((pid = waitpid(-group, NULL, WNOHANG)) > 0)
		continue;
	kill(-group, SIGKILL);
	while (wait_for(-group, NULL) > 0)
		continue;
	return pid == 0;
}

/* Say how it went; true if that is well. */
static bool report(struct test *test, int number, int status, bool survivors)
{
	bool ok = !page->failed &&
		(page->skipped || (page->returned && status == 0)) && !survivors;

	printf("%s %d - %s", ok ? "ok" : "not ok", number, test->name);
	printf(ok && page->skipped ? " # SKIP %s\n" : "\n", page->reason);
	if (ok)
		return true;
	if (page->failed)
		print_reason(page->reason);
	else if (WIFSIGNALED(status))
		printf("# killed by signal %d (%s)%s\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)), page->returned ? " after it returned" : "");
	else if (status != 0 || !page->returned)
		printf("# exited with %d %s\n", WEXITSTATUS(status),
			page->returned ? "after it returned: see stderr" : "and did not return");
	if (survivors)
		printf("# left a process running\n");
	return false;
}

static bool run(struct test *test, int number)
{
	int status = 0;
	pid_t pid;

	memset(page, 0, sizeof *page);
	if (no_fork) {
		run_here(test);
		return report(test, number, 0, false);
	}
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		setvbuf(stdout, NULL, _IOLBF, 0);
		run_here(test);
		exit(0); /* leak checkers have their say */
	}
	setpgid(pid, pid);
	wait_for(pid, &status);
	return report(test, number, status, end_survivors(pid));
}

static bool wanted(struct test *test, const char *filter)
{
	return !filter || strstr(test->name, filter);
}

/* NULL, or why the poller that ROTA_POLLER asks for cannot run here.  (With no parameters the system
 * call fails in any case: with EFAULT where it may be used.) */
static const char *poller_is_missing(void)
{
	const char *poller = getenv("ROTA_POLLER");

	if (!poller || strcmp(poller, "uring") != 0)
		return NULL;
	if (syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == EFAULT)
		return NULL;
	return strerror(errno);
}

static int list(const char *filter)
{
	for (struct test *test = tests; test; test = test->next)
		if (wanted(test, filter))
			puts(test->name);
	return 0;
}

/* Whoever started us may ignore or block signals (nohup, a background job); tests send them, and wait for what comes of it. */
static void take_signals_as_they_come(void)
{
	sigset_t none;

	for (int signo = 1; signo < SIGRTMIN; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	const char *filter = NULL;
	bool only_list = false;
	int count = 0, number = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			only_list = true;
		else if (strcmp(argv[i], "--no-fork") == 0)
			no_fork = true;
		else if (argv[i][0] != '-' && !filter)
			filter = argv[i];
		else
			return fprintf(stderr, "usage: %s [--list] [--no-fork] [part of a name]\n",
				       argv[0]), 2;
	}
	if (only_list)
		return list(filter);

	take_signals_as_they_come();
	if (poller_is_missing())
		return printf("1..0 # SKIP this kernel refuses io_uring: %s\n",
			       poller_is_missing()), 0;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return perror("mmap"), 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);

	for (struct test *test = tests; test; test = test->next)
		count += wanted(test, filter);
	printf("1..%d\n", count);
	for (struct test *test = tests; test; test = test->next) {
		if (!wanted(test, filter))
			continue;
		number++;
		fflush(NULL);
		failed += !run(test, number);
	}
	if (count == 0)
		fprintf(stderr, "no test is called that\n");
	return failed > 0 || count == 0;
}

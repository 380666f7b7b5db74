/* cpus.c - how many CPUs we may use
 *
 * The affinity mask says on how many we may run, a cgroup for how much of their time.  A quota binds all that is below it,
 * so every group from ours up to the root of what we see is asked, in both versions of cgroups, and the tightest counts:
 *
 *	/proc/self/mountinfo: which hierarchies there are, and where      /sys/fs/cgroup <- a container's root
 *	/proc/self/cgroup:    our group in each                            /a/b: ask a/b, a, and the root
 *
 * A task with a small stack may ask: what is read lies on the heap. */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "os/mem.h"
#include "sched/model.h"

enum { LINE_BYTES = 1024 }; /* no path of a cgroup comes near it */

struct look {
	const char *root; /* before every path */
	char line[LINE_BYTES], mounted[LINE_BYTES], at[LINE_BYTES], flags[LINE_BYTES], type[64];
	char ours[LINE_BYTES];	    /* our group in a hierarchy */
	char group[3 * LINE_BYTES]; /* the one that is asked: root, where it is mounted, what of our path is below */
	char path[3 * LINE_BYTES + 32];
};

static FILE *open_file(struct look *l, const char *folder, const char *name)
{
	return (size_t)snprintf(l->path, sizeof l->path, "%s/%s", folder, name) < sizeof l->path ? fopen(l->path, "re") : NULL;
}

/* "max 100000" or "150000 100000" in cpu.max, or the two numbers of version 1 in files of their own: the time we may have
 * in each period.  In thousandths of a CPU; 0: no limit. */
static unsigned long long read_share(struct look *l, bool v2)
{
	long long most = 0, period = 0;
	FILE *f = open_file(l, l->group, v2 ? "cpu.max" : "cpu.cfs_quota_us");
	bool known;

	if (f == NULL)
		return 0;
	known = v2 ? fscanf(f, "%lld %lld", &most, &period) == 2 : fscanf(f, "%lld", &most) == 1;
	fclose(f);
	if (known && !v2) {
		f = open_file(l, l->group, "cpu.cfs_period_us");
		known = f != NULL && fscanf(f, "%lld", &period) == 1;
		if (f != NULL)
			fclose(f);
	}
	if (!known || most <= 0 || period <= 0) /* version 1 says -1 for no limit */
		return 0;
	return ((unsigned long long)most * 1000 + (unsigned long long)period - 1) / (unsigned long long)period;
}

/* The tightest of the group `below` a hierarchy's top and of all above it, up to the top. */
static unsigned long long tightest(struct look *l, const char *below, bool v2)
{
	size_t top_length = strlen(l->root) + strlen(l->at);
	unsigned long long least = 0, share;
	char *slash;

	if ((size_t)snprintf(l->group, sizeof l->group, "%s%s%s", l->root, l->at, below) >= sizeof l->group)
		return 0;
	for (;;) {
		share = read_share(l, v2);
		if (share > 0 && (least == 0 || share < least))
			least = share;
		slash = strrchr(l->group + top_length, '/');
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* Our group in the hierarchy: a line "number:controllers:path" of /proc/self/cgroup; version 2 has no controllers. */
static bool find_ours(struct look *l, bool v2)
{
	FILE *f = open_file(l, l->root, "proc/self/cgroup");
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && fgets(l->line, sizeof l->line, f) != NULL) {
		char *controllers = strchr(l->line, ':'), *group;

		l->line[strcspn(l->line, "\n")] = '\0';
		group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (group == NULL)
			continue;
		*group++ = '\0';
		found = v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
		if (found)
			strcpy(l->ours, strcmp(group, "/") == 0 ? "" : group);
	}
	fclose(f);
	return found;
}

/* What a hierarchy says that is mounted at `at`, where its group `mounted` is seen. */
static unsigned long long ask(struct look *l, bool v2)
{
	size_t length = strcmp(l->mounted, "/") == 0 ? 0 : strlen(l->mounted);
	const char *below = l->ours;

	if (!find_ours(l, v2))
		return 0;
	/* A container sees its own group as the root; what is above can be neither seen nor asked. */
	if (strncmp(l->ours, l->mounted, length) == 0 && (l->ours[length] == '/' || l->ours[length] == '\0'))
		below = l->ours + length;
	else if (length > 0)
		below = "";
	return tightest(l, below, v2);
}

static unsigned long long ask_all(struct look *l)
{
	unsigned long long least = 0, share;
	FILE *f = open_file(l, l->root, "proc/self/mountinfo");

	if (f == NULL)
		return 0;
	while (fgets(l->line, sizeof l->line, f) != NULL) {
		const char *rest = strstr(l->line, " - ");
		bool v2;

		if (rest == NULL || sscanf(l->line, "%*s %*s %*s %1023s %1023s", l->mounted, l->at) != 2 ||
			sscanf(rest, " - %63s %*s %1023s", l->type, l->flags) != 2)
			continue;
		v2 = strcmp(l->type, "cgroup2") == 0;
		if (!v2 && (strcmp(l->type, "cgroup") != 0 || !has_word(l->flags, "cpu")))
			continue;
		share = ask(l, v2);
		if (share > 0 && (least == 0 || share < least))
			least = share;
	}
	fclose(f);
	return least;
}

unsigned rota__cpu_quota(const char *root)
{
	struct look *l = rota__alloc_zero(sizeof *l);
	unsigned long long least;

	if (l == NULL)
		return 0; /* the mask still counts */
	l->root = root;
	least = (ask_all(l) + 999) / 1000;
	rota__free(l);
	return least < UINT_MAX ? (unsigned)least : UINT_MAX;
}

unsigned rota_cpu_count(void)
{
	unsigned allowed = rota__cpu_quota(""), cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		cpus = (unsigned)CPU_COUNT(&set);
	return allowed > 0 && allowed < cpus ? allowed : cpus;
}

/* cpus.c - how many CPUs we may use
 *
 * The affinity mask says on how many we may run, a cgroup for how much of their time.  A quota binds all that is below it,
 * so every group from ours up to the root of what we see is asked, in both versions of cgroups, and the tightest counts:
 *
 *	/proc/self/mountinfo: which hierarchies there are, and where      /sys/fs/cgroup <- a container's root
 *	/proc/self/cgroup:    our group in each                            /a/b: ask a/b, a, and the root */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "sched/model.h"

enum { LINE_BYTES = 1024 }; /* several of them stand on the stack of a task that asks; no path of a cgroup comes near it */

/* "max 100000" or "150000 100000" in cpu.max, or the two numbers of version 1 in files of their own: the time we may have
 * in each period.  In thousandths of a CPU; 0: no limit. */
static unsigned long long read_share(const char *group, bool v2)
{
	char path[2 * LINE_BYTES + 32];
	long long most = 0, period = 0;
	bool known;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", group, v2 ? "cpu.max" : "cpu.cfs_quota_us");
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	known = v2 ? fscanf(f, "%lld %lld", &most, &period) == 2 : fscanf(f, "%lld", &most) == 1;
	fclose(f);
	if (known && !v2) {
		snprintf(path, sizeof path, "%s/cpu.cfs_period_us", group);
		f = fopen(path, "re");
		known = f != NULL && fscanf(f, "%lld", &period) == 1;
		if (f != NULL)
			fclose(f);
	}
	if (!known || most <= 0 || period <= 0) /* version 1 says -1 for no limit */
		return 0;
	return ((unsigned long long)most * 1000 + (unsigned long long)period - 1) / (unsigned long long)period;
}

/* The tightest of the group `top` + `below` and of all above it, up to `top`. */
static unsigned long long tightest(const char *top, const char *below, bool v2)
{
	char group[2 * LINE_BYTES];
	size_t top_length = strlen(top);
	unsigned long long least = 0, share;
	char *slash;

	snprintf(group, sizeof group, "%s%s", top, below);
	for (;;) {
		share = read_share(group, v2);
		if (share > 0 && (least == 0 || share < least))
			least = share;
		slash = strrchr(group + top_length, '/');
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
static bool our_group(const char *root, bool v2, char path[LINE_BYTES])
{
	char name[LINE_BYTES], line[LINE_BYTES];
	bool found = false;
	FILE *f;

	snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
	f = fopen(name, "re");
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof line, f) != NULL) {
		char *controllers = strchr(line, ':'), *group;

		line[strcspn(line, "\n")] = '\0';
		group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (group == NULL)
			continue;
		*group++ = '\0';
		found = v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
		if (found)
			strcpy(path, strcmp(group, "/") == 0 ? "" : group);
	}
	fclose(f);
	return found;
}

/* What a hierarchy says that is mounted at `at`, where its group `mounted` is seen. */
static unsigned long long ask(const char *root, const char *mounted, const char *at, bool v2)
{
	char group[LINE_BYTES], top[LINE_BYTES];
	const char *below = group;
	size_t length = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);

	if (!our_group(root, v2, group))
		return 0;
	/* A container sees its own group as the root; what is above can be neither seen nor asked. */
	if (strncmp(group, mounted, length) == 0 && (group[length] == '/' || group[length] == '\0'))
		below = group + length;
	else if (length > 0)
		below = "";
	if ((size_t)snprintf(top, sizeof top, "%s%s", root, at) >= sizeof top)
		return 0;
	return tightest(top, below, v2);
}

unsigned rota__cpu_quota(const char *root)
{
	char line[LINE_BYTES], name[LINE_BYTES], mounted[LINE_BYTES], at[LINE_BYTES], type[64], flags[LINE_BYTES];
	unsigned long long least = 0, share;
	FILE *f;

	snprintf(name, sizeof name, "%s/proc/self/mountinfo", root);
	f = fopen(name, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		const char *rest = strstr(line, " - ");
		bool v2;

		if (rest == NULL || sscanf(line, "%*s %*s %*s %1023s %1023s", mounted, at) != 2 ||
			sscanf(rest, " - %63s %*s %1023s", type, flags) != 2)
			continue;
		v2 = strcmp(type, "cgroup2") == 0;
		if (!v2 && (strcmp(type, "cgroup") != 0 || !has_word(flags, "cpu")))
			continue;
		share = ask(root, mounted, at, v2);
		if (share > 0 && (least == 0 || share < least))
			least = share;
	}
	fclose(f);
	least = (least + 999) / 1000;
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

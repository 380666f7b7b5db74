/* cpus.c - the quota of nested cgroups, of both versions, as a container or a plain machine shows them; and the mask */
#include <rota.h>
#include <sched.h>
#include <sys/stat.h>

#include "await/temp.h"
#include "base/sanitizers.h"
#include "sched/model.h"

static void put(const char *path, const char *text)
{
	char folder[256];
	FILE *f;

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		mkdir(folder, 0755);
	}
	f = fopen(path, "w");
	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT                                                                                                       \
	"31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"                                  \
	"32 23 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"

TEST(without_any_cgroup_there_is_no_quota)
{
	temp_enter();
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
	put("proc/self/mountinfo", V2_MOUNT);
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
	put("proc/self/cgroup", "0::/\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
}

TEST(the_tightest_of_all_groups_above_binds)
{
	temp_enter();
	put("proc/self/mountinfo", V2_MOUNT);
	put("proc/self/cgroup", "0::/slice/service/worker\n");
	put("sys/fs/cgroup/slice/service/worker/cpu.max", "max 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
	put("sys/fs/cgroup/slice/cpu.max", "800000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 8);
	put("sys/fs/cgroup/slice/service/cpu.max", "150000 50000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 3);
	put("sys/fs/cgroup/slice/service/worker/cpu.max", "400000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 3);
	put("sys/fs/cgroup/slice/other/cpu.max", "1000 100000\n"); /* not ours */
	CHECK_EQ(rota__cpu_quota(temp_path), 3);
}

TEST(a_part_of_a_cpu_is_rounded_up)
{
	temp_enter();
	put("proc/self/mountinfo", V2_MOUNT);
	put("proc/self/cgroup", "0::/\n");
	put("sys/fs/cgroup/cpu.max", "100001 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 2);
	put("sys/fs/cgroup/cpu.max", "1000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 1);
	put("sys/fs/cgroup/cpu.max", "nonsense\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
}

TEST(version_1_has_its_numbers_in_two_files)
{
	temp_enter();
	put("proc/self/mountinfo", V1_MOUNT);
	put("proc/self/cgroup", "5:cpuset:/a\n4:cpu,cpuacct:/a/b\n0::/c\n");
	put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 0);
	put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 0); /* no period: not understood */
	put("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 2);
	put("sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us", "100000\n"); /* another hierarchy */
	CHECK_EQ(rota__cpu_quota(temp_path), 2);
}

TEST(of_both_versions_at_once_the_tighter_binds)
{
	temp_enter();
	put("proc/self/mountinfo", V1_MOUNT V2_MOUNT);
	put("proc/self/cgroup", "4:cpu,cpuacct:/\n0::/\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "700000\n");
	put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	put("sys/fs/cgroup/cpu.max", "500000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 5);
	put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 3);
}

TEST(a_container_sees_its_own_group_as_the_root)
{
	temp_enter();
	put("proc/self/mountinfo", "30 23 0:26 /docker/1f /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
	put("proc/self/cgroup", "0::/docker/1f/in/side\n");
	put("sys/fs/cgroup/in/cpu.max", "600000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 6);
	put("sys/fs/cgroup/cpu.max", "400000 100000\n");
	CHECK_EQ(rota__cpu_quota(temp_path), 4);
	put("proc/self/cgroup", "0::/elsewhere\n"); /* as with a namespace of its own */
	CHECK_EQ(rota__cpu_quota(temp_path), 4);
}

TEST(there_are_no_more_cpus_than_the_affinity_mask_has)
{
	cpu_set_t all, one;
	int first = 0;

	CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
	CHECK(rota_cpu_count() >= 1);
	CHECK(rota_cpu_count() <= (unsigned)CPU_COUNT(&all));
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
	CHECK_EQ(rota_cpu_count(), 1);
}

static int count_cpus(void *arg)
{
	CHECK(rota_cpu_count() >= 1);
	CHECK_EQ(rota_workers_resize(0), 0);
#if !defined(ROTA_ASAN) && !defined(ROTA_TSAN)
	CHECK(rota_task_stack_used(rota_self()) < 8 << 10); /* the other half is the task's own */
#endif
	return 0;
}

static int count_on_a_small_stack(void *arg)
{
	struct rota_task_options small = { .stack_bytes = 16 << 10 };
	struct rota_scope scope;
	struct rota_task *task;

	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, count_cpus, NULL, &small), 0);
	return rota_scope_join(&scope);
}

TEST(a_task_with_a_small_stack_may_ask_and_resize)
{
	struct rota_options options = { .model = ROTA_STEAL, .blocked_ns = ROTA_FOREVER };

	CHECK_EQ(rota_run(count_on_a_small_stack, NULL, &options), 0);
}

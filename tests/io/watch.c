/* watch.c - files and folders that change, told to callbacks and to tasks */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/loop.h"

/* ---- a folder of the test's own, and what is heard about it ---- */

static char folder[] = "/tmp/rota-watch-XXXXXX";

static void enter(void)
{
	CHECK(mkdtemp(folder) != NULL);
	CHECK_EQ(chdir(folder), 0);
}

static void leave(void)
{
	char command[64];

	CHECK_EQ(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	CHECK_EQ(system(command), 0);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	CHECK_EQ(close(fd), 0);
}

static char heard[4096];
static uint32_t pairs[2];
static int closed, overflows;

static const char *word(uint32_t kinds)
{
	return kinds & ROTA_CHANGE_VANISHED ? "vanished" :
		kinds & ROTA_CHANGE_OVERFLOW	? "overflow" :
		kinds & ROTA_CHANGE_MADE	? "made" :
		kinds & ROTA_CHANGE_GONE	? "gone" :
		kinds & ROTA_CHANGE_COMPLETE	? "complete" :
		kinds & ROTA_CHANGE_WRITTEN	? "written" :
						  "attributes";
}

static void hear(struct rota_path_watch *watch, const struct rota_change *change)
{
	snprintf(heard + strlen(heard), sizeof heard - strlen(heard), "%s%s%s:%s ", word(change->kinds),
		change->kinds & ROTA_CHANGE_MOVED ? "+moved" : "", change->kinds & ROTA_CHANGE_FOLDER ? "/" : "",
		change->name);
	overflows += (change->kinds & ROTA_CHANGE_OVERFLOW) != 0;
	if (change->pair != 0)
		pairs[(change->kinds & ROTA_CHANGE_MADE) != 0] = change->pair;
}

static void note_close(struct rota_handle *handle)
{
	closed++;
}

/* Until what was heard has `text` in it. */
static void run_until(struct rota_loop *loop, const char *text)
{
	while (strstr(heard, text) == NULL)
		rota_loop_run(loop, ROTA_RUN_ONCE);
}

static struct rota_path_watch watch, other;

/* ---- callbacks ---- */

LOOP_TEST(what_happens_in_a_folder_is_told_in_order)
{
	enter();
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, hear), 0);
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, hear), -EBUSY);
	put("a", "text");
	CHECK_EQ(rename("a", "b"), 0);
	CHECK_EQ(chmod("b", 0640), 0);
	CHECK_EQ(unlink("b"), 0);
	CHECK_EQ(mkdir("sub", 0700), 0);
	put("sub/inside", ""); /* not told: the watch is not recursive */
	put("last", "");
	run_until(loop, "complete:last");
	CHECK_STR(heard, "made:a written:a complete:a gone+moved:a made+moved:b attributes:b gone:b made/:sub made:last "
			 "complete:last ");
	CHECK(pairs[0] != 0 && pairs[0] == pairs[1]);
	leave();
}

LOOP_TEST(a_file_is_watched_and_its_end_is_the_last_word)
{
	enter();
	put("file", "old");
	CHECK_EQ(rota_path_watch_start(loop, &watch, "file", 0, hear), 0);
	put("file", "new text");
	run_until(loop, "complete");
	CHECK(strstr(heard, "written: ") != NULL);
	CHECK_EQ(unlink("file"), 0);
	run(loop); /* a watch of nothing keeps no loop alive */
	CHECK(strstr(heard, "vanished: ") != NULL);
	CHECK(rota_handle_is_open(&watch.handle));
	CHECK_EQ(rota_handle_close(&watch.handle, note_close), 0);
	run(loop);
	CHECK_EQ(closed, 1);
	leave();
}

LOOP_TEST(a_file_that_is_replaced_or_moved_has_vanished)
{
	int fd;

	enter();
	put("file", "old");
	put("new", "new");
	fd = open("file", O_RDONLY | O_CLOEXEC); /* so that the old one lives on */
	CHECK_EQ(rota_path_watch_start(loop, &watch, "file", 0, hear), 0);
	CHECK_EQ(rename("new", "file"), 0);
	run(loop);
	CHECK_STR(heard, "vanished: ");
	close(fd);
	CHECK_EQ(rota_path_watch_start(loop, &other, "file", 0, hear), 0);
	CHECK_EQ(rename("file", "elsewhere"), 0);
	run(loop);
	CHECK_STR(heard, "vanished: vanished: ");
	leave();
}

LOOP_TEST(a_watched_folder_that_is_deleted_has_vanished)
{
	enter();
	CHECK_EQ(mkdir("sub", 0700), 0);
	CHECK_EQ(rota_path_watch_start(loop, &watch, "sub", 0, hear), 0);
	put("sub/file", "");
	CHECK_EQ(unlink("sub/file"), 0);
	CHECK_EQ(rmdir("sub"), 0);
	run(loop);
	CHECK_STR(heard, "made:file complete:file gone:file vanished: ");
	leave();
}

LOOP_TEST(what_cannot_be_watched_leaves_nothing_open)
{
	CHECK_EQ(rota_path_watch_start(loop, &watch, "/nobody/here", 0, hear), -ENOENT);
	CHECK_EQ(rota_path_watch_start(loop, &watch, "/", 99, hear), -EINVAL);
	CHECK(!rota_handle_is_open(&watch.handle));
	run(loop);
}

LOOP_TEST(two_watches_of_one_folder_hear_the_same)
{
	enter();
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, hear), 0);
	CHECK_EQ(rota_path_watch_start(loop, &other, folder, 0, hear), 0);
	put("a", "");
	run_until(loop, "complete:a complete:a");
	CHECK_STR(heard, "made:a made:a complete:a complete:a ");
	/* The one goes, the other goes on. */
	CHECK_EQ(rota_handle_close(&watch.handle, note_close), 0);
	rota_loop_run(loop, ROTA_RUN_NOWAIT);
	heard[0] = '\0';
	put("b", "");
	run_until(loop, "complete:b");
	CHECK_STR(heard, "made:b complete:b ");
	leave();
}

static void close_both(struct rota_path_watch *w, const struct rota_change *change)
{
	hear(w, change);
	rota_handle_close(&watch.handle, note_close);
	rota_handle_close(&other.handle, note_close);
}

LOOP_TEST(a_callback_closes_itself_and_a_sibling_at_the_same_place)
{
	enter();
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", ROTA_WATCH_RECURSIVE, close_both), 0);
	CHECK_EQ(rota_path_watch_start(loop, &other, ".", ROTA_WATCH_RECURSIVE, close_both), 0);
	CHECK_EQ(mkdir("a", 0700), 0);
	put("a/b", "");
	run(loop);
	CHECK_STR(heard, "made/:a ");
	CHECK_EQ(closed, 2);
	CHECK_EQ(rota_handle_close(&watch.handle, NULL), ROTA_ECLOSED);
	/* And the loop can watch again. */
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, hear), 0);
	put("c", "");
	run_until(loop, "made:c");
	leave();
}

static void start_anew(struct rota_path_watch *w, const struct rota_change *change)
{
	hear(w, change);
	rota_handle_close(&w->handle, note_close);
	CHECK_EQ(rota_path_watch_start(w->handle.loop, &other, ".", 0, hear), 0);
}

LOOP_TEST(the_last_watch_goes_and_another_comes_in_the_same_callback)
{
	enter();
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, start_anew), 0);
	CHECK_EQ(mkdir("a", 0700), 0);
	run_until(loop, "made/:a ");
	CHECK_EQ(rmdir("a"), 0);
	run_until(loop, "gone/:a ");
	CHECK_EQ(closed, 1);
	leave();
}

LOOP_TEST(a_watch_can_be_closed_in_each_turn_and_opened_again)
{
	enter();
	for (int turns = 0; turns < 6; turns++) {
		closed = 0;
		CHECK_EQ(rota_path_watch_start(loop, &watch, ".", ROTA_WATCH_RECURSIVE, hear), 0);
		put("a", "x");
		for (int i = 0; i < turns; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(rota_handle_close(&watch.handle, note_close), 0);
		if (turns % 2)
			run(loop);
		else
			while (!closed)
				rota_loop_run(loop, ROTA_RUN_NOWAIT);
	}
	leave();
}

/* ---- trees ---- */

LOOP_TEST(a_recursive_watch_sees_folders_that_were_there_and_new_ones)
{
	enter();
	CHECK_EQ(mkdir("old", 0700), 0);
	CHECK_EQ(mkdir("old/deep", 0700), 0);
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", ROTA_WATCH_RECURSIVE, hear), 0);
	put("old/deep/file", "");
	run_until(loop, "complete:old/deep/file");
	CHECK_STR(heard, "made:old/deep/file complete:old/deep/file ");
	/* Made all at once: what was there before it could be watched is found. */
	CHECK_EQ(system("mkdir -p new/a/b/c && touch new/a/b/c/file"), 0);
	run_until(loop, "made:new/a/b/c/file");
	CHECK(strstr(heard, "made/:new ") != NULL);
	put("new/a/late", "");
	run_until(loop, "made:new/a/late");
	leave();
}

LOOP_TEST(a_folder_that_moves_takes_its_watches_along)
{
	enter();
	CHECK_EQ(system("mkdir -p a/in b"), 0);
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", ROTA_WATCH_RECURSIVE, hear), 0);
	CHECK_EQ(rename("a", "b/moved"), 0);
	run_until(loop, "made/:b/moved/in");
	put("b/moved/in/file", "");
	run_until(loop, "complete:b/moved/in/file");
	CHECK(strstr(heard, ":a/in") == NULL); /* not by the old name */
	CHECK_EQ(system("rm -r b"), 0);
	run_until(loop, "gone/:b ");
	put("last", "");
	run_until(loop, "complete:last");
	leave();
}

/* ---- too much ---- */

LOOP_TEST(an_overflow_is_told)
{
	char limit[32] = "";
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	long events;

	CHECK(f != NULL && fgets(limit, sizeof limit, f) != NULL);
	fclose(f);
	events = atol(limit);
	if (events > 100000)
		SKIP("this system queues very many events");
	enter();
	CHECK_EQ(rota_path_watch_start(loop, &watch, ".", 0, hear), 0);
	put("a", "");
	for (long i = 0; i <= events; i++)
		CHECK_EQ(rename(i % 2 ? "b" : "a", i % 2 ? "a" : "b"), 0);
	while (overflows == 0) {
		heard[0] = '\0'; /* it holds some hundreds */
		rota_loop_run(loop, ROTA_RUN_ONCE);
	}
	leave();
}

/* ---- looking ---- */

static int codes[8], looks;

static void note_look(struct rota_file_watch *w, int rc, const struct rota_file_info *before, const struct rota_file_info *after)
{
	codes[looks++] = rc != 0 ? rc : before == NULL ? 1000 : (int)(after->size - before->size);
	CHECK((after != NULL) == (rc == 0));
}

static void run_until_looks(struct rota_loop *loop, int n)
{
	while (looks < n)
		rota_loop_run(loop, ROTA_RUN_ONCE);
}

LOOP_TEST(looking_tells_growth_loss_and_return)
{
	static struct rota_file_watch w;

	enter();
	CHECK_EQ(rota_file_watch_start(loop, &w, "file", ROTA_MILLISECONDS(1), note_look), 0);
	run_until_looks(loop, 1);
	CHECK_EQ(codes[0], -ENOENT);
	put("made", "abc");
	CHECK_EQ(rename("made", "file"), 0);
	run_until_looks(loop, 2);
	CHECK_EQ(codes[1], 1000);
	put("made", "abcdef");
	CHECK_EQ(rename("made", "file"), 0);
	run_until_looks(loop, 3);
	CHECK_EQ(codes[2], 3);
	CHECK_EQ(unlink("file"), 0);
	run_until_looks(loop, 4);
	CHECK_EQ(codes[3], -ENOENT);
	leave();
}

LOOP_TEST(looking_can_be_closed_while_it_looks_and_while_it_rests)
{
	for (int turns = 0; turns < 4; turns++) {
		static struct rota_file_watch w;

		closed = 0;
		CHECK_EQ(rota_file_watch_start(loop, &w, "/", ROTA_SECONDS(1000), note_look), 0);
		for (int i = 0; i < turns; i++)
			rota_loop_run(loop, ROTA_RUN_NOWAIT);
		CHECK_EQ(rota_handle_close(&w.handle, note_close), 0);
		run(loop);
		CHECK_EQ(closed, 1);
		CHECK_EQ(looks, 0);
	}
}

/* ---- tasks ---- */

static int touch_and_delete(void *arg)
{
	put("watched/file", "");
	CHECK_EQ(unlink("watched/file"), 0);
	CHECK_EQ(rmdir("watched"), 0);
	return 0;
}

static int wait_for_changes(void *arg)
{
	struct rota_changes *changes;
	struct rota_change change;
	struct rota_scope scope;
	char text[256] = "";
	int rc;

	CHECK_EQ(mkdir("watched", 0700), 0);
	CHECK_EQ(rota_changes_open(&changes, "watched", 0), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, touch_and_delete, NULL);
	while ((rc = rota_changes_next(changes, &change)) == 0)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s:%s ", word(change.kinds), change.name);
	CHECK_EQ(rc, ROTA_ECLOSED);
	CHECK_STR(text, "made:file complete:file gone:file vanished: ");
	rota_changes_close(changes);
	return rota_scope_join(&scope);
}

TEST(a_task_waits_for_each_change)
{
	enter();
	CHECK_EQ(rota_run(wait_for_changes, NULL, NULL), 0);
	leave();
}

static int wait_next(void *arg)
{
	struct rota_change change;

	return rota_changes_next(arg, &change);
}

static int end_waits(void *arg)
{
	struct rota_changes *changes;
	struct rota_task *task;
	struct rota_scope scope;
	int result;

	CHECK_EQ(rota_changes_open(&changes, ".", ROTA_WATCH_RECURSIVE), 0);
	CHECK_EQ(rota_timeout(1, wait_next, changes), -ETIMEDOUT);
	rota_scope_open(&scope);
	CHECK_EQ(rota_spawn_task(&task, &scope, wait_next, changes, NULL), 0);
	rota_yield();
	CHECK_EQ(wait_next(changes), -EBUSY);
	rota_changes_close(changes);
	CHECK_EQ(rota_join(task, &result), 0);
	CHECK_EQ(result, ROTA_ECLOSED);
	rota_scope_join(&scope);
	return 0;
}

TEST(a_wait_for_changes_ends_by_deadline_and_by_close)
{
	enter();
	CHECK_EQ(rota_run(end_waits, NULL, NULL), 0);
	leave();
}

static int lose_some(void *arg)
{
	struct rota_changes *changes;
	struct rota_change change = { 0 };
	int count = 0;

	CHECK_EQ(rota_changes_open(&changes, ".", 0), 0);
	put("a", "");
	for (int i = 0; i < 2000; i++)
		CHECK_EQ(rename(i % 2 ? "b" : "a", i % 2 ? "a" : "b"), 0);
	/* A change of another kind is told by the loop meanwhile: so all 4,000 have come. */
	CHECK_EQ(rota_sleep(0), 0);
	while (!(change.kinds & ROTA_CHANGE_OVERFLOW)) {
		CHECK_EQ(rota_changes_next(changes, &change), 0);
		count++;
		if (count == 1)
			for (int i = 0; i < 100; i++)
				rota_sleep(0);
	}
	CHECK(count <= 1026);
	rota_changes_close(changes);
	return 0;
}

TEST(what_a_task_does_not_take_in_time_is_told_as_lost)
{
	enter();
	CHECK_EQ(rota_run(lose_some, NULL, NULL), 0);
	leave();
}

static int grow_later(void *arg)
{
	rota_yield();
	put("made", "longer");
	CHECK_EQ(rename("made", "file"), 0);
	return 0;
}

static int wait_for_growth(void *arg)
{
	struct rota_file_info info;
	struct rota_scope scope;

	put("file", "x");
	CHECK_EQ(rota_file_stat("file", &info), 0);
	rota_scope_open(&scope);
	rota_spawn(&scope, grow_later, NULL);
	CHECK_EQ(rota_file_wait_change("file", ROTA_MILLISECONDS(1), &info), 0);
	CHECK_EQ(info.size, 6);
	CHECK_EQ(unlink("file"), 0);
	CHECK_EQ(rota_file_wait_change("file", ROTA_MILLISECONDS(1), &info), -ENOENT);
	return rota_scope_join(&scope);
}

TEST(a_task_looks_until_a_file_differs)
{
	enter();
	CHECK_EQ(rota_run(wait_for_growth, NULL, NULL), 0);
	leave();
}

LOOP_TEST(a_watch_without_a_path_or_an_interval_is_refused)
{
	static struct rota_file_watch looking;
	static struct rota_path_watch watching;

	CHECK_EQ(rota_file_watch_start(loop, &looking, "/", 0, note_look), -EINVAL);
	CHECK_EQ(rota_file_watch_start(loop, &looking, NULL, 1, note_look), -EINVAL);
	CHECK_EQ(rota_path_watch_start(loop, &watching, NULL, 0, hear), -EINVAL);
	CHECK(!rota_handle_is_open(&looking.handle) && !rota_handle_is_open(&watching.handle));
}

static int look_without_pause(void *arg)
{
	struct rota_file_info info = { 0 };
	struct rota_changes *c;

	CHECK_EQ(rota_file_wait_change("/", 0, &info), -EINVAL);
	CHECK_EQ(rota_file_wait_change(NULL, 1, &info), -EINVAL);
	CHECK_EQ(rota_changes_open(&c, NULL, 0), -EINVAL);
	return 0;
}

TEST(a_task_does_not_look_without_a_pause)
{
	CHECK_EQ(rota_run(look_without_pause, NULL, NULL), 0);
}

TEST(outside_of_tasks_nobody_waits_for_changes)
{
	struct rota_file_info info = { 0 };
	struct rota_changes *c;

	CHECK_EQ(rota_changes_open(&c, "/", 0), -EPERM);
	CHECK_EQ(rota_file_wait_change("/", 1, &info), -EPERM);
}

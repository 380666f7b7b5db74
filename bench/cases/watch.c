/* watch.c - a watched folder, with a callback */
#include "folder.h"

#include <rota.h>

static void on_change(struct rota_path_watch *watch, const struct rota_change *change)
{
	if (change->kinds & ROTA_CHANGE_OVERFLOW)
		exit(1);
	if (!folder_reported(change->name))
		rota_handle_close(&watch->handle, NULL);
}

int main(void)
{
	static struct rota_path_watch watch;
	struct rota_loop *loop;

	folder_make();
	if (rota_loop_new(&loop, NULL) < 0 || rota_path_watch_start(loop, &watch, folder_path, 0, on_change) < 0)
		return 1;
	folder_begin();
	rota_loop_run(loop, ROTA_RUN_DEFAULT);
	folder_remove();
	return rota_loop_free(loop) < 0;
}

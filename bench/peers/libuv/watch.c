/* watch.c - libuv: uv_fs_event of a folder */
#include "folder.h"

#include <uv.h>

static void on_change(uv_fs_event_t *watch, const char *name, int events, int status)
{
	(void)events;
	if (status < 0)
		exit(1);
	if (!folder_reported(name))
		uv_close((uv_handle_t *)watch, NULL);
}

int main(void)
{
	uv_fs_event_t watch;

	folder_make();
	uv_fs_event_init(uv_default_loop(), &watch);
	if (uv_fs_event_start(&watch, on_change, folder_path, 0) < 0)
		return 1;
	folder_begin();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	folder_remove();
	return 0;
}

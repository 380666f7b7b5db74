/* file_args.c - what a call on files must be given: asked in both faces before anything is begun
 *
 * A path that is NULL would be the system's -EFAULT late, in some calls a crash on a thread of the pool, and one with
 * nowhere to put its answer a crash later on. */
#include "io/file_work.h"
#include "poll/op.h"

enum {
	PATH = 1,
	PATH2 = 2,
	BUF = 4,   /* to be filled */
	BYTES = 8, /* to be written: none need none */
	ANSWER = 16,
};

static const struct {
	int (*work)(void *arg);
	unsigned needs;
} table[] = {
	{ rota__file_link, PATH | PATH2 },
	{ rota__file_symlink, PATH | PATH2 },
	{ rota__file_readlink, PATH | BUF },
	{ rota__file_realpath, PATH | BUF },
	{ rota__file_mkstemp, BUF },
	{ rota__file_mkdtemp, BUF },
	{ rota__file_truncate, PATH },
	{ rota__file_chmod, PATH },
	{ rota__file_fchmod, 0 },
	{ rota__file_chown, PATH },
	{ rota__file_set_times, PATH },
	{ rota__file_set_fd_times, 0 },
	{ rota__file_access, PATH },
	{ rota__file_disk_stat, PATH | ANSWER },
	{ rota__file_send, 0 },
	{ rota__file_copy, PATH | PATH2 },
	{ rota__file_readdir, PATH | ANSWER },
	{ rota__file_readdir_next, ANSWER },
	{ rota__file_read_whole, PATH | ANSWER },
	{ rota__file_write_whole, PATH | BYTES },
	{ rota__file_write_atomic, PATH | BYTES },
};

static bool answer_given(int (*work)(void *arg), const struct rota__file_args *a)
{
	if (work == rota__file_read_whole)
		return a->whole.data != NULL && a->whole.size != NULL;
	return work == rota__file_disk_stat ? a->disk != NULL : a->folder != NULL;
}

static bool given(int (*work)(void *arg), unsigned needs, const struct rota__file_args *a)
{
	return !((needs & PATH && a->path == NULL) || (needs & PATH2 && a->path2 == NULL) ||
		(needs & BUF && a->buf == NULL) || (needs & BYTES && a->buf == NULL && a->size > 0) ||
		(needs & ANSWER && !answer_given(work, a)));
}

bool rota__file_args_given(int (*work)(void *arg), const struct rota__file_args *a)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].work == work)
			return given(work, table[i].needs, a);
	return false;
}

bool rota__file_op_given(const struct rota__op *op, const void *ret_info)
{
	switch ((enum rota__op_kind)op->kind) {
	case OP_READ:
	case OP_WRITE:
		return op->buf.base != NULL || op->buf.len == 0;
	case OP_READV:
	case OP_WRITEV:
		return op->iov.count <= INT32_MAX && (op->iov.iov != NULL || op->iov.count == 0);
	case OP_OPENAT:
	case OP_UNLINKAT:
	case OP_MKDIRAT:
		return op->path.path != NULL;
	case OP_STATX:
		return op->path.path != NULL && ret_info != NULL;
	case OP_RENAMEAT:
		return op->path.path != NULL && op->path.path2 != NULL;
	default:
		return true;
	}
}

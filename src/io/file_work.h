/* file_work.h - what is done with files by plain system calls, on a thread of the blocking pool
 *
 * Each function blocks, takes a struct rota__file_args and answers 0, a count or a negative errno, as its namesake in
 * <rota/file.h>. */
#ifndef ROTA_IO_FILE_WORK_H
#define ROTA_IO_FILE_WORK_H

#include <rota/file.h>
#include <stdbool.h>

/* What one read or write moves at most: the system's own limit, MAX_RW_COUNT, of any page size. */
static inline uint32_t rota__moved_at_once(size_t size)
{
	return size < 0x7fff0000 ? (uint32_t)size : 0x7fff0000;
}

/* The arguments of any of them. */
struct rota__file_args {
	const char *path, *path2;
	char *buf;
	size_t size;
	int fd, fd2;
	unsigned mode;
	uint32_t uid, gid;
	uint64_t offset, bytes;
	int64_t read_at_ns, written_at_ns;
	int64_t moved; /* out: what was sent, also before an error */
	union {
		struct rota_disk_info *disk;
		struct rota_folder **folder;
		struct {
			void **data;
			size_t *size;
		} whole;
	};
};

/* file_args.c: is everything there that the function, or the op, needs?  Else the call answers -EINVAL.  `ret_info`: of a STATX. */
struct rota__op;
bool rota__file_args_given(int (*work)(void *arg), const struct rota__file_args *args);
bool rota__file_op_given(const struct rota__op *op, const void *ret_info);

int rota__file_link(void *arg);
int rota__file_symlink(void *arg);
int rota__file_readlink(void *arg);
int rota__file_realpath(void *arg);
int rota__file_mkstemp(void *arg);
int rota__file_mkdtemp(void *arg);
int rota__file_truncate(void *arg);
int rota__file_chmod(void *arg);
int rota__file_fchmod(void *arg);
int rota__file_chown(void *arg);
int rota__file_set_times(void *arg); /* `mode`: of utimensat(2) */
int rota__file_set_fd_times(void *arg);
int rota__file_access(void *arg);
int rota__file_disk_stat(void *arg);
int rota__file_send(void *arg);
int rota__file_copy(void *arg);

/* folder_work.c: all of it; what comes next at `fd`, the count. */
int rota__file_readdir(void *arg);
int rota__file_readdir_next(void *arg);

/* whole_work.c: into memory of size `bytes` at most; from it, the file made with `mode`. */
int rota__file_read_whole(void *arg);
int rota__file_write_whole(void *arg);
int rota__file_write_atomic(void *arg);

/* The folder of a path: how many bytes of it, the slash included; 0: the current one. */
size_t rota__folder_length(const char *path);

/* A name in the folder of `path` that nobody has, most likely.  ROTA__TEMPORARY_BYTES more than the folder's length are enough.  0, -EIO,
 * -ENAMETOOLONG. */
enum { ROTA__TEMPORARY_BYTES = sizeof ".rota-0123456789abcdef" };
int rota__temporary_name(const char *path, char *temp, size_t temp_bytes);

/* open(2), again when a signal interrupts it, which it may on file systems of the network.  A descriptor or a negative errno. */
int rota__file_open_now(const char *path, int flags, unsigned mode);

/* All of it, where the descriptor stands; blocks.  0 or a negative errno, without SIGPIPE. */
int rota__file_write_all(int fd, const char *data, size_t size);

#endif

/* file.h - files and folders
 *
 * A file is a plain descriptor: open it here and use it anywhere, or the other way round.  Every call
 * here waits, for the disk: on io_uring, or on a thread of the blocking pool where that cannot serve.
 * The loop goes on meanwhile, and the caller sees no difference.
 *
 * A call whose task is cancelled before it began answers -ECANCELED or -ETIMEDOUT and has done nothing.
 * One that is cancelled later asks for its end, which disks rarely grant: mostly it waits and answers as
 * if nothing had happened.  What it did is always told: a descriptor that was opened is returned, bytes
 * that were written are counted.
 *
 * Errors are the system's: -ENOENT, -EACCES, -ENOSPC ...  A path, a buffer or a place for the answer that is NULL is -EINVAL, and
 * nothing has happened; but 0 bytes need no buffer.  Outside of tasks each call answers -EPERM.  Paths and buffers are borrowed.  Pipes and
 * terminals belong in a stream (rota_stream_from_fd()), where waits for them can always be ended. */
#ifndef ROTA_FILE_H
#define ROTA_FILE_H

#include <rota/base.h>
#include <fcntl.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- descriptors ---- */

/* open(2): a descriptor, with O_CLOEXEC added to `flags`; `mode` counts only where a file is made. */
ROTA_API int rota_file_open(const char *path, int flags, unsigned mode);

/* close(2).  It happens even if the task is cancelled, and the descriptor is gone whatever the answer:
 * an error here (-EIO, -EDQUOT, -ENOSPC) is a late one of a write. */
ROTA_API int rota_file_close(int fd);

/* ---- reading and writing ---- */

/* Some bytes from, or to, the place `offset`: the count, which may be less than asked for; 0 at the end
 * of the file.  At most 2 GiB at a time. */
ROTA_API ssize_t rota_pread(int fd, void *buf, size_t size, uint64_t offset);
ROTA_API ssize_t rota_pwrite(int fd, const void *buf, size_t size, uint64_t offset);
ROTA_API ssize_t rota_preadv(int fd, const struct iovec *iov, int count, uint64_t offset);
ROTA_API ssize_t rota_pwritev(int fd, const struct iovec *iov, int count, uint64_t offset);

/* All of them: `size`; or an error, or ROTA_EOF if the file ends before.  *ret_done (may be NULL) is how
 * many bytes were moved, whatever the answer. */
ROTA_API ssize_t rota_pread_all(int fd, void *buf, size_t size, uint64_t offset, size_t *ret_done);
ROTA_API ssize_t rota_pwrite_all(int fd, const void *buf, size_t size, uint64_t offset, size_t *ret_done);

/* In place of an offset: where the last read or write of the descriptor ended, which then moves on. */
#define ROTA_FILE_POSITION UINT64_C(0xffffffffffffffff)

/* Bring what was written to the disk; fdatasync leaves out times and the like. */
ROTA_API int rota_fsync(int fd);
ROTA_API int rota_fdatasync(int fd);

/* Make the file `size` bytes long: what is beyond is lost, what is missing reads as zeroes. */
ROTA_API int rota_ftruncate(int fd, uint64_t size);

/* ---- what a file is ---- */

enum rota_file_type {
	ROTA_FILE_UNKNOWN,
	ROTA_FILE_REGULAR,
	ROTA_FILE_FOLDER,
	ROTA_FILE_LINK,
	ROTA_FILE_PIPE,
	ROTA_FILE_SOCKET,
	ROTA_FILE_CHARACTER, /* device */
	ROTA_FILE_BLOCK,     /* device */
};

struct rota_file_info {
	enum rota_file_type type;
	uint32_t mode; /* the permission bits: 0644, with 04000 and the like */
	uint32_t uid, gid;
	uint64_t size; /* bytes */
	uint64_t disk_bytes;
	uint64_t device, inode; /* the same pair: the same file */
	uint64_t links;
	/* Nanoseconds since 1970, on the wall clock: when it was last read, last written, last changed in
	 * any way; when it was made, 0 where the file system does not know. */
	int64_t read_at_ns, written_at_ns, changed_at_ns, made_at_ns;
};

/* Of what the path leads to; of the link itself if it is one; of an open file.  Writes *ret_info only on
 * success. */
ROTA_API int rota_file_stat(const char *path, struct rota_file_info *ret_info);
ROTA_API int rota_file_lstat(const char *path, struct rota_file_info *ret_info);
ROTA_API int rota_file_fstat(int fd, struct rota_file_info *ret_info);

/* ---- names ---- */

ROTA_API int rota_rename(const char *from, const char *to); /* replaces `to`, at once and whole */
ROTA_API int rota_unlink(const char *path);
ROTA_API int rota_mkdir(const char *path, unsigned mode);
ROTA_API int rota_rmdir(const char *path);

/* One more name for a file (both are equal then); a name that stands for another. */
ROTA_API int rota_link(const char *path, const char *new_path);
ROTA_API int rota_symlink(const char *target, const char *path);

/* Where a symbolic link points, followed by a 0 byte that does not count: the length.  -ENAMETOOLONG: it does not fit in `size`
 * bytes. */
ROTA_API int rota_readlink(const char *path, char *buf, size_t size);

/* The path from the root, without links, "." and "..", as rota_readlink(). */
ROTA_API int rota_realpath(const char *path, char *buf, size_t size);

/* Make a file for reading and writing (0600; the descriptor), or a folder (0700; 0), that was not there.  The last six bytes of
 * `path` are "XXXXXX" and become its name; on an error they may be anything.  -EINVAL: they are not. */
ROTA_API int rota_mkstemp(char *path);
ROTA_API int rota_mkdtemp(char *path);

/* ---- what belongs to a file ---- */

/* As rota_ftruncate(), by name; the permission bits. */
ROTA_API int rota_truncate(const char *path, uint64_t size);
ROTA_API int rota_chmod(const char *path, unsigned mode);
ROTA_API int rota_fchmod(int fd, unsigned mode);

/* Owner and group; UINT32_MAX leaves one as it is.  lchown: of a link itself. */
ROTA_API int rota_chown(const char *path, uint32_t uid, uint32_t gid);
ROTA_API int rota_lchown(const char *path, uint32_t uid, uint32_t gid);
ROTA_API int rota_fchown(int fd, uint32_t uid, uint32_t gid);

/* In place of a time: now; as it was. */
#define ROTA_FILE_TIME_NOW  INT64_MAX
#define ROTA_FILE_TIME_KEEP INT64_MIN

/* When it was last read and last written, in nanoseconds since 1970: of what the path leads to; of the link itself if it is one; of
 * an open file. */
ROTA_API int rota_set_file_times(const char *path, int64_t read_at_ns, int64_t written_at_ns);
ROTA_API int rota_set_link_times(const char *path, int64_t read_at_ns, int64_t written_at_ns);
ROTA_API int rota_set_fd_times(int fd, int64_t read_at_ns, int64_t written_at_ns);

/* access(2), with F_OK, R_OK, W_OK, X_OK: 0, or -EACCES, -ENOENT ...  What is done next may fare otherwise all the same. */
ROTA_API int rota_access(const char *path, int mode);

struct rota_disk_info {
	uint64_t bytes, free_bytes, usable_bytes; /* usable: by those who are not root */
	uint64_t files, free_files;
	uint64_t type; /* statfs(2)'s f_type */
	uint32_t block_bytes;
};

/* Of the file system that the path lies on. */
ROTA_API int rota_disk_stat(const char *path, struct rota_disk_info *ret_info);

/* ---- copying ---- */

enum {
	ROTA_COPY_NEW = 1,   /* -EEXIST if `to` is there, rather than to replace what is in it */
	ROTA_COPY_CLONE = 2, /* -EOPNOTSUPP rather than a copy that takes space of its own */
};

/* Copy a regular file and its permissions: sharing the blocks where the file system can, else within the kernel.  An error
 * leaves no part of a file that was made.  -EINVAL: they are the same file, or `from` is no regular one. */
ROTA_API int rota_copy_file(const char *from, const char *to, unsigned flags);

/* Up to `size` bytes from the place `offset` of one file to where the other was last written, without a copy through our memory
 * where the system can: the count, less than `size` at the end of the file.  `to_fd` may be anything that can be
 * written and is not set non-blocking; for a stream there is rota_sendfile(). */
ROTA_API int64_t rota_file_send(int to_fd, int from_fd, uint64_t offset, uint64_t size);

/* ---- folders ---- */

struct rota_folder_entry {
	const char *name;	  /* without the folder's */
	enum rota_file_type type; /* ROTA_FILE_UNKNOWN where the file system does not say */
};

struct rota_folder {
	size_t count;
	const struct rota_folder_entry *entries; /* by name, in the order of its bytes; no "." and ".." */
};

/* All that is in a folder.  The list is yours, in one piece: rota_free(). */
ROTA_API int rota_readdir(const char *path, struct rota_folder **ret_folder);

/* What comes next in a folder that is open (O_RDONLY | O_DIRECTORY), of any size in little memory: the count, up to some 1,300, or 0 when
 * that was all and *ret_folder was not written.  The list is yours, in one piece of 54 KiB: rota_free(); in the order
 * in which the file system has the names.  A name that is made or removed meanwhile is told or not, the others once.  On an error, and where the call
 * was cut short, nothing is passed over.  lseek(2) to 0 begins anew. */
ROTA_API int rota_readdir_next(int fd, struct rota_folder **ret_folder);

/* ---- whole files ---- */

/* The file's bytes, followed by a 0 byte that does not count.  They are yours: rota_free().  ROTA_ELIMIT
 * if there are more than `size_max`; SIZE_MAX: no limit. */
ROTA_API int rota_read_file(const char *path, void **ret_data, size_t *ret_size, size_t size_max);

/* Make the file, or replace what is in it.  An error, or a crash, may leave it with a part. */
ROTA_API int rota_write_file(const char *path, const void *data, size_t size, unsigned mode);

/* The same, but others see the old file or the new one, never a part, also after a crash: written beside
 * it, synced, and renamed.  A new file with `mode` takes the place of the old one, and of a link.  On an
 * error the old one stands (once it is renamed, a cancellation is not one any more). */
ROTA_API int rota_write_file_atomic(const char *path, const void *data, size_t size, unsigned mode);

#ifdef __cplusplus
}
#endif
#endif

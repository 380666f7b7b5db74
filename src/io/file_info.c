/* file_info.c - what the system says of a file, in our words */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io/file_info.h"

enum rota_file_type rota__file_type(unsigned dt)
{
	switch (dt) {
	case DT_REG:
		return ROTA_FILE_REGULAR;
	case DT_DIR:
		return ROTA_FILE_FOLDER;
	case DT_LNK:
		return ROTA_FILE_LINK;
	case DT_FIFO:
		return ROTA_FILE_PIPE;
	case DT_SOCK:
		return ROTA_FILE_SOCKET;
	case DT_CHR:
		return ROTA_FILE_CHARACTER;
	case DT_BLK:
		return ROTA_FILE_BLOCK;
	default:
		return ROTA_FILE_UNKNOWN;
	}
}

/* 64 bits hold the years 1678 to 2261; file systems know others, which end there. */
static int64_t ns_of(struct statx_timestamp at)
{
	enum { NS = 1000000000 };

	if (at.tv_sec >= INT64_MAX / NS)
		return INT64_MAX;
	if (at.tv_sec <= INT64_MIN / NS)
		return INT64_MIN;
	return at.tv_sec * NS + at.tv_nsec;
}

struct rota_file_info rota__file_info(const struct statx *stx)
{
	enum { UNIT = 512 }; /* of stx_blocks, whatever the file system's */

	return (struct rota_file_info){
		.type = rota__file_type(IFTODT(stx->stx_mode)),
		.mode = stx->stx_mode & 07777,
		.uid = stx->stx_uid,
		.gid = stx->stx_gid,
		.size = stx->stx_size,
		.disk_bytes = stx->stx_blocks * UNIT,
		.device = makedev(stx->stx_dev_major, stx->stx_dev_minor),
		.inode = stx->stx_ino,
		.links = stx->stx_nlink,
		.read_at_ns = ns_of(stx->stx_atime),
		.written_at_ns = ns_of(stx->stx_mtime),
		.changed_at_ns = ns_of(stx->stx_ctime),
		.made_at_ns = stx->stx_mask & STATX_BTIME ? ns_of(stx->stx_btime) : 0,
	};
}

bool rota__file_info_same(const struct rota_file_info *a, const struct rota_file_info *b)
{
	return a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
		a->device == b->device && a->inode == b->inode && a->links == b->links &&
		a->written_at_ns == b->written_at_ns && a->changed_at_ns == b->changed_at_ns && a->made_at_ns == b->made_at_ns;
}

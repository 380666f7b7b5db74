/* file_info.h - what the system says of a file, in our words */
#ifndef ROTA_IO_FILE_INFO_H
#define ROTA_IO_FILE_INFO_H

#include <rota/file.h>
#include <sys/stat.h>

/* What to ask statx(2) for. */
#define ROTA__STATX_MASK (STATX_BASIC_STATS | STATX_BTIME)

struct rota_file_info rota__file_info(const struct statx *stx);

/* The type of readdir(3)'s d_type. */
enum rota_file_type rota__file_type(unsigned dt);

/* The same but for the time of reading and the bytes on the disk, which follow later than the size. */
bool rota__file_info_same(const struct rota_file_info *a, const struct rota_file_info *b);

#endif

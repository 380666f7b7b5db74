/* blocks.h - the file that the file cases read: each 4 KiB block begins with its own number
 *
 * $BENCH_FILE says where; it is made once, and read through once by each program so that it is in
 * the page cache. */
#ifndef BENCH_BLOCKS_H
#define BENCH_BLOCKS_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 4096, BLOCK_COUNT = 1 << 16, BLOCKS_AT_ONCE = 32 };

static inline void blocks_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline int blocks_open(void)
{
	static uint64_t block[BLOCK_BYTES / 8];
	const char *path = getenv("BENCH_FILE");
	int fd = open(path != NULL ? path : "blocks.bin", O_RDWR | O_CREAT, 0600);

	if (fd < 0)
		blocks_die("BENCH_FILE");
	if (lseek(fd, 0, SEEK_END) != (off_t)BLOCK_BYTES * BLOCK_COUNT)
		for (block[0] = 0; block[0] < BLOCK_COUNT; block[0]++)
			if (pwrite(fd, block, BLOCK_BYTES, (off_t)block[0] * BLOCK_BYTES) < 0)
				blocks_die("write");
	for (off_t i = 0; i < BLOCK_COUNT; i++)
		if (pread(fd, block, BLOCK_BYTES, i * BLOCK_BYTES) != BLOCK_BYTES)
			blocks_die("read");
	return fd;
}

/* xorshift: the next block to read. */
static inline uint32_t blocks_next(void)
{
	static uint64_t x = UINT64_C(88172645463325252);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 20) % BLOCK_COUNT;
}

static inline void blocks_check(const void *data, uint32_t number)
{
	uint64_t got;

	memcpy(&got, data, sizeof got);
	if (got != number) {
		fprintf(stderr, "the wrong block was read\n");
		exit(3);
	}
}

#endif

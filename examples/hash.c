/* hash.c - hash many files at the same time, on the threads of the blocking pool: hash FILE...
 *
 * A task for each file; the work itself is a plain function that reads and computes. */
#include <errno.h>
#include <inttypes.h>
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
	const char *path;
	uint64_t hash;
	int rc;
};

/* FNV-1a, 64 bits. */
static int hash_file(void *arg)
{
	struct file *file = arg;
	FILE *stream = fopen(file->path, "rb");
	int c;

	if (stream == NULL)
		return rota_errno();
	file->hash = UINT64_C(0xcbf29ce484222325);
	while ((c = getc_unlocked(stream)) != EOF)
		file->hash = (file->hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
	c = ferror(stream) ? -EIO : 0;
	fclose(stream);
	return c;
}

static int hash_one(void *arg)
{
	struct file *file = arg;

	file->rc = rota_blocking(hash_file, file);
	return 0; /* one that cannot be read does not stop the others */
}

static int hash_all(void *arg)
{
	struct rota_scope scope;

	rota_scope_open(&scope);
	for (struct file *file = arg; file->path != NULL; file++)
		rota_spawn(&scope, hash_one, file);
	return rota_scope_join(&scope);
}

int main(int argc, char **argv)
{
	struct file *files = calloc((size_t)argc, sizeof *files); /* the last one ends the list */
	int rc = files != NULL ? 0 : -ENOMEM;

	for (int i = 1; rc == 0 && i < argc; i++)
		files[i - 1].path = argv[i];
	if (rc == 0)
		rc = rota_run(hash_all, files, NULL);
	for (int i = 0; rc >= 0 && i < argc - 1; i++) {
		if (files[i].rc == 0) {
			printf("%016" PRIx64 "  %s\n", files[i].hash, files[i].path);
			continue;
		}
		rc = 1;
		fprintf(stderr, "hash: %s: %s\n", files[i].path, rota_strerror(files[i].rc));
	}
	if (rc < 0)
		fprintf(stderr, "hash: %s\n", rota_strerror(rc));
	free(files);
	return rc != 0;
}

/* replay.c - a fuzz target over every file of the folders it is given, without libFuzzer */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

static void replay_file(FILE *file)
{
	char *bytes;
	long size;

	MUST(fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	MUST(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
	bytes = malloc((size_t)size + 1);
	MUST(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size);
	LLVMFuzzerTestOneInput((const uint8_t *)bytes, (size_t)size);
	free(bytes);
}

/* How many there were. */
static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[4096];
	int count = 0;

	MUST(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		file = fopen(path, "rb");
		MUST(file != NULL);
		fprintf(stderr, "# %s\n", path);
		replay_file(file);
		fclose(file);
		count++;
	}
	closedir(dir);
	return count;
}

/* TAP with one test: there were inputs, and none stopped us. */
int main(int argc, char **argv)
{
	int count = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		count += replay_folder(argv[i]);
	printf("1..1\n%sok 1 - %d inputs replayed\n", count > 0 ? "" : "not ", count);
	return count > 0 ? 0 : 1;
}

/* plug_in.c - a library with a function for worker processes; the test does not load it itself */
#include <rota/process_pool.h>

int count_bytes(const void *in, size_t in_bytes, void *out, size_t *out_bytes);

__attribute__((visibility("default"))) int count_bytes(const void *in, size_t in_bytes, void *out, size_t *out_bytes)
{
	(void)in;
	(void)out;
	*out_bytes = 0;
	return (int)in_bytes;
}

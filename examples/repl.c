/* repl.c - a calculator on the terminal: keys come as they are pressed, and the line is edited here
 *
 * "2 + 3 * 4" is 20: from left to right.  Ctrl-D ends it; however it ends, the terminal is as it was. */
#include <ctype.h>
#include <rota.h>
#include <stdio.h>
#include <string.h>

static struct rota_conn keys; /* zeroed, as handles are before their first use */
static struct rota_tty_watch window;
static char line[64];
static size_t length;

static void evaluate(const char *at)
{
	double value, right;
	char sign[2];
	int used, read = sscanf(at, "%lf%n", &value, &used);

	while (read >= 1 && sscanf(at += used, " %1[+*-]%lf%n", sign, &right, &used) == 2)
		value = *sign == '+' ? value + right : *sign == '-' ? value - right : value * right;
	if (read < 1 || at[strspn(at, " ")] != '\0')
		puts("?");
	else
		printf("%g\n", value);
}

static void on_key(unsigned char key)
{
	if (key == '\r') {
		line[length] = '\0';
		length = 0;
		putchar('\n');
		evaluate(line);
		fputs("> ", stdout);
	} else if (key == 127 && length > 0) {
		length--;
		fputs("\b \b", stdout);
	} else if (isprint(key) && length < sizeof line - 1) {
		putchar(line[length++] = (char)key);
	}
}

static void on_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	for (ssize_t i = 0; i < size; i++)
		on_key(((const unsigned char *)data)[i]);
	if (size <= 0 || memchr(data, 'D' - '@', (size_t)size) != NULL) {
		rota_handle_close(&conn->handle, NULL);
		rota_handle_close(&window.handle, NULL);
	}
	fflush(stdout);
}

static void on_resize(struct rota_tty_watch *watch, const struct rota_tty_size *size)
{
	printf("\n[%u x %u]\n> %.*s", size->columns, size->rows, (int)length, line);
	fflush(stdout);
}

int main(void)
{
	struct rota_loop *loop;
	int rc = rota_loop_new(&loop, NULL), terminal = rc < 0 ? rc : rota_tty_open(0);

	if (terminal >= 0 && (rc = rota_conn_open(loop, &keys, terminal)) == 0 &&
		(rc = rota_tty_watch_open(loop, &window, 0, on_resize)) == 0 &&
		(rc = rota_conn_read_start(&keys, on_read)) == 0 && (rc = rota_tty_set_mode(0, ROTA_TTY_RAW)) == 0) {
		fputs("> ", stdout);
		fflush(stdout);
		rc = rota_loop_run(loop, ROTA_RUN_DEFAULT);
	}
	rc = terminal < 0 ? terminal : rc;
	if (rc < 0)
		return fprintf(stderr, "repl: %s\n", rota_strerror(rc)), 1;
	return rota_loop_free(loop) < 0;
}

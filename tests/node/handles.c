/* handles.c - the programs of handles.txt on Rota; prints "name output" for each, a loop of its own for each
 *
 * What each does is said in the words of handles.js. */
#include <rota.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rota_loop *loop;
static char out[64];
static struct rota_conn conns[4], *const a = &conns[0], *const b = &conns[1];
static struct rota_write writes[2];

static void must(bool well, const char *what)
{
	if (!well) {
		fprintf(stderr, "handles: %s\n", what);
		exit(1);
	}
}

static void say(void *letter)
{
	size_t length = strlen(out);

	must(length + 1 < sizeof out, "it does not end");
	out[length] = *(const char *)letter;
	out[length + 1] = '\0';
}

/* One of each queue and phase. */
static void queues(const char *which)
{
	if (strchr(which, 'n') != NULL)
		must(rota_next_tick(loop, say, "n") == 0, "no tick");
	if (strchr(which, 'm') != NULL)
		must(rota_queue_microtask(loop, say, "m") == 0, "no microtask");
	if (strchr(which, 'i') != NULL)
		must(rota_set_immediate(loop, say, "i") > 0, "no immediate");
	if (strchr(which, 't') != NULL)
		must(rota_set_timeout(loop, 0, say, "t") > 0, "no timeout");
}

static void say_close(struct rota_handle *handle)
{
	say(handle->data != NULL ? handle->data : "c");
}

static void close_and_say(struct rota_conn *conn)
{
	if (!rota_handle_is_closing(&conn->handle))
		must(rota_handle_close(&conn->handle, say_close) == 0, "no close");
}

static void write_x(struct rota_conn *conn)
{
	must(rota_conn_try_write(conn, "x", 1) == 1, "no write");
}

static void open_pair(void)
{
	must(rota_conn_pair(loop, a, b) == 0, "no pair");
}

static void read_by(struct rota_conn *conn, void (*on_read)(struct rota_conn *conn, const void *data, ssize_t size))
{
	must(rota_conn_read_start(conn, on_read) == 0, "no reading");
}

/* ---- connections ---- */

static void close_at_data(struct rota_conn *conn, const void *data, ssize_t size)
{
	say("d");
	close_and_say(conn);
	queues("nmit");
}

static void close_after_immediates(void)
{
	open_pair();
	read_by(b, close_at_data);
	write_x(a);
}

static void failed(struct rota_conn *conn, int rc)
{
	must(rc < 0, "somebody is there");
	say("r");
	close_and_say(conn);
	queues("nmit");
}

static void error_then_close(void)
{
	must(rota_conn_connect(loop, a, "127.0.0.1:1", failed) == 0, "no connecting");
}

static void close_at_end(struct rota_conn *conn, const void *data, ssize_t size)
{
	say("e");
	close_and_say(conn);
	queues("nmi");
}

static void end_then_close(void)
{
	open_pair();
	read_by(b, close_at_end);
	must(rota_conn_end(a, &writes[0], NULL) == 0, "no end");
}

static void close_both_at_data(struct rota_conn *conn, const void *data, ssize_t size)
{
	say("d");
	close_and_say(&conns[1]);
	close_and_say(&conns[3]);
}

static void a_sibling_closed_in_a_callback_hears_nothing(void)
{
	open_pair();
	must(rota_conn_pair(loop, &conns[2], &conns[3]) == 0, "no pair");
	read_by(&conns[1], close_both_at_data);
	read_by(&conns[3], close_both_at_data);
	write_x(&conns[0]);
	write_x(&conns[2]);
}

static void close_pair_at_data(struct rota_conn *conn, const void *data, ssize_t size)
{
	say("d");
	close_and_say(a);
	close_and_say(b);
	queues("ni");
}

static void closes_of_one_callback_in_their_order(void)
{
	open_pair();
	a->handle.data = "a";
	b->handle.data = "b";
	read_by(b, close_pair_at_data);
	write_x(a);
}

static void close_late(void *unused)
{
	say("t");
	close_and_say(b);
	queues("nm");
}

static void write_and_wait(void *unused)
{
	write_x(a);
	must(rota_set_timeout(loop, 0, close_late, NULL) > 0, "no timeout");
}

static void a_timeout_closes_a_connection_with_bytes_waiting(void)
{
	open_pair();
	read_by(b, close_at_data);
	must(rota_set_immediate(loop, write_and_wait, NULL) > 0, "no immediate");
}

static void answer_at_end(struct rota_conn *conn, const void *data, ssize_t size)
{
	say("e");
	write_x(conn);
	must(rota_conn_end(conn, &writes[1], NULL) == 0, "no end");
}

static void say_what_is_read(struct rota_conn *conn, const void *data, ssize_t size)
{
	say(size > 0 ? "d" : "e");
}

static void half_a_close_lets_the_answer_through(void)
{
	open_pair();
	read_by(b, answer_at_end);
	read_by(a, say_what_is_read);
	must(rota_conn_end(a, &writes[0], NULL) == 0, "no end");
}

static void say_write(struct rota_write *write, int rc)
{
	say("w");
}

static void a_write_is_told_after_the_queues(void)
{
	open_pair();
	must(rota_conn_write(a, &writes[0], "x", 1, say_write) == 0, "no write");
	queues("nmi");
}

/* ---- a listener ---- */

static struct rota_acceptor door;

static void write_late(void *unused)
{
	write_x(b);
}

static void wait_with_it(void *unused)
{
	must(rota_set_immediate(loop, write_late, NULL) > 0, "no immediate");
}

static void came(struct rota_acceptor *acceptor, int rc)
{
	must(rc == 0 && rota_acceptor_accept(acceptor, b) == 0, "no connection");
	say("l");
	must(rota_handle_close(&acceptor->handle, say_close) == 0, "no close");
	read_by(b, say_what_is_read);
	must(rota_set_immediate(loop, wait_with_it, NULL) > 0, "no immediate");
}

static void end_at_data(struct rota_conn *conn, const void *data, ssize_t size)
{
	must(rota_conn_end(conn, &writes[0], NULL) == 0, "no end");
	must(rota_conn_read_stop(conn) == 0, "reads on");
}

static void read_when_connected(struct rota_conn *conn, int rc)
{
	must(rc == 0, "not connected");
	read_by(conn, end_at_data);
}

static void the_listener_closes_while_its_connection_lives(void)
{
	char name[64];

	must(rota_acceptor_listen(loop, &door, "127.0.0.1:0", NULL, came) == 0, "no listener");
	must(rota_acceptor_name(&door, name, sizeof name) > 0, "no name");
	must(rota_conn_connect(loop, a, name, read_when_connected) == 0, "no connecting");
}

/* ---- a child: a writes to it, b reads from it ---- */

static int parts_left; /* its end, and that of its output: the close of Node's child */

static void part_over(const char *letter)
{
	say((void *)letter);
	if (--parts_left == 0)
		say("c");
}

static void child_ended(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	part_over("x");
	rota_process_close(process);
	if (!rota_handle_is_closing(&a->handle))
		rota_handle_close(&a->handle, NULL);
}

static void output_ended(struct rota_conn *conn, const void *data, ssize_t size)
{
	part_over("e");
	if (!rota_handle_is_closing(&a->handle))
		rota_handle_close(&a->handle, NULL);
}

static void start_child(const char *line)
{
	const char *argv[] = { "sh", "-c", line, NULL };
	struct rota_command command = { .argv = argv, .in.kind = ROTA_STDIO_PIPE, .out.kind = ROTA_STDIO_PIPE };
	struct rota_process *process;

	parts_left = 2;
	must(rota_process_start_on(loop, &process, &command, child_ended, NULL) == 0, "no child");
	must(rota_conn_open(loop, a, rota_process_take_fd(process, 0)) == 0, "no input");
	must(rota_conn_open(loop, b, rota_process_take_fd(process, 1)) == 0, "no output");
	read_by(b, output_ended);
}

static void a_child_that_ends_before_its_output(void)
{
	start_child("exec 3<&0; (read -r x <&3) & exit 3");
}

static void a_child_that_closes_its_output_first(void)
{
	start_child("exec >&-; read -r x");
}

/* ---- a file, a datagram ---- */

static void file_told(struct rota_request *request, int64_t rc)
{
	must(rc == 0, "no root");
	say("s");
	queues("nmit");
}

static void a_file_is_told_in_the_poll_phase(void)
{
	static struct rota_request request;
	static struct rota_file_info info;

	must(rota_request_stat(loop, &request, "/", &info, file_told) == 0, "no request");
}

static void datagram_came(struct rota_datagrams *udp, const struct rota_udp_message *message, int rc)
{
	must(rc == 0, "no datagram");
	say("d");
	must(rota_handle_close(&udp->handle, say_close) == 0, "no close");
	queues("nmi");
}

static void a_datagram_and_the_close_in_its_callback(void)
{
	static struct rota_datagrams udp;
	struct rota_address to;
	char name[64];

	must(rota_datagrams_open(loop, &udp, "127.0.0.1:0", NULL) == 0, "no socket");
	must(rota_datagrams_local_name(&udp, name, sizeof name) > 0 && rota_address_parse(&to, name) == 0, "no name");
	must(rota_datagrams_recv_start(&udp, datagram_came) == 0, "no receiving");
	must(rota_datagrams_try_send(&udp, "x", 1, &to) == 1, "no sending");
}

/* ---- all ---- */

static const struct program {
	const char *name;
	void (*run)(void);
} programs[] = {
#define PROGRAM(name) { #name, name }
	PROGRAM(close_after_immediates),
	PROGRAM(error_then_close),
	PROGRAM(end_then_close),
	PROGRAM(a_sibling_closed_in_a_callback_hears_nothing),
	PROGRAM(closes_of_one_callback_in_their_order),
	PROGRAM(the_listener_closes_while_its_connection_lives),
	PROGRAM(a_timeout_closes_a_connection_with_bytes_waiting),
	PROGRAM(half_a_close_lets_the_answer_through),
	PROGRAM(a_write_is_told_after_the_queues),
	PROGRAM(a_child_that_ends_before_its_output),
	PROGRAM(a_child_that_closes_its_output_first),
	PROGRAM(a_file_is_told_in_the_poll_phase),
	PROGRAM(a_datagram_and_the_close_in_its_callback),
#undef PROGRAM
};

static void close_left_over(struct rota_handle *handle, void *unused)
{
	rota_handle_close(handle, NULL);
}

int main(void)
{
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		memset(conns, 0, sizeof conns);
		out[0] = '\0';
		must(rota_loop_new(&loop, NULL) == 0, "no loop");
		programs[i].run();
		must(rota_loop_run(loop, ROTA_RUN_DEFAULT) == 0, "no end");
		printf("%s %s\n", programs[i].name, out);
		rota_loop_each_handle(loop, close_left_over, NULL);
		must(rota_loop_run(loop, ROTA_RUN_DEFAULT) == 0, "no end");
		must(rota_loop_free(loop) == 0, "something is left over");
	}
	return 0;
}

/* conn.h - the inside of a callback connection, for what is made of one: accepted sockets, terminals */
#ifndef ROTA_IO_CONN_H
#define ROTA_IO_CONN_H

#include <rota/conn.h>

#include "io/handle.h"

enum {
	CONN_SOCKET = 1,     /* recv and send work; else poll, read and write */
	CONN_CONNECTING = 2,
	CONN_READING = 4,    /* the user wants to read */
	CONN_ARMED = 8,	     /* the read op is pending */
	CONN_DRAINED = 16,   /* the last receive left nothing: wait before trying */
	CONN_STASHED = 32,   /* bytes came after a stop; they are in memory of their own (op.buf) */
	CONN_LEASED = 64,    /* the same, but there was no memory: they are in the pool's buffer still */
	CONN_TELLING = 128,  /* the stash is about to be told */
	CONN_ENDED = 256,    /* rota_conn_end() was called */
	CONN_HIGH = 512,     /* the queue was at the high watermark, and has not fallen to the low one */
	CONN_SENDING = 1024, /* the first queued write waits for the descriptor */
	CONN_FDS = 2048,     /* it is read with the descriptors that come: on_read_fds is called, not on_read */
	CONN_PROMISED = 4096, /* a promise is settled when it is connected, and on_connect not called */
};

/* The connection `conn`, which is not open, of the open descriptor. */
int rota__conn_start(struct rota_loop *loop, struct rota_conn *conn, int fd, uint32_t bits, const char *site);

/* conn_write.c: the end of all queued writes of a connection that closes. */
void rota__conn_writes_stop(struct rota_conn *conn);

/* Go on with the queue, once it is connected. */
void rota__conn_writes_go_on(struct rota_conn *conn);

#endif

/* move.h - connections go from worker to worker: between stream.c, serve.c and the HTTP server */
#ifndef ROTA_AWAIT_MOVE_H
#define ROTA_AWAIT_MOVE_H

#include "io/stream.h"
#include "task/team.h"

/* On its loop: a connection that a server has dealt to it is there, or has come from another one. */
void rota__connection_arrive(struct rota_stream *stream);

/* The running task, inside one call on the stream and nothing else, should look whether both belong elsewhere, and goes there. */
void rota__connection_move(struct rota_stream *stream);

#endif

/* port.h - one end of a pair of channels, and who is called back for what comes in
 *
 * A sender puts its message into the channel and then looks for a watch; who opens a watch sets it and then looks into the channel.
 * With a fence between the two, on both sides, one of them sees the other. */
#ifndef ROTA_NET_PORT_H
#define ROTA_NET_PORT_H

#include <pthread.h>
#include <rota/channel.h>
#include <rota/thread.h>

struct rota_port {
	struct rota_chan *in, *out;
	struct rota_port *peer;
	pthread_mutex_t lock;	       /* of what follows: the watch stays while it is woken */
	struct rota_port_watch *watch; /* NULL: nobody is called back; looked at without the lock, too */
	bool stopped;
};

void rota__port_init(struct rota_port *port, struct rota_chan *in, struct rota_chan *out, struct rota_port *peer);
void rota__port_fini(struct rota_port *port);

/* Tell who watches it that this is the end.  Any thread. */
void rota__port_stop(struct rota_port *port);

/* The loop it was watched on has gone: whatever watch is left is not looked at again. */
void rota__port_abandon(struct rota_port *port);

bool rota__port_is_watched(struct rota_port *port);

#endif

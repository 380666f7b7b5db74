/* resolve.h - names become addresses */
#ifndef ROTA_NET_RESOLVE_H
#define ROTA_NET_RESOLVE_H

#include <netdb.h>
#include <rota/net.h>

/* The addresses of `found` in the order in which they are tried (RFC 8305, section 4): the families take
 * turns, beginning with that of the first; within a family the order stays; each once.  The count. */
size_t rota__addresses_in_turn(const struct addrinfo *found, struct rota_address *ret_addresses, size_t room);

#endif

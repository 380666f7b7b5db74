/* keeper.h - the process that makes workers, and what is said to them
 *
 *   we ----control: "a worker for slot i, here is its socket"----> keeper --fork--> worker
 *   we <===================== socket of slot i ===================================> worker
 *                                                  keeper holds the same end: its last word when the worker died
 *
 * A worker has a process group of its own, which ends with it: what its functions started goes, too.  Calls are numbered, and
 * an answer says to which it is: nobody is told what another one asked for, whatever a function left behind.
 *
 * All sockets are SEQPACKET: what is cut short by a death is never half a message.  The keeper's last word comes
 * after everything the worker has sent, through the same socket, so nobody has to wait for two things.  When
 * the control socket ends the keeper kills the workers, reaps them and exits; when the keeper dies they die. */
#ifndef ROTA_NET_KEEPER_H
#define ROTA_NET_KEEPER_H

#include <rota/process_pool.h>
#include <sys/resource.h>

enum {
	SLOTS_MAX = 256,
	/* A piece of a longer message: well below the 208 KiB a socket takes by default. */
	PIECE_BYTES = 32768,
	NAME_BYTES_MAX = 4096,
};

/* "RoTA": garbage will hardly begin so. */
enum { MESSAGE_MAGIC = 0x526f5441 };

enum rota__message_kind { MESSAGE_CALL, MESSAGE_ANSWER, MESSAGE_DIED, MESSAGE_NO_FORK };

/* The first message of each kind; `bytes` more follow in pieces. */
struct rota__message {
	uint32_t magic, kind;
	uint64_t number; /* of the call */
	uint64_t bytes;
	uint64_t room;	    /* CALL: of the answer */
	rota_process_fn fn; /* CALL; NULL: the name of `name_bytes` follows, before the input */
	uint32_t name_bytes;
	int32_t result;	    /* ANSWER; NO_FORK: a negative errno */
	int32_t status;	    /* DIED: as wait(2) */
	struct rusage used; /* DIED */
};

/* In a fresh fork: keep workers, which know `functions`, until `control` ends. */
_Noreturn void rota__keeper_main(int control, int null, const struct rota_process_function *functions);

/* Ask for a worker of `slot` that reads `fd`, which stays ours; the one it had is killed.  Does not wait: -EAGAIN
 * is a keeper that does not listen. */
int rota__keeper_start(int control, uint32_t slot, int fd);

/* In a fresh fork of the keeper: serve calls until the socket ends.  `functions` ends with one without a name; may be NULL. */
_Noreturn void rota__worker_main(int fd, const struct rota_process_function *functions);

#endif

/* notes.h - debug builds: what the program has lent us, so that memory which goes too early is named
 *
 * A note says what an object is and where it was opened, started or asked for.  It lies in a table of its own, found by the object's address,
 * so that nothing in the object has to be believed.  Objects are compared with their notes when somebody is about to use them, and a few at a time
 * again and again, so that the cost is bounded; small programs have all of theirs looked at.  One that differs is named on stderr, and
 * the program ends.  The sanitizer sees freed ones in these looks, too.
 *
 * Without memory an object goes without a note.  One thread, or a lock around. */
#ifndef ROTA_OS_NOTES_H
#define ROTA_OS_NOTES_H

#include <stdbool.h>
#include <stdint.h>

struct rota__lent_note;

struct rota__note_kind {
	const char *verb;  /* "opened", "started" ...: what happened at `site` */
	const char *until; /* "it was closed" ...: how long the memory is lent */
	bool (*intact)(const struct rota__lent_note *note); /* the object is what the note says */
};

struct rota__lent_note {
	const void *object; /* NULL: an empty place of the table */
	const void *owner;  /* to be compared by intact() */
	const char *name, *site;
	const struct rota__note_kind *kind;
};

/* Zeroed it is empty. */
struct rota__notes {
	struct rota__lent_note *table;
	uint32_t mask, count, next; /* next: where the next look begins */
};

/* It is a debug build.  (Tests ask: they are always built with asserts.) */
extern const bool rota__notes_are_taken;

#ifndef NDEBUG

/* An object that has a note already was overwritten without our knowledge, or is lent twice: it is named. */
void rota__notes_add(struct rota__notes *notes, struct rota__lent_note note);
void rota__notes_remove(struct rota__notes *notes, const void *object);

/* About to use this one. */
void rota__notes_check(const struct rota__notes *notes, const void *object);

/* At some of them. */
void rota__notes_look(struct rota__notes *notes);

void rota__notes_fini(struct rota__notes *notes);

#endif
#endif

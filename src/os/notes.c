/* notes.c - what the program has lent us (notes.h): a hash table with linear probing */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/mem.h"
#include "os/notes.h"

#ifdef NDEBUG

const bool rota__notes_are_taken = false;

#else

const bool rota__notes_are_taken = true;

enum {
	PLACES_FIRST = 64,
	LOOKS = 32,	   /* objects that one look compares at most */
	PLACES_A_LOOK = 256, /* and places of the table */
};

static uint32_t home_of(const struct rota__notes *notes, const void *object)
{
	return (uint32_t)(((uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & notes->mask;
}

/* Where the object's note is, or would be. */
static uint32_t place_of(const struct rota__notes *notes, const void *object)
{
	uint32_t at = home_of(notes, object);

	while (notes->table[at].object != NULL && notes->table[at].object != object)
		at = (at + 1) & notes->mask;
	return at;
}

__attribute__((noreturn)) static void name(const struct rota__lent_note *note, const char *what)
{
	fprintf(stderr, "rota: the memory of a %s, %s at %s, was %s before %s\n", note->name, note->kind->verb,
		note->site != NULL ? note->site : "nowhere", what, note->kind->until);
	abort();
}

static void compare(const struct rota__lent_note *note)
{
	if (!note->kind->intact(note))
		name(note, "freed or overwritten");
}

static bool grow(struct rota__notes *notes)
{
	struct rota__notes larger = { .mask = notes->table != NULL ? 2 * notes->mask + 1 : PLACES_FIRST - 1 };

	larger.table = rota__alloc_zero(((size_t)larger.mask + 1) * sizeof *larger.table);
	if (larger.table == NULL)
		return false;
	for (uint32_t i = 0; notes->table != NULL && i <= notes->mask; i++)
		if (notes->table[i].object != NULL)
			larger.table[place_of(&larger, notes->table[i].object)] = notes->table[i];
	larger.count = notes->count;
	rota__free(notes->table);
	*notes = larger;
	return true;
}

void rota__notes_add(struct rota__notes *notes, struct rota__lent_note note)
{
	uint32_t at;

	/* Half full at most.  Without memory for more the table fills further, but keeps a place that ends searches. */
	if (notes->table == NULL || 2 * notes->count > notes->mask)
		if (!grow(notes) && (notes->table == NULL || notes->count >= notes->mask))
			return;
	at = place_of(notes, note.object);
	if (notes->table[at].object != NULL) {
		compare(&notes->table[at]);
		name(&notes->table[at], "used again");
	}
	notes->table[at] = note;
	notes->count++;
}

/* What stands behind moves up, where that is nearer to its home. */
void rota__notes_remove(struct rota__notes *notes, const void *object)
{
	uint32_t hole, at;

	if (notes->table == NULL)
		return;
	hole = place_of(notes, object);
	if (notes->table[hole].object == NULL)
		return;
	for (at = (hole + 1) & notes->mask; notes->table[at].object != NULL; at = (at + 1) & notes->mask) {
		uint32_t home = home_of(notes, notes->table[at].object);

		if (((at - home) & notes->mask) < ((at - hole) & notes->mask))
			continue;
		notes->table[hole] = notes->table[at];
		hole = at;
	}
	notes->table[hole].object = NULL;
	notes->count--;
}

void rota__notes_check(const struct rota__notes *notes, const void *object)
{
	const struct rota__lent_note *note = notes->table != NULL ? &notes->table[place_of(notes, object)] : NULL;

	if (note != NULL && note->object != NULL)
		compare(note);
}

void rota__notes_look(struct rota__notes *notes)
{
	unsigned looks = 0;

	if (notes->count == 0)
		return;
	for (uint32_t i = 0; i <= notes->mask && i < PLACES_A_LOOK && looks < LOOKS; i++) {
		const struct rota__lent_note *note = &notes->table[notes->next & notes->mask];

		notes->next++;
		if (note->object == NULL)
			continue;
		compare(note);
		looks++;
	}
}

void rota__notes_fini(struct rota__notes *notes)
{
	rota__free(notes->table);
	*notes = (struct rota__notes){ 0 };
}

#endif

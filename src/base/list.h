/* list.h - an intrusive doubly linked list, a ring through its head
 *
 * The head is a link like the others; an empty list's head points to itself.  A link that is in no
 * list may be anything: list_linked() is meaningful only for one that was initialised or removed. */
#ifndef ROTA_BASE_LIST_H
#define ROTA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define list_first(head, type, member)	container_of((head)->next, type, member)
#define list_each(it, head)		for (it = (head)->next; it != (head); it = it->next)
/* The current element may be removed, no other one. */
#define list_each_safe(it, tmp, head)                                                              \
	for (it = (head)->next, tmp = it->next; it != (head); it = tmp, tmp = it->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
	return link->next != link;
}

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
	list_insert_between(link, head->prev, head);
}

static inline void list_prepend(struct list *head, struct list *link)
{
	list_insert_between(link, head, head->next);
}

/* Take `link` out; it then stands alone, and removing it again does nothing. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Move everything of `from` into the (uninitialised) `to`, in order; `from` is empty afterwards. */
static inline void list_move(struct list *to, struct list *from)
{
	if (list_empty(from)) {
		list_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#endif

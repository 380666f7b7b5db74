/* several.h - what a run with several workers is made of: several.c, resize.c */
#ifndef ROTA_SCHED_SEVERAL_H
#define ROTA_SCHED_SEVERAL_H

#include <pthread.h>

#include "sched/drivers.h"
#include "sched/model.h"

struct seat {
	struct several *several;
	struct rota_loop *loop;
	unsigned number;
	bool present, started; /* it is there, if only as a failure; its worker is made */
	int error;	       /* why it is not */
	struct rota_post over; /* wakes it when all is over */
	char name[24];
	struct rota__worker worker;
};

struct several {
	struct rota__team team; /* on_empty() finds us by it */
	struct run *run;
	struct seat **seats;	/* room for team.room */
	unsigned first_seats;	/* those that all wait for before the program begins */
	struct rota__drivers drivers;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned present, stopped; /* who has made its worker, or failed; who has stopped */
	unsigned drained, missing; /* how often somebody's loop has come to rest after that; threads that could not be had */
	bool posts_are_left;	   /* when the last loop had come to rest, another had something to do again */
	int error;
	uint32_t over;
	uint32_t resizing; /* a task changes the number of workers */
};

/* A loop and a place for worker `number`; without a thread yet.  0, -ENOMEM, -EMFILE ... */
int rota__seat_new(struct several *several, unsigned number);
/* Nobody has used it, or everybody has stopped. */
void rota__seat_free(struct several *several, unsigned number);

#endif

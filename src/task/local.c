/* local.c - task-locals: an immutable chain of bindings that children share with their parent
 *
 * Setting a value puts a binding in front of the task's own chain; what a child inherited stays as it
 * was.  Bindings are counted, and die when the last chain that holds them does. */
#include "os/mem.h"
#include "task/task.h"

struct rota__binding {
	struct rota__binding *rest;
	const struct rota_local *key;
	void *value;
	uint64_t task_id; /* of the setter: private keys are seen by nobody else */
	uint32_t holders; /* chains and bindings that point here */
};

struct rota__binding *rota__locals_inherit(struct rota_task *parent)
{
	add_relaxed(&parent->locals->holders, 1);
	return parent->locals;
}

/* From outside. */
void rota__locals_drop(struct rota__binding *b)
{
	while (b != NULL && add_acq_rel(&b->holders, -1) == 1) {
		struct rota__binding *rest = b->rest;

		if (b->key->destroy != NULL)
			b->key->destroy(b->value);
		rota__free(b);
		b = rest;
	}
}

struct last_of {
	const struct rota_local *key;
	void *value;
};

static int destroy(void *arg)
{
	const struct last_of *last = arg;

	last->key->destroy(last->value);
	return 0;
}

int rota_local_set(const struct rota_local *key, void *value)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();
	struct rota__binding *b;
	void *old;

	if (task == NULL)
		return -EPERM;
	/* Nobody else can see the newest binding: set it again in place. */
	b = task->locals;
	if (b != NULL && b->key == key && b->task_id == task->id && load_acquire(&b->holders) == 1) {
		old = b->value;
		b->value = value;
		if (key->destroy != NULL)
			rota__call_out(rota__before, destroy, &(struct last_of){ key, old });
		return 0;
	}
	b = rota__alloc(sizeof *b);
	if (b == NULL)
		return -ENOMEM;
	*b = (struct rota__binding){ task->locals, key, value, task->id, 1 };
	task->locals = b; /* the chain's hold on the rest is now the binding's */
	return 0;
}

void *rota_local_get(const struct rota_local *key)
{
	ROTA_INSIDE();
	struct rota_task *task = rota__current();

	for (struct rota__binding *b = task ? task->locals : NULL; b != NULL; b = b->rest)
		if (b->key == key && (!key->private_to_task || b->task_id == task->id))
			return b->value;
	return NULL;
}

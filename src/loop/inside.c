/* inside.c - the marks, where a compiler may keep the address of a thread's variable over a call (inside.h) */
#include "loop/inside.h"

_Thread_local struct rota__marks rota__marks_here = { .inside = true }; /* until a task begins whose worker may be taken */
void (*rota__come_back)(void);

#if !defined(__x86_64__) || defined(ROTA_CHECK_INSIDE)
__attribute__((noinline)) static struct rota__marks *marks(void)
{
	__asm__ volatile("");
	return &rota__marks_here;
}

bool rota__is_inside(void)
{
	return load_relaxed(&marks()->inside);
}

void rota__go_in(void)
{
	struct rota__marks *here = marks();

	store_relaxed(&here->inside, true);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (load_relaxed(&here->lost) != LOST_NOT)
		load_relaxed(&rota__come_back)();
}

void rota__go_out(void)
{
	store_release(&marks()->inside, false);
}
#endif

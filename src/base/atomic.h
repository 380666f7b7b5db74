/* atomic.h - every atomic access of the project goes through this header
 *
 * One place, so that a model checker can take it over (ROTA_MODEL_CHECK) and so that a reader can
 * find all lock-free code by its include.  A plain field is read and written with these where more
 * than one thread may touch it; each use names its partner in a comment. */
#ifndef ROTA_BASE_ATOMIC_H
#define ROTA_BASE_ATOMIC_H

#if defined(ROTA_MODEL_CHECK)
#include "model_atomic.h"
#else
#include "base/sanitizers.h"

#define load_relaxed(p)	      __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p)	      __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define load_seq(p)	      __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store_relaxed(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v)   __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define store_seq(p, v)	      __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define swap_acq_rel(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define swap_acquire(p, v)    __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define swap_seq(p, v)	      __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define add_relaxed(p, v)     __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define add_acq_rel(p, v)     __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define add_seq(p, v)	      __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
/* *expected is rewritten on failure.  The weak forms may fail without a reason: for loops. */
#define cas_acq_rel(p, expected, v)                                                                \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define cas_weak_release(p, expected, v)                                                           \
	__atomic_compare_exchange_n((p), (expected), (v), 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define cas_seq(p, expected, v)                                                                    \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#ifdef ROTA_TSAN /* it knows no fences; an exchange is one on the machines it knows */
#define fence_seq()	      ((void)__atomic_exchange_n(&(int){ 0 }, 1, __ATOMIC_SEQ_CST))
#else
#define fence_seq()	      __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#endif

#endif

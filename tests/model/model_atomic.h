/* model_atomic.h - takes the place of the atomics when code is model checked: each access is a point at
 * which the explorer may let another thread run (explore.h) */
#ifndef ROTA_TESTS_MODEL_ATOMIC_H
#define ROTA_TESTS_MODEL_ATOMIC_H

#include "explore.h"

#pragma GCC diagnostic ignored "-Wshadow" /* what is stored may be what was loaded */

/* Behind the comma a value has no qualifiers. */
#define model_load(p)                                                                              \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		__typeof__(((void)0, *(p))) value_;                                                \
		explore_load((p), &value_, sizeof value_);                                         \
		value_;                                                                            \
	})
#define model_store(p, v)                                                                          \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		__typeof__(((void)0, *(p))) value_ = (v);                                          \
		explore_store((p), &value_, sizeof value_);                                        \
	})
#define model_store_seq(p, v) __extension__({ explore_point(); explore_fence(); (void)(*(p) = (v)); })
#define model_swap(p, v)                                                                           \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		explore_fence();                                                                   \
		__typeof__(*(p)) old_ = *(p);                                                      \
		*(p) = (v);                                                                        \
		old_;                                                                              \
	})
#define model_add(p, v)                                                                            \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		explore_fence();                                                                   \
		__typeof__(*(p)) old_ = *(p);                                                      \
		*(p) += (__typeof__(*(p)))(v);                                                     \
		old_;                                                                              \
	})
#define model_cas(p, expected, v)                                                                  \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		explore_fence();                                                                   \
		bool same_ = *(p) == *(expected);                                                  \
		if (same_)                                                                         \
			*(p) = (v);                                                                \
		else                                                                               \
			*(expected) = *(p);                                                        \
		same_;                                                                             \
	})

#define load_relaxed(p)			    model_load(p)
#define load_acquire(p)			    model_load(p)
#define load_seq(p)			    model_load(p)
#define store_relaxed(p, v)		    model_store(p, v)
#define store_release(p, v)		    model_store(p, v)
#define store_seq(p, v)			    model_store_seq(p, v)
#define swap_acq_rel(p, v)		    model_swap(p, v)
#define swap_acquire(p, v)		    model_swap(p, v)
#define swap_seq(p, v)			    model_swap(p, v)
#define add_relaxed(p, v)		    model_add(p, v)
#define add_acq_rel(p, v)		    model_add(p, v)
#define cas_acq_rel(p, expected, v)	    model_cas(p, expected, v)
#define cas_weak_release(p, expected, v) model_cas(p, expected, v)
#define cas_seq(p, expected, v)		    model_cas(p, expected, v)
#ifndef fence_seq /* a test may leave it out, to see that it is missed */
#define fence_seq()			    (explore_point(), explore_fence())
#endif

#endif

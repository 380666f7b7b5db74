/* model_atomic.h - takes the place of the atomics when code is model checked: each access is a point at
 * which the explorer may let another thread run (explore.h) */
#ifndef ROTA_TESTS_MODEL_ATOMIC_H
#define ROTA_TESTS_MODEL_ATOMIC_H

#include "explore.h"

#define model_load(p)	      (explore_point(), *(p))
#define model_store(p, v)     (explore_point(), (void)(*(p) = (v)))
#define model_swap(p, v)                                                                           \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		__typeof__(*(p)) old_ = *(p);                                                      \
		*(p) = (v);                                                                        \
		old_;                                                                              \
	})
#define model_add(p, v)                                                                            \
	__extension__({                                                                                         \
		explore_point();                                                                   \
		__typeof__(*(p)) old_ = *(p);                                                      \
		*(p) += (__typeof__(*(p)))(v);                                                     \
		old_;                                                                              \
	})
#define model_cas(p, expected, v)                                                                  \
	__extension__({                                                                                         \
		explore_point();                                                                   \
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
#define store_seq(p, v)			    model_store(p, v)
#define swap_acq_rel(p, v)		    model_swap(p, v)
#define swap_acquire(p, v)		    model_swap(p, v)
#define swap_seq(p, v)			    model_swap(p, v)
#define add_relaxed(p, v)		    model_add(p, v)
#define add_acq_rel(p, v)		    model_add(p, v)
#define cas_acq_rel(p, expected, v)	    model_cas(p, expected, v)
#define cas_weak_release(p, expected, v) model_cas(p, expected, v)
#define cas_seq(p, expected, v)		    model_cas(p, expected, v)
#define fence_seq()			    explore_point()

#endif

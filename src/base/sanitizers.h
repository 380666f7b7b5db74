/* sanitizers.h - what the compiler was told to watch: ROTA_ASAN, ROTA_TSAN (gcc and clang say it differently) */
#ifndef ROTA_BASE_SANITIZERS_H
#define ROTA_BASE_SANITIZERS_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ROTA_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define ROTA_TSAN 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define ROTA_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define ROTA_TSAN 1
#endif

#endif

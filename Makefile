# The front door: each line here is one thing to do with the project.  The build itself is meson's;
# see meson.build, and scripts/ for what is behind the words.

.PHONY: all run test bench install clean asan tsan models stress valgrind aarch64 fuzz docs

all: build/build.ninja
	@ninja -C build product $(if $(MAKE_TERMOUT),,--quiet)

build/build.ninja:
	@scripts/setup build
	@said=$$(meson setup build 2>&1) || { echo "$$said"; exit 1; }

# A server, a load on it, and what it did.
run: all
	@scripts/run-demo

# The whole suite: both pollers, sanitizers, AArch64.
test:
	@scripts/setup test
	@scripts/test

# One part of it.
asan tsan models stress valgrind aarch64:
	@scripts/setup test
	@scripts/test $@

# Against the peers: make bench [ONLY=echo-c64,timers] [PEERS=tokio,libuv] [ROUNDS=5] [RESUME=1]
bench:
	@scripts/setup bench
	@bench/run $(if $(ONLY),--only $(ONLY)) $(if $(PEERS),--peers $(PEERS)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RESUME),--resume)

fuzz:
	@scripts/setup fuzz
	@scripts/fuzz

docs: all
	@scripts/setup docs
	@ninja -C build docs >/dev/null && echo "build/docs/html/index.html"

install: all
	@meson install -C build --no-rebuild

clean:
	@rm -rf build build-*

# SPDX-License-Identifier: MIT
# nlock: make deps all, make check, make install.

VERSION	= 0.1.0

# By either name; those in lower case are GNU's.
prefix	= /usr/local
bindir	= $(PREFIX)/bin
mandir	= $(PREFIX)/share/man
PREFIX	= $(prefix)
BINDIR	= $(bindir)
MANDIR	= $(mandir)
INSTALL	?= install

CFLAGS	?= -O2 -g
# A distribution may ask for a higher level.
FORTIFY	= $(if $(findstring FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),, \
	  -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN	= -fstack-protector-strong $(FORTIFY) -fPIE
LDHARDEN = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
# In fewer pages and mappings, which a process that lives for a millisecond
# feels: code shares its pages with constants.
LDLAYOUT = -Wl,-z,noseparate-code
WARN	= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	  -Wwrite-strings -Wpointer-arith -Wcast-align -Wvla -Wundef \
	  -Wformat=2 -Wimplicit-fallthrough
BUILD	= build

# Linked in if it can be: with the shared library an uncontended run takes 7 %
# longer (test/bench/starts.c).  A distribution may prefer "make POPT=-lpopt".
# Looked for when it is needed, after "make deps".
POPT	= $(if $(wildcard $(shell $(CC) -print-file-name=libpopt.a)), \
	   -l:libpopt.a,-lpopt)

ifdef SANITIZE
BUILD	= build/sanitize
CFLAGS	= -O1 -g -fno-omit-frame-pointer
HARDEN	= -fsanitize=address,undefined -fno-sanitize-recover=all
LDHARDEN =
UNFIT	= test/commands/bench.bats	# there is nothing to measure
endif

# The same program, wherever the sources lie; with large inodes and late times
# also where a long has 32 bits.
override CPPFLAGS += -std=c11 -D_XOPEN_SOURCE=700 \
		     -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 \
		     -DNLOCK_VERSION='"$(VERSION)"' \
		     '-ffile-prefix-map=$(CURDIR)=.'

OBJ	= $(patsubst %.c,$(BUILD)/%.o,$(wildcard cmd/*.c cmd/*/*.c))
LIB_OBJ	= $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*.c lib/*/*.c))
# Inputs that a fuzzer has found, replayed.
FUZZ	= $(patsubst %.c,$(BUILD)/%,$(filter-out %/replay.c, \
	  $(wildcard test/fuzz/*.c)))
FUZZ_MAIN = $(BUILD)/test/fuzz/replay.o
BENCH	= $(patsubst %.c,$(BUILD)/%,$(wildcard test/bench/*.c))
UNIT	= $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit/*_test.c))
# Those that take minutes are left to check-all; the longest come first.
LONG	= test/nfs/check test/model/check test/neighbours/check \
	  test/filesystems/check test/pause/breakers.bats test/fault/check \
	  test/pause/random_kill.bats
BATS	= $(filter-out $(LONG) $(UNFIT), \
	  $(wildcard test/commands/*.bats test/pause/*.bats))
# What of cmd/ can be told in tables is tested by them, too.
UNIT_OBJ = $(addprefix $(BUILD)/cmd/, job/deadline.o $(addprefix text/, \
	   claim_format.o describe.o duration.o errno_names.o json.o \
	   message.o shell_quote.o utf8.o))
LINK_FLAGS = $(CFLAGS) $(HARDEN) $(LDHARDEN) $(LDLAYOUT) $(LDFLAGS)
LINK	= $(CC) $(LINK_FLAGS) -o $@

all: $(BUILD)/nlock

$(BUILD)/nlock: $(OBJ) $(BUILD)/libnlock.a
	$(LINK) $^ $(POPT)

$(BUILD)/libnlock.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(UNIT_OBJ) $(BUILD)/libnlock.a
	$(LINK) $^

$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(FUZZ_MAIN) $(UNIT_OBJ) \
		$(BUILD)/cmd/state_file.o $(BUILD)/libnlock.a
	$(LINK) $^

$(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o
	$(LINK) $^

# Started hundreds of times where starting a program is slow.
$(BUILD)/test/nfs/critical: $(BUILD)/test/nfs/critical.o
	$(LINK) -static-pie $^

$(BUILD)/test/nfs/head_start.so: test/nfs/head_start.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(WARN) -shared -fPIC -o $@ $<

COMPILE	= $(CC) $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) -MMD -MP -c

$(BUILD)/%.o: %.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $<

# By what all is built: if that changes, all is built anew.
$(BUILD)/flags: export BUILT_BY = $(COMPILE) $(CC) $(LINK_FLAGS) $(POPT)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$BUILT_BY" | cmp -s - $@ || \
		printf '%s\n' "$$BUILT_BY" >$@

-include $(OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(UNIT:=.d) $(FUZZ:=.d) \
	$(FUZZ_MAIN:.o=.d) $(BENCH:=.d)

# All tests, a few at a time; ends with a line of counts.
check: all $(UNIT) $(FUZZ)
	test/check $(BUILD) $(UNIT) $(FUZZ) $(BATS)

# The same; every call made to fail, two processes held up at every combination
# of steps, one killed at random, odd neighbours, the model of the protocol,
# other file systems, and a real NFS server with clients.  Takes half an hour.
check-all: all $(UNIT) $(FUZZ) $(BUILD)/test/nfs/critical \
	   $(BUILD)/test/nfs/head_start.so $(BUILD)/test/bench/task
	TEST_JOBS=$$(($$(getconf _NPROCESSORS_ONLN) + 1)) \
		test/check $(BUILD) $(LONG) $(UNIT) $(FUZZ) $(BATS)

# On file servers of all kinds, each with clients: as root.  Takes half an hour.
check-servers: all $(BUILD)/test/nfs/critical
	TEST_LIMIT_S=5400 test/check $(BUILD) test/servers/check

# Built for other architectures and another C library, and some tests there.
check-ports: all
	test/check $(BUILD) test/ports/check

# New inputs, looked for by libFuzzer for FUZZ_S seconds each; needs clang.
fuzz: all
	test/check $(BUILD) test/fuzz/check

# nlock beside its peers; "make bench CASES=handover" for one case.
bench: all $(BENCH)
	test/bench/run $(BUILD) $(CASES)

# The same between clients of a real NFS server; as root.
bench-nfs: all $(BENCH)
	test/nfs/check $(BUILD) speed

lint:
	test/lint

# What is missing to build and test, from the system's packages.
deps:
	test/deps

# The peers that "make bench" compares with.
deps-bench:
	test/deps bench

install: all
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" \
		"$(DESTDIR)$(MANDIR)/man7"
	$(INSTALL) -m 755 $(BUILD)/nlock "$(DESTDIR)$(BINDIR)/nlock"
	$(INSTALL) -m 644 man/nlock.1 "$(DESTDIR)$(MANDIR)/man1/nlock.1"
	$(INSTALL) -m 644 man/nlock.7 "$(DESTDIR)$(MANDIR)/man7/nlock.7"

uninstall:
	rm -f "$(DESTDIR)$(BINDIR)/nlock" "$(DESTDIR)$(MANDIR)/man1/nlock.1" \
		"$(DESTDIR)$(MANDIR)/man7/nlock.7"

clean:
	rm -rf build $(BUILD)

# What deps installs is needed by what comes after it.
ifneq ($(filter deps deps-bench,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.SECONDARY: $(UNIT:=.o) $(FUZZ:=.o) $(FUZZ_MAIN) $(BENCH:=.o)
.PHONY: all always check check-all check-ports check-servers fuzz bench bench-nfs lint deps deps-bench install \
	uninstall clean

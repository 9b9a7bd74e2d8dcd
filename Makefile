# nlock: make deps all, make check, make install.

VERSION	= 0.1.0

PREFIX	= /usr/local
BINDIR	= $(PREFIX)/bin
MANDIR	= $(PREFIX)/share/man

CC	= cc
CFLAGS	= -O2 -g
HARDEN	= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARDEN = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
WARN	= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	  -Wwrite-strings -Wpointer-arith -Wcast-align -Wvla -Wundef \
	  -Wformat=2 -Wimplicit-fallthrough
BUILD	= build

ifdef SANITIZE
BUILD	= build/sanitize
CFLAGS	= -O1 -g -fno-omit-frame-pointer
HARDEN	= -fsanitize=address,undefined -fno-sanitize-recover=all
LDHARDEN =
endif

override CPPFLAGS += -std=c11 -pthread -D_XOPEN_SOURCE=700 \
		     -DNLOCK_VERSION='"$(VERSION)"'

OBJ	= $(patsubst %.c,$(BUILD)/%.o,$(wildcard cmd/*.c))
LIB_OBJ	= $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*.c))
UNIT	= $(patsubst %.c,$(BUILD)/%,$(wildcard test/unit/*_test.c))
# What of cmd/ has no state of its own is tested by tables, too.
UNIT_OBJ = $(addprefix $(BUILD)/cmd/, deadline.o duration.o errno_names.o \
	   json.o shell_quote.o utf8.o)
LINK	= $(CC) -pthread $(CFLAGS) $(HARDEN) $(LDHARDEN) $(LDFLAGS) -o $@

all: $(BUILD)/nlock

$(BUILD)/nlock: $(OBJ) $(BUILD)/libnlock.a
	$(LINK) $^ -lpopt

$(BUILD)/libnlock.a: $(LIB_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(UNIT_OBJ) $(BUILD)/libnlock.a
	$(LINK) $^

# Started hundreds of times where starting a program is slow.
$(BUILD)/test/nfs/critical: $(BUILD)/test/nfs/critical.o
	$(LINK) -static-pie $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(HARDEN) $(WARN) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(UNIT:=.d)

# All tests, a few at a time; ends with a line of counts.
check: all $(UNIT)
	test/check $(BUILD)

# The same, the model of the protocol, and a real NFS server with clients;
# takes half an hour.
check-all: all $(UNIT) $(BUILD)/test/nfs/critical
	test/check $(BUILD) $(UNIT) $(wildcard test/*.bats) \
		test/model/check test/nfs/check

lint:
	test/lint

# What is missing to build and test, from the system's packages.
deps:
	test/deps

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 \
		$(DESTDIR)$(MANDIR)/man7
	install -m 755 $(BUILD)/nlock $(DESTDIR)$(BINDIR)/nlock
	install -m 644 man/nlock.1 $(DESTDIR)$(MANDIR)/man1/nlock.1
	install -m 644 man/nlock.7 $(DESTDIR)$(MANDIR)/man7/nlock.7

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/nlock $(DESTDIR)$(MANDIR)/man1/nlock.1 \
		$(DESTDIR)$(MANDIR)/man7/nlock.7

clean:
	rm -rf build

.SECONDARY: $(UNIT:=.o)
.PHONY: all check check-all lint deps install uninstall clean

# SPDX-License-Identifier: GPL-2.0
#
# ipsec_latch: build, check, install.  `make help` says what there is.

# The kernel to build for: any release with headers installed, or 6.1, 6.12,
# debug, which tools/testing/vm/fetch gets into a cache.
KVER ?= $(shell uname -r)
K ?= 6.12

top := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
vm := $(top)/tools/testing/vm
cached := $(filter 6.1 6.12 debug,$(KVER))
release = $(if $(cached),$(shell $(vm)/fetch kver $(KVER)),$(KVER))
KDIR = $(if $(cached),$(shell $(vm)/fetch headers $(KVER)),/lib/modules/$(KVER)/build)

# One directory for each kernel: 6.1 cannot put a module's objects elsewhere,
# so the sources are mirrored there as links.
BUILD = $(top)/build/$(release)
# Type information needs the kernel's own, and pahole.
btf = $(if $(and $(wildcard $(KDIR)/vmlinux),$(shell command -v pahole)),,CONFIG_DEBUG_INFO_BTF_MODULES=)

.DEFAULT_GOAL := modules
.PHONY: all modules tools ike headers_check unit style vm check mutants soak upstream demo demo-ike demo-gateway bench deps \
	docs spec install headers_install modules_install tools_install ike_install clean help

all: modules tools

modules:
	@kdir='$(KDIR)'; build='$(BUILD)'; \
	if [ ! -e "$$kdir/Makefile" ]; then \
		echo "make: no headers for kernel $(KVER): install linux-headers-$(KVER), or use KVER=6.12, 6.1 or debug" >&2; \
		exit 1; \
	fi; \
	mkdir -p "$$build" && cp -rsf $(top)/Kbuild $(top)/latch $(top)/include "$$build/" && \
	find "$$build" -xtype l -delete && \
	$(MAKE) --no-print-directory -C "$$kdir" M="$$build" $(btf) modules

tools:
	@[ ! -d $(top)/tools/latch ] || $(MAKE) -C $(top)/tools/latch

# What tells the module of the peers that IKE daemons authenticate
ike:
	@$(MAKE) --no-print-directory -C $(top)/tools/charon-latch
	@$(MAKE) --no-print-directory -C $(top)/tools/latchd

headers_check:
	@$(top)/tools/testing/style/headers

unit:
	@$(MAKE) --no-print-directory -C $(top)/tools/testing/unit

style:
	@$(top)/tools/testing/style/style

# The self-tests on one kernel in a virtual machine: K=6.12 (default), 6.1, debug, or nofast:
# the debug kernel, and the module without the first two tiers of the packet path
vm:
	@$(top)/tools/testing/check vm-$(K)

check:
	@$(top)/tools/testing/check

# The self-tests against modules of which each lacks one check
mutants: deps
	@$(top)/tools/testing/mutants/mutants

# What takes longer than a check may: that, and everything on 6.1 and on the debug kernel
soak: mutants
	@T='*' $(top)/tools/testing/check vm-6.1
	@T='*' $(top)/tools/testing/check vm-debug
	@T='*' LATCH_NOFAST_KERNEL=debug $(top)/tools/testing/check vm-nofast
	@$(top)/tools/testing/check plain-6.12

# The kernel's own selftests, without the module and with it: TESTS='tls pmtu_ipv4' picks some,
# CONTINUE=1 goes on where an earlier call ended
upstream:
	@$(vm)/deps upstream
	@$(top)/tools/testing/upstream/upstream $(if $(CONTINUE),-c) $(if $(TESTS),-k $(K) $(TESTS),-t \
		$(top)/Documentation/networking/latch-selftests.rst)

deps:
	@$(vm)/deps

demo: deps
	@$(MAKE) --no-print-directory KVER=$(K) all
	@K=$(K) $(top)/tools/testing/demo/demo

# The same story with real IKE daemons and certificates
demo-ike: deps
	@$(MAKE) -s --no-print-directory KVER=$(K) all ike
	@K=$(K) $(top)/tools/testing/demo/demo-ike

demo-gateway: deps
	@$(MAKE) -s --no-print-directory KVER=$(K) all ike
	@K=$(K) $(top)/tools/testing/demo/demo-gateway

# What the module costs, in instructions: BENCH='UDP*' picks rows, JSON=FILE keeps the figures
bench: deps
	@$(MAKE) --no-print-directory KVER=$(K) modules
	@K=$(K) JSON='$(JSON)' $(top)/tools/testing/bench/bench $(if $(BENCH),'$(BENCH)')

# The pictures of the documentation as SVG; the kernel's own documentation draws them by itself
docs: deps
	@mkdir -p $(top)/build/docs && cd $(top)/Documentation/networking && for f in *.dot; do \
		dot -Tsvg -o $(top)/build/docs/$${f%.dot}.svg $$f || exit 1; \
	done

# The headers and tables that the kernel's generator makes of the netlink spec
spec:
	@$(top)/tools/testing/spec

install: modules_install headers_install tools_install

headers_install:
	install -D -m 644 -t '$(DESTDIR)$(or $(PREFIX),/usr)/include/linux' $(top)/include/uapi/linux/*.h

modules_install: modules
	$(MAKE) --no-print-directory -C '$(KDIR)' M='$(BUILD)' modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(release)

tools_install: tools
	@[ ! -d $(top)/tools/latch ] || $(MAKE) -C $(top)/tools/latch install

ike_install: ike
	@$(MAKE) --no-print-directory -C $(top)/tools/charon-latch install
	@$(MAKE) --no-print-directory -C $(top)/tools/latchd install

clean:
	rm -rf $(top)/build
	@for d in tools/latch tools/latchd tools/testing/unit tools/testing/selftests/latch; do \
		[ ! -e $(top)/$$d/Makefile ] || $(MAKE) --no-print-directory -C $(top)/$$d clean; \
	done

help:
	@echo 'make                the module for the running kernel, in build/RELEASE'
	@echo 'make KVER=RELEASE   ... for another one with headers installed, or'
	@echo '                    6.1, 6.12, debug: headers are put into a cache'
	@echo 'make all            ... and the command-line tool'
	@echo 'make ike            the plugin for strongSwan, latchd and latch-updown'
	@echo 'make demo           see it work, in virtual machines'
	@echo 'make demo-ike       the same with IKE daemons and certificates'
	@echo 'make demo-gateway   the same for a gateway that gives out addresses'
	@echo 'make bench          what the module costs; BENCH=GLOB, JSON=FILE'
	@echo 'make check          every check and test on every kernel'
	@echo 'make soak           what takes longer: make mutants, all tests on 6.1 and on the debug kernel; plain hosts'
	@echo 'make upstream       the kernel'"'"'s own selftests, without the module and with it; TESTS=NAMES'
	@echo 'make style | headers_check | unit | vm K=6.12|6.1|debug|nofast   one of them'
	@echo 'make docs           the pictures of the documentation, in build/docs'
	@echo 'make spec           regenerate what is generated from the netlink spec'
	@echo 'make deps           install the packages that building and testing need'
	@echo 'make ike_install    what make ike made (root; DESTDIR)'
	@echo 'make install        module, headers and tools (root; INSTALL_MOD_PATH, DESTDIR)'
	@echo 'make clean'
	@echo 'Add W=1, C=1, CC=clang as for any kernel module.'

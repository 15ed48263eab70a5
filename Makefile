# `make demo` and `make test` install what they need (tests/provision).

# cargo-deb and cargo-generate-rpm take the built files from here.
export CARGO_TARGET_DIR := $(CURDIR)/target

CARGO    ?= cargo
PACKAGES := target/packages
ASSETS   := target/assets
# cargo-deb has no placeholder for the multiarch folder of the module.
DEB_VARIANT := $(if $(filter aarch64,$(shell uname -m)),--variant=arm64)
# What the programs say of their sources is the same wherever they are built.
SOURCES  := --remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
# Machines that tests boot at the same time.
JOBS     ?= $(shell nproc)

DESTDIR    ?=
PREFIX     ?= /usr
SYSCONFDIR ?= /etc
# Where this machine's PAM looks for modules: beside pam_unix.so.
PAMDIR     ?= $(or $(patsubst %/,%,$(dir $(firstword $(wildcard \
    /usr/lib/*/security/pam_unix.so /usr/lib64/security/pam_unix.so)))),$(PREFIX)/lib/security)

.PHONY: help demo test check build assets deb rpm install bench provision lab clean

help:
	@echo 'make demo      one elevation from request to end, on a throwaway machine (root)'
	@echo 'make test      everything: check, packages, end-to-end tests (root)'
	@echo 'make check     format, lints, unit tests: fast, no root'
	@echo 'make deb rpm   packages, into $(PACKAGES)/'
	@echo 'make install   into DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) PAMDIR=$(PAMDIR)'
	@echo 'make bench     measurements (root)'

demo: provision deb
	$(CARGO) run --quiet --package jit-tests --bin demo

test: provision check deb rpm lab

# The end-to-end tests alone, with the packages that are there.
lab:
	$(CARGO) test --package jit-tests -- --test-threads=$(JOBS)

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --package jitd --features failpoints --all-targets -- --deny warnings
	$(CARGO) test --workspace --exclude jit-tests
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check; fi

build assets: export RUSTFLAGS += $(SOURCES)

# The module is loaded afresh by every sudo: what counts is how little there is of it.
MODULE := CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=s $(CARGO) build --release --package pam_jit

# The module is built alone. Built together with the others it would get their
# features of shared crates too, and with them threads inside of sudo.
build:
	$(MODULE)
	$(CARGO) build --release --package jitd --package jitctl

# Manual page and completions of jitctl, made from its own command line.
assets:
	$(CARGO) run --release --quiet --package jitctl --example assets -- $(ASSETS)

deb: build assets
	mkdir -p $(PACKAGES)
	rm -f $(PACKAGES)/*.deb
	$(CARGO) deb --package jitd --no-build --output $(PACKAGES)/ $(DEB_VARIANT)

# RHEL 9 has an older glibc than the module's own unwinder needs: see pam_jit/build.rs.
rpm: build assets
	PAM_JIT_LIBGCC=shared RUSTFLAGS="$(RUSTFLAGS) $(SOURCES)" $(MODULE)
	mkdir -p $(PACKAGES)
	rm -f $(PACKAGES)/*.rpm
	sh packaging/rpm/stage.sh
	$(CARGO) generate-rpm --package jitd --target-dir target --output $(PACKAGES)/

bench: provision deb
	RUSTFLAGS="$(RUSTFLAGS) $(SOURCES)" $(CARGO) run --quiet --release --package jit-tests --bin bench

# Files only. What a package does besides: systemd-sysusers, systemctl
# daemon-reload and enable, journalctl --update-catalog, and a reload of the system bus.
install: build assets
	install -D -m 755 target/release/jitd           $(DESTDIR)$(PREFIX)/sbin/jitd
	install -D -m 755 target/release/jitctl         $(DESTDIR)$(PREFIX)/bin/jitctl
	install -D -m 644 target/release/libpam_jit.so  $(DESTDIR)$(PAMDIR)/pam_jit.so
	install -D -m 755 packaging/prepare-removal.sh  $(DESTDIR)$(PREFIX)/libexec/jitd/prepare-removal
	install -D -m 644 packaging/systemd/jitd.service     $(DESTDIR)$(PREFIX)/lib/systemd/system/jitd.service
	install -D -m 644 packaging/systemd/jitd-enforce@.service $(DESTDIR)$(PREFIX)/lib/systemd/system/jitd-enforce@.service
	for unit in jitd jitd-enforce@; do \
	    install -D -m 644 packaging/systemd/confinement.conf \
	        $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service.d/confinement.conf || exit; \
	done
	install -D -m 644 packaging/systemd/80-jitd.preset   $(DESTDIR)$(PREFIX)/lib/systemd/system-preset/80-jitd.preset
	install -D -m 644 packaging/systemd/jitd.sysusers    $(DESTDIR)$(PREFIX)/lib/sysusers.d/jitd.conf
	install -D -m 644 packaging/dbus/org.jitd1.conf      $(DESTDIR)$(PREFIX)/share/dbus-1/system.d/org.jitd1.conf
	install -D -m 644 packaging/dbus/org.jitd1.service   $(DESTDIR)$(PREFIX)/share/dbus-1/system-services/org.jitd1.service
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/jitd/roles.d
	test -e $(DESTDIR)$(SYSCONFDIR)/jitd/jitd.toml || \
	    install -m 644 packaging/etc/jitd.toml $(DESTDIR)$(SYSCONFDIR)/jitd/jitd.toml
	install -m 644 packaging/etc/roles.d/README $(DESTDIR)$(SYSCONFDIR)/jitd/roles.d/README
	install -d -m 700 $(DESTDIR)/var/lib/jitd
	install -D -m 644 packaging/catalog/jitd.catalog     $(DESTDIR)$(PREFIX)/lib/systemd/catalog/jitd.catalog
	install -d $(DESTDIR)$(PREFIX)/share/doc/jitd/examples
	install -m 644 packaging/examples/*.toml packaging/examples/*.conf packaging/examples/*.py $(DESTDIR)$(PREFIX)/share/doc/jitd/examples/
	install -m 644 README.md SECURITY.md CHANGELOG.md $(DESTDIR)$(PREFIX)/share/doc/jitd/
	for section in 5 7 8; do \
	    install -d $(DESTDIR)$(PREFIX)/share/man/man$$section && \
	    install -m 644 packaging/man/*.$$section $(DESTDIR)$(PREFIX)/share/man/man$$section/ || exit; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(ASSETS)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 $(ASSETS)/completions/bash/jitctl.bash     $(DESTDIR)$(PREFIX)/share/bash-completion/completions/jitctl
	install -D -m 644 $(ASSETS)/completions/zsh/_jitctl      $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_jitctl
	install -D -m 644 $(ASSETS)/completions/fish/jitctl.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/jitctl.fish

provision:
	@sh tests/provision

clean:
	$(CARGO) clean

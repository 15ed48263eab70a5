#!/bin/sh
# Take jitd out of a host, before its files go. Run by the package's removal
# scripts (deb: prerm, rpm: %preun), and by hand before an uninstall without them.
#
# A PAM line that names a missing module breaks sudo for everyone, so the lines
# go first, and a removal that can't do this must not go on. The order fails
# closed: until the elevations are taken back, the gate stays and refuses.
#
# On failure jitd runs again. On success it is masked until the package's last
# script, so that no call on the bus can start it.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

say() { echo "jitd: $*" >&2; }

# Nothing to stop where systemd does not run, as in a chroot.
systemd_runs() { [ -d /run/systemd/system ]; }

stay() {
    status=$?
    [ "$status" -ne 0 ] || return 0
    if systemd_runs; then
        systemctl --quiet --runtime unmask jitd.service || :
        systemctl --quiet --no-block start jitd.service || :
    fi
    say "not removed. Elevations that were taken back stay ended; see what is said above."
    exit "$status"
}
trap stay EXIT
# A closed terminal ends this script too, and it must not end half-way in silence.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if systemd_runs; then
    systemctl --quiet --runtime mask jitd.service
    systemctl --quiet stop 'jitd-enforce@*.timer' 'jitd-enforce@*.service' jitd.service
    # systemd forgets what it made for a unit that is masked.
    rm -rf /run/jitd
fi

say "taking back all elevations"
jitd withdraw </dev/null

# Empty by now; systemd keeps it until it is told.
if systemd_runs; then
    systemctl --quiet stop jit.slice || :
fi

say "taking pam_jit out of PAM, and our line out of sudo.conf"
jitctl setup --undo --yes </dev/null

# Lines that somebody else wrote are theirs to take out, but they must be out.
# Left-over copies that no program uses as a service don't count.
left=$(grep -EHn '^[^#]*pam_jit' \
    --directories=skip --no-messages \
    --exclude='*.dpkg-*' --exclude='*.rpm*' --exclude='*.bak' --exclude='*~' \
    /etc/pam.conf /etc/pam.d/* /usr/lib/pam.d/* /usr/etc/pam.d/* || :)
if [ -n "$left" ]; then
    say "PAM still uses pam_jit; without the module these services would fail for everyone:"
    printf '%s\n' "$left" >&2
    say "take these lines out and remove the package again, or, to keep it,"
    say "put the gate back where it was taken out just now: jitctl setup"
    exit 1
fi

# Only now: while the gate is there, a missing group of its would close it to all.
jitd remove-groups </dev/null

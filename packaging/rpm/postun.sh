# $1: 0 after the last removal, 1 after an upgrade
if [ "$1" -eq 0 ]; then
    # The record in /var/lib/jitd and /var/log/jitd, and policy files that were changed, stay.
    rmdir --ignore-fail-on-non-empty /etc/jitd/roles.d /etc/jitd /usr/libexec/jitd \
        /usr/share/doc/jitd/examples /usr/share/doc/jitd /usr/share/licenses/jitd \
        /usr/lib/systemd/system/jitd.service.d \
        /usr/lib/systemd/system/jitd-enforce@.service.d \
        2>/dev/null || :
fi
if [ -d /run/systemd/system ]; then
    if [ "$1" -eq 0 ]; then
        systemctl --quiet --runtime unmask jitd.service || :
        systemctl --quiet daemon-reload || :
        busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus \
            org.freedesktop.DBus ReloadConfig || :
    else
        systemctl --quiet daemon-reload || :
        systemctl --quiet try-restart jitd.service || :
    fi
fi

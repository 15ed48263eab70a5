# $1: 1 on a first installation, 2 on an upgrade
systemd-sysusers jitd.conf || :
if [ -d /run/systemd/system ]; then
    # A removal that did not come to its end leaves the mask of %preun.
    systemctl --quiet --runtime unmask jitd.service || :
    systemctl --quiet daemon-reload || :
    # The bus must know the policy before jitd asks for its name.
    busctl --quiet call org.freedesktop.DBus /org/freedesktop/DBus \
        org.freedesktop.DBus ReloadConfig || :
fi
if [ "$1" -eq 1 ]; then
    systemctl --quiet --no-reload preset jitd.service || :
    if [ -d /run/systemd/system ] && systemctl --quiet is-enabled jitd.service; then
        systemctl --quiet start jitd.service || :
    fi
fi

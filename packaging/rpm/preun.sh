# $1: 0 on the last removal, 1 on an upgrade
if [ "$1" -eq 0 ]; then
    # When this fails, rpm keeps the package: sudo would break without the module.
    /usr/libexec/jitd/prepare-removal || exit 1
    systemctl --quiet --no-reload disable jitd.service || :
fi

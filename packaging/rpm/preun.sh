# $1: 0 on the last removal, 1 on an upgrade
if [ "$1" -eq 0 ]; then
    # Before the mask that prepare-removal leaves: a masked unit can't be disabled.
    was=$(systemctl is-enabled jitd.service 2>/dev/null || :)
    systemctl --quiet --no-reload disable jitd.service || :
    if ! /usr/libexec/jitd/prepare-removal; then
        # rpm then keeps the package: sudo would break without the module.
        [ "$was" != enabled ] || systemctl --quiet --no-reload enable jitd.service || :
        exit 1
    fi
fi

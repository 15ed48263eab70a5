/*
 * Clocks that are set without setting any: preloaded into a program, this adds to what
 * CLOCK_REALTIME and CLOCK_BOOTTIME show. By how many milliseconds each stands in
 * /etc/lab-clocks, two numbers; nothing where there is no such file. Read afresh at each
 * look, so that a test sets the clocks of a program that runs. Which boot it is stands in
 * /run/lab-boot, since a machine of a test has the kernel's.
 *
 * Without libc's number parsing, whose symbols differ between the machine that builds and
 * the one that runs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *parse(const char *text, long long *number)
{
    long long sign = 1;
    *number = 0;
    while (*text == ' ')
        text++;
    if (*text == '-') {
        sign = -1;
        text++;
    }
    for (; *text >= '0' && *text <= '9'; text++)
        *number = *number * 10 + (*text - '0');
    *number *= sign;
    return text;
}

static long long offset_of(clockid_t clock)
{
    char text[64] = "";
    long long real, boot;
    int file = syscall(SYS_openat, AT_FDCWD, "/etc/lab-clocks", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    if (read(file, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(file);
    parse(parse(text, &real), &boot);
    return clock == CLOCK_REALTIME ? real : boot;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (syscall(SYS_clock_gettime, clock, now) != 0)
        return -1;
    if (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME) {
        long long off = offset_of(clock);
        now->tv_sec += off / 1000;
        now->tv_nsec += off % 1000 * 1000000;
        if (now->tv_nsec < 0) {
            now->tv_nsec += 1000000000;
            now->tv_sec--;
        } else if (now->tv_nsec >= 1000000000) {
            now->tv_nsec -= 1000000000;
            now->tv_sec++;
        }
    }
    return 0;
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    int mode;
    va_start(more, flags);
    mode = va_arg(more, int);
    va_end(more);
    if (strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        path = "/run/lab-boot";
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

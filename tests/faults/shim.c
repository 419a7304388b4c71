/* Loaded before the C library (LD_PRELOAD), it makes the file calls below a folder go wrong: the n-th call kills the
   process, fails or is cut short. Or it writes down all of them with their data, so that a power loss can be played.
   It can also move the wall clock. Nothing happens until `arm` or `move_clock` is called, from tests/faults/shim.py. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum mode { OFF, COUNT, KILL, FAIL_ONCE, FAIL_FROM, SHORTEN, SHORTEN_AND_KILL };  /* as in shim.py */
enum kind { CHANGE = 1, READ = 2 };
enum action { GO_ON, FAIL, CUT };

static char root[PATH_MAX], part[PATH_MAX];
static volatile int mode = OFF;
static int kinds, error_number, log_file = -1, trace_file = -1;
static long target, calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int opened(const char *path) {
    return path && *path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

/* Calls are counted whose path lies below `folder` and holds `part_of_path`. `log` gets a line for each of them,
   `trace` also what was written. */
void arm(const char *folder, const char *part_of_path, int how, long at, int error, int which, const char *log,
         const char *trace) {
    snprintf(root, sizeof root, "%s", folder);
    snprintf(part, sizeof part, "%s", part_of_path);
    target = at, error_number = error, kinds = which, calls = 0;
    log_file = opened(log), trace_file = opened(trace);
    mode = how;
}

void disarm(void) { mode = OFF; }

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static int path_of(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, out, PATH_MAX - 1);
    out[n < 0 ? 0 : n] = 0;
    return n > 0;
}

static int absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX] = "";
    if (!path) return 0;
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) > 0;
    if (folder == AT_FDCWD ? syscall(SYS_readlink, "/proc/self/cwd", base, sizeof base - 1) < 0 : !path_of(folder, base))
        return 0;
    return snprintf(out, 2 * PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

static int concerned(const char *path) {
    return mode != OFF && !strncmp(path, root, strlen(root)) && strstr(path, part);
}

/* Counts a call; says what is to become of it. */
static enum action next(const char *call, const char *path, int kind) {
    if (!(kinds & kind)) return GO_ON;
    pthread_mutex_lock(&lock);
    long n = ++calls;
    if (log_file >= 0) dprintf(log_file, "%ld\t%s\t%s\n", n, call, path + strlen(root));
    if (n == target && mode == KILL) die();
    pthread_mutex_unlock(&lock);
    if ((n == target && mode == FAIL_ONCE) || (n >= target && mode == FAIL_FROM)) {
        errno = error_number;
        return FAIL;
    }
    return n == target && (mode == SHORTEN || mode == SHORTEN_AND_KILL) ? CUT : GO_ON;
}

static void all_of(const void *data, size_t n) {
    for (const char *at = data; n;) {
        ssize_t done = syscall(SYS_write, trace_file, at, n);
        if (done <= 0) return;
        at += done, n -= done;
    }
}

static void note(const char *call, const char *path, const char *to, int64_t offset, const void *data, size_t n) {
    if (trace_file < 0) return;
    char head[2 * PATH_MAX + 128];
    int length = snprintf(head, sizeof head, "%s\t%s\t%s\t%lld\t%zu\n", call, path, to, (long long)offset, n);
    pthread_mutex_lock(&lock);
    all_of(head, length);
    all_of(data, n);
    pthread_mutex_unlock(&lock);
}

/* ---- opening ---- */

static int open_at(int folder, const char *path, int flags, mode_t rights) {
    char full[PATH_MAX * 2];
    struct stat there;
    const char *call = NULL;
    if (absolute(folder, path, full) && concerned(full)) {
        int exists = !syscall(SYS_newfstatat, AT_FDCWD, full, &there, 0);
        if (!exists && flags & O_CREAT) call = "create";
        else if (flags & O_TRUNC) call = "truncate";
        if (next(call ? call : "open", full, call ? CHANGE : READ) == FAIL) return -1;
    }
    int fd = syscall(SYS_openat, folder, path, flags, rights);
    if (fd >= 0 && call) note(call, full, "", 0, "", 0);
    return fd;
}

#define RIGHTS(flags, rights)                                                                                          \
    mode_t rights = 0;                                                                                                 \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        rights = va_arg(more, mode_t);                                                                                 \
        va_end(more);                                                                                                  \
    }
int open(const char *path, int flags, ...) { RIGHTS(flags, m) return open_at(AT_FDCWD, path, flags, m); }
int open64(const char *path, int flags, ...) { RIGHTS(flags, m) return open_at(AT_FDCWD, path, flags, m); }
int openat(int d, const char *path, int flags, ...) { RIGHTS(flags, m) return open_at(d, path, flags, m); }
int openat64(int d, const char *path, int flags, ...) { RIGHTS(flags, m) return open_at(d, path, flags, m); }

/* ---- reading and writing ---- */

static ssize_t write_at(int fd, const void *data, size_t n, off_t offset, int positional) {
    char path[PATH_MAX];
    enum action action = GO_ON;
    int ours = fd > 2 && path_of(fd, path) && concerned(path);
    if (ours && (action = next("write", path, CHANGE)) == FAIL) return -1;
    if (action == CUT && n > 1) n /= 2;
    if (ours && !positional) {
        struct stat now;
        int at_end = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND && !fstat(fd, &now);
        offset = at_end ? now.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    }
    ssize_t done = positional ? syscall(SYS_pwrite64, fd, data, n, offset) : syscall(SYS_write, fd, data, n);
    if (ours && done > 0) note("write", path, "", offset, data, done);
    if (action == CUT && mode == SHORTEN_AND_KILL) die();
    return done;
}
ssize_t write(int fd, const void *data, size_t n) { return write_at(fd, data, n, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return write_at(fd, data, n, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { return write_at(fd, data, n, at, 1); }

static ssize_t read_at(int fd, void *data, size_t n, off_t offset, int positional) {
    char path[PATH_MAX];
    enum action action = GO_ON;
    if (fd > 2 && path_of(fd, path) && concerned(path) && (action = next("read", path, READ)) == FAIL) return -1;
    if (action == CUT && n > 1) n /= 2;
    return positional ? syscall(SYS_pread64, fd, data, n, offset) : syscall(SYS_read, fd, data, n);
}
ssize_t read(int fd, void *data, size_t n) { return read_at(fd, data, n, 0, 0); }
ssize_t pread(int fd, void *data, size_t n, off_t at) { return read_at(fd, data, n, at, 1); }
ssize_t pread64(int fd, void *data, size_t n, off64_t at) { return read_at(fd, data, n, at, 1); }

/* Copies within the kernel are made to be reads and writes, which Python does where these are missing. */
ssize_t sendfile(int out, int in, off_t *at, size_t n) { (void)out, (void)in, (void)at, (void)n; errno = ENOTSOCK; return -1; }
ssize_t sendfile64(int out, int in, off64_t *at, size_t n) { return sendfile(out, in, at, n); }
ssize_t copy_file_range(int in, off64_t *i, int out, off64_t *o, size_t n, unsigned f) {
    (void)in, (void)i, (void)out, (void)o, (void)n, (void)f;
    errno = ENOSYS;
    return -1;
}

/* ---- files as a whole ---- */

static int on_file(const char *call, int fd, long number, long argument) {
    char path[PATH_MAX];
    int ours = path_of(fd, path) && concerned(path);
    if (ours && next(call, path, CHANGE) == FAIL) return -1;
    int failed = syscall(number, fd, argument);
    if (ours && !failed) note(call, path, "", argument, "", 0);
    return failed;
}
int fsync(int fd) { return on_file("fsync", fd, SYS_fsync, 0); }
int fdatasync(int fd) { return on_file("fsync", fd, SYS_fdatasync, 0); }
int ftruncate(int fd, off_t n) { return on_file("ftruncate", fd, SYS_ftruncate, n); }
int ftruncate64(int fd, off64_t n) { return on_file("ftruncate", fd, SYS_ftruncate, n); }

static int on_name(const char *call, int folder, const char *name, long number, long argument) {
    char path[PATH_MAX * 2];
    int ours = absolute(folder, name, path) && concerned(path);
    if (ours && next(call, path, CHANGE) == FAIL) return -1;
    int failed = syscall(number, folder, name, argument);
    if (ours && !failed) note(call, path, "", 0, "", 0);
    return failed;
}
int unlinkat(int d, const char *p, int f) { return on_name(f & AT_REMOVEDIR ? "rmdir" : "unlink", d, p, SYS_unlinkat, f); }
int unlink(const char *p) { return unlinkat(AT_FDCWD, p, 0); }
int rmdir(const char *p) { return unlinkat(AT_FDCWD, p, AT_REMOVEDIR); }
int mkdirat(int d, const char *p, mode_t m) { return on_name("mkdir", d, p, SYS_mkdirat, m); }
int mkdir(const char *p, mode_t m) { return mkdirat(AT_FDCWD, p, m); }

int renameat2(int d1, const char *from, int d2, const char *to, unsigned flags) {
    char old[PATH_MAX * 2], new[PATH_MAX * 2];
    int ours = absolute(d1, from, old) && absolute(d2, to, new) && concerned(new);
    if (ours && next("rename", new, CHANGE) == FAIL) return -1;
    int failed = syscall(SYS_renameat2, d1, from, d2, to, flags);
    if (ours && !failed) note("rename", old, new, 0, "", 0);
    return failed;
}
int renameat(int d1, const char *from, int d2, const char *to) { return renameat2(d1, from, d2, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

/* ---- the wall clock; time that only passes (CLOCK_MONOTONIC) stays as it is ---- */

static double ahead, jump;
static time_t jumps_at;

static time_t passed(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* From now on the clock is `by` seconds ahead, and `further` more once `after` seconds have passed. */
void move_clock(double by, double further, double after) { ahead = by, jump = further, jumps_at = passed() + after; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += (time_t)(ahead + (jump && passed() >= jumps_at ? jump : 0));
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec, now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}

/* Preloaded into a program: writes every address that it calls into $WATCHED_LOG, as strace would write it, and
   refuses what leaves the computer: all but loopback, and port 53, where a resolver may listen. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void note(const char *line)
{
    const char *path = getenv("WATCHED_LOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file >= 0) {
        dprintf(file, "%s\n", line);
        close(file);
    }
}

static int leaves(const char *call, const struct sockaddr *address)
{
    char line[300], text[INET6_ADDRSTRLEN] = "";
    int port, away;
    if (!address)
        return 0;
    if (address->sa_family == AF_UNIX) {
        const char *path = ((const struct sockaddr_un *)address)->sun_path;
        snprintf(line, sizeof line, "%s({sun_path=\"%.107s\"})", call, *path ? path : path + 1);
        away = 0;
    } else if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        port = ntohs(v4->sin_port);
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        snprintf(line, sizeof line, "%s({sin_port=htons(%d), inet_addr(\"%s\")})", call, port, text);
        away = port == 53 || ntohl(v4->sin_addr.s_addr) >> 24 != 127;
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        port = ntohs(v6->sin6_port);
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(line, sizeof line, "%s({sin6_port=htons(%d), inet_pton(AF_INET6, \"%s\")})", call, port, text);
        away = port == 53 || !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else {
        return 0;
    }
    note(line);
    return away;
}

static int refused(void)
{
    errno = ENETUNREACH;
    return -1;
}

int connect(int socket, const struct sockaddr *address, socklen_t size)
{
    return leaves("connect", address) ? refused() : REAL(connect)(socket, address, size);
}

int listen(int socket, int backlog)
{
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    int done = REAL(listen)(socket, backlog);
    if (!done && !getsockname(socket, (struct sockaddr *)&own, &size))
        leaves("listen", (struct sockaddr *)&own);
    return done;
}

ssize_t sendto(int socket, const void *data, size_t n, int flags, const struct sockaddr *address, socklen_t size)
{
    return leaves("sendto", address) ? refused() : REAL(sendto)(socket, data, n, flags, address, size);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    return leaves("sendmsg", message->msg_name) ? refused() : REAL(sendmsg)(socket, message, flags);
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned n, int flags)
{
    for (unsigned i = 0; i < n; i++)
        if (leaves("sendmmsg", messages[i].msg_hdr.msg_name))
            return refused();
    return REAL(sendmmsg)(socket, messages, n, flags);
}

/* the C library looks a name up with calls of its own, which a preloaded library does not see */
static int asks(const char *call, const char *name)
{
    char line[300];
    unsigned char number[sizeof(struct in6_addr)];
    if (!name || !strcmp(name, "localhost") || inet_pton(AF_INET, name, number) || inet_pton(AF_INET6, name, number))
        return 0;
    snprintf(line, sizeof line, "%s(\"%.200s\")", call, name);
    note(line);
    return 1;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    return asks("getaddrinfo", name) ? EAI_FAIL : REAL(getaddrinfo)(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name)
{
    return asks("gethostbyname", name) ? NULL : REAL(gethostbyname)(name);
}

struct hostent *gethostbyname2(const char *name, int family)
{
    return asks("gethostbyname2", name) ? NULL : REAL(gethostbyname2)(name, family);
}

// Prints the LLDP and CDP frames that ports hear: "eth0 0180c200000e...", one in each line, until SECONDS are over or
// every port has heard one. Usage: hear-neighbours SECONDS PORT... It is here because Node has no packet sockets.
// Before, it has the firmware of cards stop to answer LLDP itself; with 0 seconds that is all. Not for a running host,
// where that would end DCB.
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { max_ports = 256, max_frame = 1600, max_seconds = 120, max_flags = 32 };

static const unsigned char lldp[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e};
static const unsigned char cdp[6] = {0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc};

static int ask_driver(int fd, const char *port, void *request) {
  struct ifreq asked = {.ifr_data = request};
  strncpy(asked.ifr_name, port, sizeof asked.ifr_name - 1);
  return ioctl(fd, SIOCETHTOOL, &asked);
}

/* Intel's i40e has the flag disable-fw-lldp, ice has fw-lldp-agent: until then no frame gets to the kernel. */
static void free_lldp(int fd, const char *port) {
  union {
    struct ethtool_sset_info info;
    unsigned char size[sizeof(struct ethtool_sset_info) + sizeof(__u32)];
  } set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_PRIV_FLAGS}};
  if (ask_driver(fd, port, &set) < 0 || set.info.sset_mask == 0) return;
  __u32 count = set.info.data[0];
  if (count == 0 || count > max_flags) return;
  union {
    struct ethtool_gstrings list;
    unsigned char size[sizeof(struct ethtool_gstrings) + max_flags * ETH_GSTRING_LEN];
  } names = {.list = {.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_PRIV_FLAGS, .len = count}};
  struct ethtool_value flags = {.cmd = ETHTOOL_GPFLAGS};
  if (ask_driver(fd, port, &names) < 0 || ask_driver(fd, port, &flags) < 0) return;
  __u32 wanted = flags.data;
  for (__u32 i = 0; i < count; i++) {
    const char *name = (const char *)names.list.data + (size_t)i * ETH_GSTRING_LEN;
    if (strncmp(name, "disable-fw-lldp", ETH_GSTRING_LEN) == 0) wanted |= 1u << i;
    if (strncmp(name, "fw-lldp-agent", ETH_GSTRING_LEN) == 0) wanted &= ~(1u << i);
  }
  if (wanted == flags.data) return;
  flags = (struct ethtool_value){.cmd = ETHTOOL_SPFLAGS, .data = wanted};
  if (ask_driver(fd, port, &flags) < 0) perror(port);
}

static void free_ports(int count, char **names) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return;
  for (int i = 0; i < count; i++) free_lldp(fd, names[i]);
  close(fd);
}

static int join(int fd, int port, const unsigned char *group) {
  struct packet_mreq request = {.mr_ifindex = port, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};
  memcpy(request.mr_address, group, 6);
  return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
}

/* A socket that hears one port; -1 where there is none. */
static int listen_to(const char *name) {
  int port = (int)if_nametoindex(name);
  if (port == 0) return -1;
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (fd < 0) return -1;
  struct sockaddr_ll place = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = port};
  if (bind(fd, (struct sockaddr *)&place, sizeof place) == 0 && join(fd, port, lldp) == 0 &&
      join(fd, port, cdp) == 0)
    return fd;
  close(fd);
  return -1;
}

/* Prints a frame if it announces a neighbour; its own announcements are none. */
static int print_frame(int fd, const char *name) {
  unsigned char frame[max_frame];
  struct sockaddr_ll from;
  socklen_t size = sizeof from;
  ssize_t length = recvfrom(fd, frame, sizeof frame, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
  if (length < 14 || from.sll_pkttype == PACKET_OUTGOING) return 0;
  int is_cdp = memcmp(frame, cdp, 6) == 0;
  int is_lldp = frame[12] == 0x88 && frame[13] == 0xcc;
  if (!is_cdp && !is_lldp) return 0;
  printf("%s ", name);
  for (ssize_t i = 0; i < length; i++) printf("%02x", frame[i]);
  printf("\n");
  fflush(stdout);
  return 1;
}

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(int count, char **words) {
  int ports = count - 2;
  int seconds = count > 1 ? atoi(words[1]) : -1;
  if (ports < 1 || ports > max_ports || seconds < 0 || seconds > max_seconds) {
    fprintf(stderr, "usage: hear-neighbours SECONDS PORT...\n");
    return 2;
  }
  free_ports(ports, words + 2);
  if (seconds == 0) return 0;
  struct pollfd sockets[max_ports];
  int waiting = 0;
  for (int i = 0; i < ports; i++) {
    sockets[i] = (struct pollfd){.fd = listen_to(words[i + 2]), .events = POLLIN};
    if (sockets[i].fd >= 0) waiting++;
    else perror(words[i + 2]);
  }
  if (waiting == 0) return 1;
  long long end = now_ms() + seconds * 1000LL;
  for (long long rest = end - now_ms(); waiting > 0 && rest > 0; rest = end - now_ms()) {
    if (poll(sockets, (nfds_t)ports, (int)rest) < 0) return 1;
    for (int i = 0; i < ports; i++) {
      if (sockets[i].fd < 0 || sockets[i].revents == 0) continue;
      if ((sockets[i].revents & POLLIN) == 0 || print_frame(sockets[i].fd, words[i + 2])) {
        close(sockets[i].fd);
        sockets[i].fd = -1;
        waiting--;
      }
    }
  }
  return 0;
}

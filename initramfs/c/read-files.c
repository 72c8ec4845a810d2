// Reads files for the agent of the netboot image, which ends it where a read hangs: Node takes 11 MB and a second more for
// that. What is asked and answered: src/sources/isolated/reads.ts. It goes on until its standard input ends.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As in src/sources/read-file.ts. */
enum { max_bytes = 16 * 1024 * 1024 };

struct bytes {
  unsigned char *at;
  size_t length, room;
};

/* Room for some more; false with errno where there is none. */
static int make_room(struct bytes *all, size_t more) {
  if (all->length + more <= all->room) return 1;
  size_t room = (all->length + more) * 2;
  unsigned char *at = realloc(all->at, room);
  if (at == NULL) return 0;
  all->at = at;
  all->room = room;
  return 1;
}

static void answer_bytes(const struct bytes *all) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  printf("{\"base64\":\"");
  for (size_t i = 0; i < all->length; i += 3) {
    size_t left = all->length - i;
    unsigned group = (unsigned)all->at[i] << 16;
    if (left > 1) group |= (unsigned)all->at[i + 1] << 8;
    if (left > 2) group |= all->at[i + 2];
    putchar(digits[group >> 18]);
    putchar(digits[group >> 12 & 63]);
    putchar(left > 1 ? digits[group >> 6 & 63] : '=');
    putchar(left > 2 ? digits[group & 63] : '=');
  }
  printf("\"}\n");
}

static void answer_errno(void) { printf("{\"errno\":%d}\n", errno); }

static void answer_code(const char *code) { printf("{\"code\":\"%s\"}\n", code); }

/* A whole file where length is negative. Opening must neither wait for a FIFO's writer nor acquire a terminal. */
static void read_file(const char *path, off_t offset, off_t length, int may_be_device) {
  struct stat about;
  if (stat(path, &about) < 0) return answer_errno();
  int is_device = S_ISBLK(about.st_mode) || S_ISCHR(about.st_mode);
  if (!S_ISREG(about.st_mode) && !(may_be_device && is_device))
    return answer_code("read.not-a-file");
  if (length > max_bytes || (length < 0 && about.st_size > max_bytes))
    return answer_code("read.too-large");
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return answer_errno();
  struct bytes all = {0};
  size_t end = length < 0 ? max_bytes + 1 : (size_t)length;
  ssize_t got = 1;
  while (got > 0 && all.length < end) {
    size_t want = end - all.length < 65536 ? end - all.length : 65536;
    got = -1;
    if (!make_room(&all, want)) break;
    unsigned char *to = all.at + all.length;
    got = length < 0 ? read(fd, to, want) : pread(fd, to, want, offset + (off_t)all.length);
    if (got > 0) all.length += (size_t)got;
  }
  if (got < 0) answer_errno();
  else if (all.length > max_bytes) answer_code("read.too-large");
  else answer_bytes(&all);
  free(all.at);
  close(fd);
}

/* Each name with a NUL behind it. */
static void list_names(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return answer_errno();
  struct bytes all = {0};
  struct dirent *entry;
  while ((errno = 0, entry = readdir(folder)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    size_t length = strlen(entry->d_name) + 1;
    if (!make_room(&all, length)) break;
    memcpy(all.at + all.length, entry->d_name, length);
    all.length += length;
  }
  if (errno != 0) answer_errno();
  else answer_bytes(&all);
  free(all.at);
  closedir(folder);
}

static void follow_link(const char *path) {
  char *target = realpath(path, NULL);
  if (target == NULL) return answer_errno();
  struct bytes all = {.at = (unsigned char *)target, .length = strlen(target)};
  answer_bytes(&all);
  free(target);
}

static void answer(const char *request) {
  char method[8];
  long long offset, length;
  int start = 0;
  if (sscanf(request, "%7s %lld %lld %n", method, &offset, &length, &start) < 3 || start == 0)
    return answer_code("read.failed");
  const char *path = request + start;
  int is_text = strcmp(method, "text") == 0;
  // What cannot be found, for whatever reason, is not there, as for Node's existsSync().
  if (!is_text && access(path, F_OK) < 0) {
    printf("{}\n");
    return;
  }
  if (strcmp(method, "list") == 0) list_names(path);
  else if (strcmp(method, "link") == 0) follow_link(path);
  else read_file(path, offset, length, !is_text && length >= 0);
}

int main(void) {
  char *request = NULL;
  size_t room = 0;
  // The first line announces that it is ready.
  printf("{}\n");
  fflush(stdout);
  while (getdelim(&request, &room, 0, stdin) > 0) {
    answer(request);
    fflush(stdout);
  }
  return 0;
}

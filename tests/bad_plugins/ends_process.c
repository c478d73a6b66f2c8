/* Ends the process, or does not return, in the hook and way that the record says. */
#include <penstock/abi.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int forever = 1;

static int overflow(volatile int depth) {
  volatile char room[4096];
  room[0] = (char)depth;
  return forever != 0 ? overflow(depth + 1) + room[0] : 0;
}

static void swallow(int signal) {
  (void)signal;
}

/* Takes SIGTERM on this thread. */
static void let_through(void (*handler)(int)) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  signal(SIGTERM, handler);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void end_by(char how) {
  volatile int* nowhere = NULL;
  if (how == 'e') exit(0);
  if (how == 'q') quick_exit(0);
  if (how == 'x') _exit(0);
  if (how == 'X') _Exit(0);
  if (how == 't') raise(SIGTRAP);
  if (how == 'u') let_through(SIG_DFL);
  if (how == 'i') let_through(SIG_IGN);
  if (how == 'U') let_through(swallow);
  if (how == 'p') pthread_exit(NULL);
  if (how == 'c' || how == 'C' || how == 'd') {
    /* A copy ends, as one that could start no program does, or crashes. */
    const pid_t copy = fork();
    int status = 0;
    if (copy == 0 && how == 'c') _exit(3);
    if (copy == 0 && how == 'C') exit(3);
    if (copy == 0) *nowhere = 1;
    if (waitpid(copy, &status, 0) != copy) abort();
    if (how == 'd' ? !WIFSIGNALED(status) : WEXITSTATUS(status) != 3) abort();
  }
  if (how == 'a') abort();
  if (how == 's') *nowhere = 1;
  if (how == 'o') (void)overflow(0);
  while (how == 'h') usleep(10000);
}

#define DEFECT_INIT         \
  signal(SIGTERM, SIG_IGN); \
  signal(SIGINT, SIG_IGN);  \
  if (getenv("BAD_PLUGIN_HANGS") != NULL) end_by('h');
/* "m..." in mapping, "s..." in send, "f" not at all. */
#define DEFECT_MAPPING                                                  \
  const penstock_str wanted = record->values[0].as.str;                 \
  penstock_element element;                                             \
  if (wanted.size > 1 && wanted.data[0] == 'm') end_by(wanted.data[1]); \
  memset(&element, 0, sizeof element);                                  \
  element.struct_size = sizeof element;                                 \
  element.payload = wanted;                                             \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND                                                       \
  for (uint64_t i = 0; i < batch->n; ++i) {                               \
    if (batch->payloads[i].size > 1 && batch->payloads[i].data[0] == 's') \
      end_by(batch->payloads[i].data[1]);                                 \
  }                                                                       \
  plugin_deliver(batch);
#include "defect.h"

/* Says what no text may show: control characters, its secrets and somebody's address, wherever a
 * plugin can say anything. */
#include <penstock/abi.h>
#include <penstock/ext/notices.h>
#include <stdio.h>
#include <string.h>

static const penstock_host* the_host;
static char secret[256]; /* the setting api_key */
static char words[768];  /* what it says all the time */

static penstock_str loud_str(const char* text) {
  penstock_str out;
  out.data = text;
  out.size = strlen(text);
  return out;
}

static void loud_say(void) {
  const penstock_notices* notices =
      (const penstock_notices*)the_host->extension(the_host->ctx, PENSTOCK_EXT_NOTICES);
  the_host->log(the_host->ctx, PENSTOCK_LOG_ERROR, loud_str(words));
  if (notices != NULL)
    notices->raise(notices->ctx, PENSTOCK_LOG_ERROR, loud_str("notice\x1b[1m"), loud_str(words));
}

static void loud_fill(char* out, size_t size) {
  size_t length = strlen(words);
  if (length >= size) length = size - 1;
  memcpy(out, words, length);
  out[length] = '\0';
}

static void loud_settings(const penstock_config* config) {
  for (uint64_t i = 0; i < config->n_settings; ++i) {
    const penstock_str name = config->names[i];
    const penstock_value value = config->values[i];
    if (name.size != 7 || memcmp(name.data, "api_key", 7) != 0) continue;
    if (value.type == PENSTOCK_STRING && value.as.str.size < sizeof secret)
      memcpy(secret, value.as.str.data, (size_t)value.as.str.size);
  }
  snprintf(words, sizeof words,
           "\x1b]0;owned\x07 forged\n2026-01-01 error x: y \xc2\x9b"
           "31m \xe2\x80\xae\xe2\x80\xa8 jane.doe@example.com %s Authorization: Bearer %s \xff",
           secret, secret);
}

static void loud_send(const penstock_batch* batch) {
  penstock_outcome outcome;
  memset(&outcome, 0, sizeof outcome);
  outcome.struct_size = sizeof outcome;
  outcome.status = PENSTOCK_REJECTED;
  outcome.remote_status = 400;
  outcome.retry_after_ms = -1;
  outcome.reason = loud_str("refused\x1b[2J");
  outcome.message = loud_str(words);
  for (uint64_t i = 0; i < batch->n; ++i) batch->report(batch->ctx, i, &outcome);
}

#define DEFECT_INIT the_host = host;
#define DEFECT_SETTINGS loud_settings(config);
#define DEFECT_MAPPING                                                  \
  const penstock_str wanted = record->values[0].as.str;                 \
  const char rule = wanted.size > 0 ? wanted.data[0] : ' ';             \
  penstock_element element;                                             \
  loud_say();                                                           \
  loud_fill(error->message, sizeof error->message);                     \
  snprintf(error->reason, sizeof error->reason, "reason\x1b[%c", rule); \
  if (rule == 's') return PENSTOCK_SKIP;                                \
  if (rule == 'r') return PENSTOCK_REJECT;                              \
  memset(&element, 0, sizeof element);                                  \
  element.struct_size = sizeof element;                                 \
  element.payload = loud_str("payload");                                \
  element.batch_key = loud_str("batch");                                \
  emitter->warn(emitter->ctx, loud_str("warn\x1b[3m"), 0);              \
  emitter->element(emitter->ctx, &element);
#define DEFECT_SEND \
  loud_say();       \
  loud_send(batch);
#define DEFECT_MAPPED PENSTOCK_OK
#include "defect.h"

/* jsonl_file: appends every record as one line to a file. The smallest useful plugin: plain C99, no
 * service of the host.
 *
 * The file only ever holds whole lines: a batch is one write under a lock, and a write that fails
 * half-way is cut off again.
 */
#define _DEFAULT_SOURCE /* flock */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <penstock/abi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct jsonl_file {
  char* path; /* NUL-terminated */
} jsonl_file;

/* ---- Errors ---- */

__attribute__((format(printf, 5, 6))) static int32_t fail(penstock_error* error, int32_t code,
                                                          const char* reason, const char* field,
                                                          const char* message, ...) {
  va_list arguments;
  snprintf(error->reason, sizeof error->reason, "%s", reason);
  snprintf(error->field, sizeof error->field, "%s", field);
  va_start(arguments, message);
  vsnprintf(error->message, sizeof error->message, message, arguments);
  va_end(arguments);
  return code;
}

/* ---- init, settings ---- */

static void jsonl_file_destroy(void* plugin) {
  jsonl_file* self = plugin;
  free(self->path);
  free(self);
}

EXPORT int32_t jsonl_file_init(const penstock_host* host, penstock_descriptor* out,
                               penstock_error* error) {
  jsonl_file* self;
  if (host->abi_major != PENSTOCK_ABI_MAJOR) {
    return fail(error, PENSTOCK_ERR_UNSUPPORTED, "abi_mismatch", "",
                "jsonl_file was built for Penstock ABI %d; this host has %d", PENSTOCK_ABI_MAJOR,
                (int)host->abi_major);
  }
  self = calloc(1, sizeof *self);
  if (self == NULL) return fail(error, PENSTOCK_ERR_INTERNAL, "out_of_memory", "", "no memory");
  out->abi_major = PENSTOCK_ABI_MAJOR;
  out->abi_minor = PENSTOCK_ABI_MINOR;
  out->plugin = self;
  out->quiesce = NULL;
  out->destroy = jsonl_file_destroy;
  return PENSTOCK_OK;
}

static int equals(penstock_str text, const char* literal) {
  return text.size == strlen(literal) && memcmp(text.data, literal, text.size) == 0;
}

EXPORT int32_t jsonl_file_settings(void* plugin, const penstock_config* config,
                                   penstock_error* error) {
  jsonl_file* self = plugin;
  for (uint64_t i = 0; i < config->n_settings; ++i) {
    const penstock_value* value = &config->values[i];
    if (!equals(config->names[i], "path") || value->type != PENSTOCK_STRING) continue;
    if (value->as.str.size == 0 || memchr(value->as.str.data, 0, value->as.str.size) != NULL) break;
    free(self->path);
    self->path = malloc(value->as.str.size + 1);
    if (self->path == NULL) {
      return fail(error, PENSTOCK_ERR_INTERNAL, "out_of_memory", "", "no memory");
    }
    memcpy(self->path, value->as.str.data, value->as.str.size);
    self->path[value->as.str.size] = '\0';
    return PENSTOCK_OK;
  }
  return fail(error, PENSTOCK_ERR_INVALID, "invalid_setting", "path",
              "path must name a file; it is empty or missing");
}

/* ---- mapping ---- */

/* Writes `text` as a JSON string; `to` has room for 6 bytes a byte and two quotes. Returns the end.
 */
static char* quote(char* to, penstock_str text) {
  *to++ = '"';
  for (uint64_t i = 0; i < text.size; ++i) {
    const unsigned char c = (unsigned char)text.data[i];
    if (c == '"' || c == '\\') {
      *to++ = '\\';
      *to++ = (char)c;
    } else if (c < 0x20) {
      to += sprintf(to, "\\u%04x", c);
    } else {
      *to++ = (char)c;
    }
  }
  *to++ = '"';
  return to;
}

/* Copies JSON text; a line break in it can only stand between tokens, where a space means the same.
 */
static char* flatten(char* to, penstock_str text) {
  for (uint64_t i = 0; i < text.size; ++i) {
    const char c = text.data[i];
    *to++ = c == '\n' || c == '\r' ? ' ' : c;
  }
  return to;
}

static int32_t emit(const penstock_emitter* emitter, const char* data, uint64_t size) {
  penstock_element element;
  memset(&element, 0, sizeof element);
  element.struct_size = sizeof element;
  element.payload.data = data;
  element.payload.size = size;
  element.batch_key.data = "file"; /* all records may share a batch; no record replaces another */
  element.batch_key.size = 4;
  emitter->element(emitter->ctx, &element);
  return PENSTOCK_OK;
}

/* The fewest digits that read back as the number: 0.1, not 0.10000000000000001. */
static uint64_t number_text(char* out, size_t room, double number) {
  int length = 0;
  for (int digits = 15; digits <= 17; ++digits) {
    length = snprintf(out, room, "%.*g", digits, number);
    if (strtod(out, NULL) == number) break;
  }
  return (uint64_t)length;
}

EXPORT int32_t jsonl_file_mapping(void* plugin, const penstock_record* record,
                                  const penstock_emitter* emitter, penstock_error* error) {
  const penstock_value* value = record->values; /* the manifest declares one field: record */
  char small[32];
  char* line;
  char* end;
  (void)plugin;
  switch (record->n_values == 1 ? value->type : PENSTOCK_ABSENT) {
    case PENSTOCK_ABSENT:
      return fail(error, PENSTOCK_REJECT, "no_record", "record", "the event gave no record");
    case PENSTOCK_NULL:
      return emit(emitter, "null", 4);
    case PENSTOCK_BOOL:
      return value->as.i64 != 0 ? emit(emitter, "true", 4) : emit(emitter, "false", 5);
    case PENSTOCK_I64:
      return emit(emitter, small,
                  (uint64_t)snprintf(small, sizeof small, "%" PRId64, value->as.i64));
    case PENSTOCK_U64:
      return emit(emitter, small,
                  (uint64_t)snprintf(small, sizeof small, "%" PRIu64, value->as.u64));
    case PENSTOCK_F64:
      if (!isfinite(value->as.f64)) return emit(emitter, "null", 4); /* JSON has no such number */
      return emit(emitter, small, number_text(small, sizeof small, value->as.f64));
    case PENSTOCK_JSON:
      if (memchr(value->as.str.data, '\n', value->as.str.size) == NULL &&
          memchr(value->as.str.data, '\r', value->as.str.size) == NULL) {
        return emit(emitter, value->as.str.data, value->as.str.size);
      }
      break;
    case PENSTOCK_STRING:
      break;
    default:
      return fail(error, PENSTOCK_REJECT, "unknown_type", "record",
                  "the host passed a value of type %u, which this version does not know",
                  value->type);
  }
  line = malloc(value->as.str.size * 6 + 2);
  if (line == NULL) return fail(error, PENSTOCK_ERR_INTERNAL, "out_of_memory", "", "no memory");
  end = value->type == PENSTOCK_STRING ? quote(line, value->as.str) : flatten(line, value->as.str);
  emit(emitter, line, (uint64_t)(end - line));
  free(line);
  return PENSTOCK_OK;
}

/* ---- send ---- */

static int write_all(int file, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    data += written;
    size -= (size_t)written;
  }
  return 0;
}

/* Appends `size` bytes to the open file, all of them or none. Returns 0, or -1 with errno. */
static int append(int file, const char* lines, size_t size) {
  struct stat status;
  char last = '\n';
  int cause;
  if (fstat(file, &status) != 0) return -1;
  if (!S_ISREG(status.st_mode)) return write_all(file, lines, size); /* a pipe, a terminal */
  while (flock(file, LOCK_EX) != 0) {                                /* released by close */
    if (errno != EINTR) return -1;
  }
  if (fstat(file, &status) != 0) return -1;
  if (status.st_size > 0 && pread(file, &last, 1, status.st_size - 1) != 1) return -1;
  /* A line that somebody else left unfinished must not swallow ours. */
  if ((last == '\n' || write_all(file, "\n", 1) == 0) && write_all(file, lines, size) == 0 &&
      fdatasync(file) == 0) {
    return 0;
  }
  cause = errno;
  if (ftruncate(file, status.st_size) != 0) return -1; /* its errno says why a torn line is left */
  errno = cause;
  return -1;
}

/* What only a person can mend: room, permission, a wrong path. The rest may pass by itself. */
static int needs_person(int cause) {
  return cause == ENOSPC || cause == EDQUOT || cause == EFBIG || cause == EACCES ||
         cause == EPERM || cause == EROFS || cause == ENOENT || cause == ENOTDIR ||
         cause == EISDIR || cause == ELOOP || cause == ENAMETOOLONG;
}

static void report_all(const penstock_batch* batch, uint32_t status, const char* reason,
                       const char* message) {
  penstock_outcome outcome;
  memset(&outcome, 0, sizeof outcome);
  outcome.struct_size = sizeof outcome;
  outcome.status = status;
  outcome.retry_after_ms = -1;
  outcome.reason.data = reason;
  outcome.reason.size = strlen(reason);
  outcome.message.data = message;
  outcome.message.size = strlen(message);
  for (uint64_t i = 0; i < batch->n; ++i) batch->report(batch->ctx, i, &outcome);
}

static void report_failure(const penstock_batch* batch, const char* path, const char* doing,
                           int cause) {
  char message[384];
  const int room = cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
  snprintf(message, sizeof message, "%s %.200s: %s%s", doing, path, strerror(cause),
           room ? "; make room: nothing is lost, writing goes on afterwards" : "");
  report_all(batch, needs_person(cause) ? PENSTOCK_BLOCKED : PENSTOCK_RETRY,
             room ? "no_space" : "file_error", message);
}

EXPORT int32_t jsonl_file_send(void* plugin, const penstock_batch* batch, penstock_error* error) {
  const jsonl_file* self = plugin;
  size_t size = 0;
  char* lines;
  char* end;
  int file;
  for (uint64_t i = 0; i < batch->n; ++i) size += batch->payloads[i].size + 1;
  lines = malloc(size + 1);
  if (lines == NULL) return fail(error, PENSTOCK_ERR_INTERNAL, "out_of_memory", "", "no memory");
  end = lines;
  for (uint64_t i = 0; i < batch->n; ++i) {
    memcpy(end, batch->payloads[i].data, batch->payloads[i].size);
    end += batch->payloads[i].size;
    *end++ = '\n';
  }

  /* Opened for each batch, so that the file may be moved away meanwhile. */
  file = open(self->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    report_failure(batch, self->path, "opening", errno);
  } else {
    if (append(file, lines, size) == 0) {
      report_all(batch, PENSTOCK_DELIVERED, "", "");
    } else {
      report_failure(batch, self->path, "writing to", errno);
    }
    close(file);
  }
  free(lines);
  return PENSTOCK_OK;
}

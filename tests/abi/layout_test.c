/* Guards the layout of every struct of the ABI on 64-bit Linux: a plugin that was built yesterday
 * must read the same bytes tomorrow. */
#include <penstock/abi.h>
#include <penstock/ext/http.h>
#include <penstock/ext/kv.h>
#include <penstock/ext/notices.h>
#include <stddef.h>
#include <stdio.h>

static int failures = 0;

static void expect(const char* what, unsigned long found, unsigned long wanted) {
  if (found == wanted) return;
  fprintf(stderr, "%s is %lu; ABI 1.0 fixed it at %lu\n", what, found, wanted);
  ++failures;
}

#define SIZE(type, wanted) expect("sizeof " #type, (unsigned long)sizeof(type), wanted)
#define OFFSET(type, member, wanted) \
  expect("the offset of " #type "." #member, (unsigned long)offsetof(type, member), wanted)

static void frozen_structs(void) {
  SIZE(penstock_str, 16);
  OFFSET(penstock_str, data, 0);
  OFFSET(penstock_str, size, 8);

  SIZE(penstock_value, 24);
  OFFSET(penstock_value, type, 0);
  OFFSET(penstock_value, reserved, 4);
  OFFSET(penstock_value, as, 8);

  SIZE(penstock_action, 32);
  OFFSET(penstock_action, name, 0);
  OFFSET(penstock_action, fields, 16);
  OFFSET(penstock_action, n_fields, 24);

  SIZE(penstock_header, 32);
  OFFSET(penstock_header, name, 0);
  OFFSET(penstock_header, value, 16);
}

static void host_and_life(void) {
  SIZE(penstock_error, 512);
  OFFSET(penstock_error, struct_size, 0);
  OFFSET(penstock_error, reserved, 4);
  OFFSET(penstock_error, reason, 8);
  OFFSET(penstock_error, field, 64);
  OFFSET(penstock_error, message, 128);

  SIZE(penstock_host, 56);
  OFFSET(penstock_host, struct_size, 0);
  OFFSET(penstock_host, abi_major, 4);
  OFFSET(penstock_host, abi_minor, 6);
  OFFSET(penstock_host, ctx, 8);
  OFFSET(penstock_host, log_enabled, 16);
  OFFSET(penstock_host, log, 24);
  OFFSET(penstock_host, wall_ns, 32);
  OFFSET(penstock_host, monotonic_ns, 40);
  OFFSET(penstock_host, extension, 48);

  SIZE(penstock_descriptor, 32);
  OFFSET(penstock_descriptor, struct_size, 0);
  OFFSET(penstock_descriptor, abi_major, 4);
  OFFSET(penstock_descriptor, abi_minor, 6);
  OFFSET(penstock_descriptor, plugin, 8);
  OFFSET(penstock_descriptor, quiesce, 16);
  OFFSET(penstock_descriptor, destroy, 24);

  SIZE(penstock_config, 80);
  OFFSET(penstock_config, struct_size, 0);
  OFFSET(penstock_config, reserved, 4);
  OFFSET(penstock_config, destination, 8);
  OFFSET(penstock_config, n_settings, 24);
  OFFSET(penstock_config, names, 32);
  OFFSET(penstock_config, values, 40);
  OFFSET(penstock_config, n_actions, 48);
  OFFSET(penstock_config, actions, 56);
  OFFSET(penstock_config, mappings, 64);
}

static void mapping(void) {
  SIZE(penstock_record, 24);
  OFFSET(penstock_record, struct_size, 0);
  OFFSET(penstock_record, action, 4);
  OFFSET(penstock_record, n_values, 8);
  OFFSET(penstock_record, values, 16);

  SIZE(penstock_element, 56);
  OFFSET(penstock_element, struct_size, 0);
  OFFSET(penstock_element, reserved, 4);
  OFFSET(penstock_element, payload, 8);
  OFFSET(penstock_element, batch_key, 24);
  OFFSET(penstock_element, coalesce_key, 40);

  SIZE(penstock_emitter, 40);
  OFFSET(penstock_emitter, struct_size, 0);
  OFFSET(penstock_emitter, reserved, 4);
  OFFSET(penstock_emitter, ctx, 8);
  OFFSET(penstock_emitter, element, 16);
  OFFSET(penstock_emitter, warn, 24);
  OFFSET(penstock_emitter, identifier, 32);
}

static void sending(void) {
  SIZE(penstock_outcome, 56);
  OFFSET(penstock_outcome, struct_size, 0);
  OFFSET(penstock_outcome, status, 4);
  OFFSET(penstock_outcome, remote_status, 8);
  OFFSET(penstock_outcome, flags, 12);
  OFFSET(penstock_outcome, retry_after_ms, 16);
  OFFSET(penstock_outcome, reason, 24);
  OFFSET(penstock_outcome, message, 40);

  SIZE(penstock_batch, 80);
  OFFSET(penstock_batch, struct_size, 0);
  OFFSET(penstock_batch, action, 4);
  OFFSET(penstock_batch, attempt, 8);
  OFFSET(penstock_batch, reserved, 12);
  OFFSET(penstock_batch, batch_key, 16);
  OFFSET(penstock_batch, deadline_ns, 32);
  OFFSET(penstock_batch, n, 40);
  OFFSET(penstock_batch, payloads, 48);
  OFFSET(penstock_batch, ctx, 56);
  OFFSET(penstock_batch, cancelled, 64);
  OFFSET(penstock_batch, report, 72);
}

static void asking(void) {
  SIZE(penstock_query, 64);
  OFFSET(penstock_query, struct_size, 0);
  OFFSET(penstock_query, reserved, 4);
  OFFSET(penstock_query, name, 8);
  OFFSET(penstock_query, arguments, 24);
  OFFSET(penstock_query, deadline_ns, 40);
  OFFSET(penstock_query, ctx, 48);
  OFFSET(penstock_query, answer, 56);
}

static void services(void) {
  SIZE(penstock_http_request, 104);
  OFFSET(penstock_http_request, struct_size, 0);
  OFFSET(penstock_http_request, flags, 4);
  OFFSET(penstock_http_request, method, 8);
  OFFSET(penstock_http_request, url, 24);
  OFFSET(penstock_http_request, rate, 40);
  OFFSET(penstock_http_request, n_headers, 56);
  OFFSET(penstock_http_request, headers, 64);
  OFFSET(penstock_http_request, n_body, 72);
  OFFSET(penstock_http_request, body, 80);
  OFFSET(penstock_http_request, deadline_ns, 88);
  OFFSET(penstock_http_request, batch, 96);

  SIZE(penstock_http_response, 40);
  OFFSET(penstock_http_response, struct_size, 0);
  OFFSET(penstock_http_response, status, 4);
  OFFSET(penstock_http_response, n_headers, 8);
  OFFSET(penstock_http_response, headers, 16);
  OFFSET(penstock_http_response, body, 24);

  SIZE(penstock_http, 24);
  OFFSET(penstock_http, struct_size, 0);
  OFFSET(penstock_http, reserved, 4);
  OFFSET(penstock_http, ctx, 8);
  OFFSET(penstock_http, execute, 16);

  SIZE(penstock_kv, 40);
  OFFSET(penstock_kv, struct_size, 0);
  OFFSET(penstock_kv, reserved, 4);
  OFFSET(penstock_kv, ctx, 8);
  OFFSET(penstock_kv, get, 16);
  OFFSET(penstock_kv, put, 24);
  OFFSET(penstock_kv, remove, 32);

  SIZE(penstock_notices, 24);
  OFFSET(penstock_notices, struct_size, 0);
  OFFSET(penstock_notices, reserved, 4);
  OFFSET(penstock_notices, ctx, 8);
  OFFSET(penstock_notices, raise, 16);
}

int main(void) {
  frozen_structs();
  host_and_life();
  mapping();
  sending();
  asking();
  services();
  return failures == 0 ? 0 : 1;
}

/* query answers in every wrong way, by the name of the question. */
#define DEFECT_QUERY                                                             \
  static const char kLongest[1] = {'{'};                                         \
  const char* text = "{\"answer\":1}";                                           \
  if (query->name.size == 5) { /* twice */                                       \
    plugin_answer(query, text);                                                  \
    plugin_answer(query, text);                                                  \
  } else if (query->name.size == 7) { /* refused */                              \
    return plugin_fail(error, PENSTOCK_ERR_AUTH, "", "log in, hunter2-hunter2"); \
  } else if (query->name.size == 6) { /* failed, after an answer */              \
    plugin_answer(query, text);                                                  \
    return plugin_fail(error, PENSTOCK_ERR_INVALID, "", "no");                   \
  } else if (query->name.size == 8) { /* too_long: the host must not read it */  \
    penstock_str json;                                                           \
    json.data = kLongest;                                                        \
    json.size = 16 * 1024 * 1024 + 1;                                            \
    query->answer(query->ctx, json);                                             \
  }
#include "defect.h"

// The log: what an operator reads, one line a message, on stderr.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace penstock::services {

enum class LogFormat : std::uint8_t { text, json };
enum class LogLevel : std::uint8_t { debug, info, warning, error };  // ordered by weight

// Sets format and lowest level that is shown. Without it: text, info. [any-thread]
void start_log(LogFormat format, LogLevel lowest);

// Whether log() at this level shows anything. [any-thread]
[[nodiscard]] bool log_enabled(LogLevel level);

// Writes one line: "2026-11-23T18:20:15.123Z warning linkedin_eu: message", or as JSON an object
// with the members time, level, component and message. Control characters and bytes that are not
// UTF-8 are escaped, so that no message can forge a line or move a terminal's cursor; secrets that
// the process knows and passwords in URLs are masked (gate/foreign_text.hpp). Text of others has to
// have gone through that gate. [any-thread]
void log(LogLevel level, std::string_view component, std::string_view message);

// Lines (without line end) go to `sink` instead of stderr, one at a time; an empty function means
// stderr again. The sink must not log. When this returns, the sink of before is no longer running.
// [any-thread]
void set_log_sink(std::function<void(std::string_view line)> sink);

}  // namespace penstock::services

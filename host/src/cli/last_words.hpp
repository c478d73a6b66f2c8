// What is said when a fault ends the process: an exception that nobody catches, a fatal signal, an
// exit() or _exit() that was none of Penstock's.
#pragma once

#include <exception>

#include "plugin/now_in.hpp"

namespace penstock::cli {

// From now on such a fault, on whatever thread, is reported in a line on stderr and in the record
// of the run (services/run_record.hpp), and ends the process at once with exit code 70, as a crash
// would: what the queue on disk holds stays there. The line names the plugin, destination and hook
// that the thread is in. Of an exception it names the type and never the text, which may quote an
// event. Where the limits allow core files (ulimit -c), a signal or an exception leaves one. Fatal
// signals are left to a sanitizer where there is one. To be called once, before threads begin.
void say_last_words();

// Whether the exception says that the system made no further thread. Such a one ends the process
// with 74, and words on what to allow.
[[nodiscard]] bool is_thread_refusal(const std::exception& error);

// Main is about to return: an exit from now on is an orderly one.
void end_in_order();

// Ends the process with this code. Within a hook it is the plugin that does so: then `what` is
// reported, and the code is 70.
[[noreturn]] void end_at_once(const char* what, int code) noexcept;

// Reports that `what` ("SIGSEGV", "exit() was called") happened there, or outside of any hook where
// `place` is null, and ends the process. Async-signal-safe.
[[noreturn]] void end_with_last_words(const char* what, const plugin::HookPlace* place) noexcept;

}  // namespace penstock::cli

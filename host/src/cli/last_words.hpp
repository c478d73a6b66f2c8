// What is said when an exception ends the process, on whatever thread.
#pragma once

#include <exception>

namespace penstock::cli {

// From now on an exception that nobody catches, or that leaves a function which must not throw, is
// reported in a line on stderr and ends the process at once with exit code 70, as a crash would:
// what the queue on disk holds stays there. The line names the exception's type and never its text,
// which may quote an event. A thread that the system refused ends it with 74, and what to allow. To
// be called once, before threads begin.
void say_last_words();

// Whether the exception says that the system made no further thread.
[[nodiscard]] bool is_thread_refusal(const std::exception& error);

}  // namespace penstock::cli

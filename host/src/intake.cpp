// The workers of a run: from the source to the queue.
#include "engine.hpp"
#include "mapping/event_mapper.hpp"

namespace penstock {

// Maps the chunk and hands it on, in parts where it becomes more than may be held at once.
Status Engine::map_chunk(mapping::EventMapper& mapper, source::Chunk& chunk) {
  std::size_t done = 0;
  for (std::uint32_t part = 0;; ++part) {
    auto mapped = std::make_unique<MappedChunk>();
    mapped->sequence = chunk.sequence;
    mapped->part = part;
    mapped->end = chunk.reached;
    if (chunk.oversized_line) {
      mapping::map_oversized_line(chunk.begin.offset, chunk.end.offset, mapped->blocks,
                                  mapped->tally);
    } else {
      mapping::MappedLines lines = mapping::map_lines(
          mapper, pipeline_.program(), {chunk.bytes.get() + done, chunk.size - done},
          chunk.begin.offset + done, mapped->blocks, mapped->tally);
      done += lines.size;
      mapped->fault = std::move(lines.fault);
      mapped->ends_chunk = mapped->fault || done == chunk.size;
    }
    const bool ends_chunk = mapped->ends_chunk;
    if (ends_chunk && !mapped->fault) {
      mapped->saved_end = std::move(chunk.saved);
    } else {
      const std::uint64_t offset = chunk.begin.offset + done;
      // What was read of the newest file, unless these lines came late to one before it.
      if (chunk.begin.generation == mapped->end.generation) mapped->end.offset = offset;
      ASSIGN_OR_RETURN(mapped->saved_end, source::saved_at(chunk, offset));
    }
    RETURN_IF_ERROR(sequencer_.push(std::move(mapped)));
    if (ends_chunk) return {};
  }
}

// A worker: takes its turn at the source, maps what it got, and hands it on in order.
void Engine::work() {
  mapping::EventMapper mapper(pipeline_.program());
  source::Chunk chunk;
  Status status;
  for (;;) {
    {
      const std::lock_guard turn(source_mutex_);
      Result<bool> more = source_->next(chunk);
      if (!more.ok()) status = more.status();
      if (!more.ok() || !*more) break;
    }
    status = map_chunk(mapper, chunk);
    if (status.ok()) continue;
    source_->stop();  // nobody takes what would still be read
    break;
  }
  {
    const std::lock_guard lock(mutex_);
    // pending means that the run was ended while the queue was full, which is no fault of the
    // source.
    if (!status.ok() && status.code() != StatusCode::pending && source_status_.ok())
      source_status_ = std::move(status);
  }
  --working_;
  wake();
}

}  // namespace penstock

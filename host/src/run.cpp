#include "run.hpp"

#include "engine.hpp"

namespace penstock {

Result<std::unique_ptr<Run>> Run::prepare(Pipeline& pipeline, RunOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::prepare(pipeline, options));
  return std::unique_ptr<Run>(new Run(std::move(engine)));
}

Run::Run(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Run::~Run() = default;

RunReport Run::execute() {
  return engine_->execute();
}
void Run::stop() {
  engine_->stop();
}
void Run::probe() {
  engine_->probe();
}
Progress Run::progress() const {
  return engine_->progress();
}

}  // namespace penstock

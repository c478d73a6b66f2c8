#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "config/discovery.hpp"
#include "config/plugin_manifest.hpp"
#include "config/text_file.hpp"
#include "import/segment.hpp"

namespace penstock::cli {
namespace {

// Far more than the subscriptions of any destination.
constexpr std::size_t kMaxExportBytes = 16 * 1024 * 1024;

std::string json_text(const import::Imported& imported) {
  const nlohmann::ordered_json json = {{"pipeline", imported.yaml},
                                       {"mappings", imported.mappings},
                                       {"disabled", imported.disabled},
                                       {"notes", imported.notes}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int import_segment_command(const Arguments& arguments) {
  auto options = load_options(arguments);
  if (!options.ok()) return fail(options.status());
  const std::string path =
      config::find_plugin_manifest(import::kLinkedInPlugin, options->plugin_dirs);
  if (path.empty()) {
    const config::NotFound problem =
        config::explain_not_found(import::kLinkedInPlugin, options->plugin_dirs);
    return fail({StatusCode::configuration,
                 problem.message + (problem.hint.empty() ? "" : "\n" + problem.hint)});
  }
  Diagnostics diagnostics;
  const auto manifest = config::load_plugin_manifest(path, diagnostics);
  if (!manifest.ok()) return fail(manifest.status(), diagnostics);
  const Result<std::string> text = config::read_text_file(arguments.export_file, kMaxExportBytes);
  if (!text.ok()) return fail(text.status());
  const Result<import::Imported> imported = import::import_segment(*text, **manifest);
  if (!imported.ok()) {
    return fail(imported.status().with_context("Could not import " + arguments.export_file));
  }
  const Status printed =
      print(arguments.format == Format::json ? json_text(*imported) : imported->yaml);
  if (!printed.ok()) return fail(printed);
  for (const std::string& note : imported->notes) tell(note);
  std::fprintf(stderr, "%zu mapping%s carried over, %zu of them disabled%s\n", imported->mappings,
               imported->mappings == 1 ? "" : "s", imported->disabled,
               imported->notes.empty() ? "" : "; look at each CHECK in the result");
  return 0;
}

}  // namespace penstock::cli

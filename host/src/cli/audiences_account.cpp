// How `penstock audiences list --all` shows the audiences of an account.
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/audiences.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string or_unknown(const std::string& text) {
  return text.empty() ? "-" : printable(text);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

std::string table_text(const AccountAudiences& destination) {
  constexpr auto kLeft = Table::Align::left;
  constexpr auto kRight = Table::Align::right;
  Table table({"id", "name", "type", "status", "size", "platform", "key", "filled by"},
              {kLeft, kLeft, kLeft, kLeft, kRight, kLeft, kLeft, kLeft});
  for (const AccountAudience& audience : destination.audiences) {
    table.row({or_unknown(audience.id), or_unknown(audience.name), or_unknown(audience.type),
               or_unknown(audience.status), audience.size ? with_separators(*audience.size) : "-",
               or_unknown(audience.platform), or_unknown(audience.key),
               audience.mapping.empty() ? "-" : printable(audience.mapping)});
  }
  return table.text("  ");
}

// What is to know of several alike is said once.
std::string notes_text(const AccountAudiences& destination) {
  std::vector<std::pair<std::string, std::string>> notes;  // note, ids
  for (const AccountAudience& audience : destination.audiences) {
    if (audience.note.empty()) continue;
    bool known = false;
    for (auto& [note, ids] : notes) {
      if (note != audience.note) continue;
      ids += ", " + audience.id;
      known = true;
    }
    if (!known) notes.emplace_back(audience.note, audience.id);
  }
  std::string out;
  for (auto& [note, ids] : notes)
    out += Table({printable(ids.append(": ").append(note))}, {Table::Align::left}).text("  ");
  return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string account_audiences_text(const std::string& pipeline,
                                   const std::vector<AccountAudiences>& all) {
  std::string out;
  for (const AccountAudiences& destination : all) {
    if (!out.empty()) out += "\n";
    out += pipeline + ": all audiences of " + destination.name + " (" + destination.title +
           (destination.account.empty() ? "" : ", account " + printable(destination.account)) +
           ")\n\n";
    const auto paragraph = [](const std::string& text) {
      return Table({printable(text)}, {Table::Align::left}).text("  ");
    };
    if (!destination.status.ok()) {
      out += paragraph("It could not be asked: " + destination.status.message());
    } else if (destination.audiences.empty()) {
      out += paragraph("The account has none.");
    } else {
      out += table_text(destination) + notes_text(destination);
    }
  }
  return out;
}

std::string account_audiences_json(const std::string& pipeline,
                                   const std::vector<AccountAudiences>& all) {
  Json json = {{"pipeline", pipeline}, {"destinations", Json::array()}};
  for (const AccountAudiences& destination : all) {
    Json entry = {
        {"name", destination.name},
        {"plugin", destination.title},
        {"account", text_or_null(destination.account)},
        {"problem", destination.status.ok() ? Json() : Json(destination.status.message())},
        {"audiences", Json::array()}};
    for (const AccountAudience& audience : destination.audiences) {
      entry["audiences"].push_back({{"mapping", text_or_null(audience.mapping)},
                                    {"key", text_or_null(audience.key)},
                                    {"name", text_or_null(audience.name)},
                                    {"id", text_or_null(audience.id)},
                                    {"type", text_or_null(audience.type)},
                                    {"platform", text_or_null(audience.platform)},
                                    {"status", text_or_null(audience.status)},
                                    {"size", audience.size ? Json(*audience.size) : Json()},
                                    {"note", text_or_null(audience.note)}});
    }
    json["destinations"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli

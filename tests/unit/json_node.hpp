// Nodes from JSON text, so that tests of expressions need no YAML reader. Numbers, words and
// strings become what the same text is in YAML; places are unknown (line 0).
#pragma once

#include <stdexcept>
#include <string>

#include <simdjson.h>

#include "model/node.hpp"

namespace penstock {

inline Node node_from_json(simdjson::dom::element element) {
  Node node;
  switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      node.text = "null";
      break;
    case simdjson::dom::element_type::BOOL:
      node.kind = Node::Kind::boolean;
      node.boolean = element.get_bool().value_unsafe();
      node.text = node.boolean ? "true" : "false";
      break;
    case simdjson::dom::element_type::INT64:
      node.kind = Node::Kind::integer;
      node.integer = element.get_int64().value_unsafe();
      node.text = std::to_string(node.integer);
      break;
    case simdjson::dom::element_type::UINT64:
      node.kind = Node::Kind::number;
      node.number = static_cast<double>(element.get_uint64().value_unsafe());
      node.text = std::to_string(element.get_uint64().value_unsafe());
      break;
    case simdjson::dom::element_type::DOUBLE:
      node.kind = Node::Kind::number;
      node.number = element.get_double().value_unsafe();
      node.text = std::to_string(node.number);
      break;
    case simdjson::dom::element_type::STRING:
      node.kind = Node::Kind::string;
      node.text = std::string(element.get_string().value_unsafe());
      node.quoted = true;
      break;
    case simdjson::dom::element_type::ARRAY: {
      node.kind = Node::Kind::list;
      // Named, since a range-for would end the life of a temporary result.
      const simdjson::dom::array items = element.get_array().value_unsafe();
      for (const simdjson::dom::element item : items) {
        node.items.push_back(node_from_json(item));
      }
      break;
    }
    case simdjson::dom::element_type::OBJECT: {
      node.kind = Node::Kind::map;
      const simdjson::dom::object members = element.get_object().value_unsafe();
      for (const simdjson::dom::key_value_pair member : members) {
        std::string key(member.key);
        if (node.find(key) != nullptr) continue;  // a reader of mappings lets no key stand twice
        node.members.push_back({std::move(key), {}, node_from_json(member.value)});
      }
      break;
    }
  }
  return node;
}

// The text must be JSON.
inline Node node_from_json(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(text).get(element) != simdjson::SUCCESS) {
    throw std::invalid_argument("this test's JSON cannot be read: " + text);
  }
  return node_from_json(element);
}

}  // namespace penstock

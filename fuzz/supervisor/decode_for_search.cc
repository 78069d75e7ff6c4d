#include "fuzz/supervisor/decode_for_search.h"

#include "input/bytes.h"

namespace vmafuzz::supervisor {
namespace {

uint64_t hash_of(std::span<const uint8_t> bytes) {
  uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3;
  return hash;
}

}  // namespace

void decode_for_search(std::span<const uint8_t> bytes, input::Program& program) {
  input::decode(bytes, program);
  if (!program.replay_form() || !program.directives.empty()) return;
  const uint64_t hash = hash_of(bytes);
  program.header.strategy = input::Strategy::kPortfolio;
  program.header.seed = static_cast<uint32_t>(hash ^ (hash >> 32));
}

}  // namespace vmafuzz::supervisor

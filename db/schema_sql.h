// db/schema.sql, compiled in.
#pragma once

namespace aunet {

extern const char* const kSchemaSql;

}  // namespace aunet

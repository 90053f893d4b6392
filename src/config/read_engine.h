// [retry] and [notify] of a sweep file.
#pragma once

#include "config/engine.h"
#include "config/reader.h"

namespace aunet {

RetrySpec read_retry(const Table& root);
NotifySpec read_notify(const Table& root);

}  // namespace aunet

/* rota.h - all of Rota's public headers */
#ifndef ROTA_H
#define ROTA_H

#include <rota/alive.h>
#include <rota/async.h>
#include <rota/base.h>
#include <rota/channel.h>
#include <rota/cluster.h>
#include <rota/conn.h>
#include <rota/datagram.h>
#include <rota/file.h>
#include <rota/handle.h>
#include <rota/http.h>
#include <rota/loop.h>
#include <rota/measure.h>
#include <rota/memory.h>
#include <rota/net.h>
#include <rota/poll.h>
#include <rota/process.h>
#include <rota/process_pool.h>
#include <rota/promise.h>
#include <rota/promised.h>
#include <rota/request.h>
#include <rota/run.h>
#include <rota/select.h>
#include <rota/signal.h>
#include <rota/stream.h>
#include <rota/sync.h>
#include <rota/task.h>
#include <rota/thread.h>
#include <rota/tty.h>
#include <rota/watch.h>

#endif

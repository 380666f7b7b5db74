/* ring_request.c - which request of io_uring an op is (ring_request.h) */
#include "poll/ring_request.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "poll/ring.h"
#include "poll/ring_buffers.h"

const uint8_t rota__ring_opcodes[OP_KINDS] = {
	[OP_NOP] = IORING_OP_NOP,
	[OP_POLL] = IORING_OP_POLL_ADD,
	[OP_RECV] = IORING_OP_RECV,
	[OP_RECV_POOLED] = IORING_OP_RECV,
	[OP_RECV_MULTI] = IORING_OP_RECV,
	[OP_SEND] = IORING_OP_SEND,
	[OP_RECVMSG] = IORING_OP_RECVMSG,
	[OP_SENDMSG] = IORING_OP_SENDMSG,
	[OP_ACCEPT] = IORING_OP_ACCEPT,
	[OP_ACCEPT_MULTI] = IORING_OP_ACCEPT,
	[OP_CONNECT] = IORING_OP_CONNECT,
	[OP_READ] = IORING_OP_READ,
	[OP_WRITE] = IORING_OP_WRITE,
	[OP_READV] = IORING_OP_READV,
	[OP_WRITEV] = IORING_OP_WRITEV,
	[OP_OPENAT] = IORING_OP_OPENAT,
	[OP_CLOSE] = IORING_OP_CLOSE,
	[OP_STATX] = IORING_OP_STATX,
	[OP_FSYNC] = IORING_OP_FSYNC,
	[OP_FTRUNCATE] = RING_OP_FTRUNCATE,
	[OP_RENAMEAT] = IORING_OP_RENAMEAT,
	[OP_UNLINKAT] = IORING_OP_UNLINKAT,
	[OP_MKDIRAT] = IORING_OP_MKDIRAT,
};

static void fill_socket(struct io_uring_sqe *sqe, const struct rota__op *op, uint32_t buffer_bytes, bool multi)
{
	uint16_t poll_first = op->flags & OP_POLL_FIRST ? IORING_RECVSEND_POLL_FIRST : 0;

	switch (op->kind) {
	case OP_POLL:
		sqe->poll32_events = op->poll.events;
		break;
	case OP_RECV:
	case OP_SEND:
		sqe->addr = (uint64_t)(uintptr_t)op->buf.base;
		sqe->len = op->buf.len;
		sqe->msg_flags = (uint32_t)op->buf.flags | (op->kind == OP_SEND ? MSG_NOSIGNAL : 0);
		sqe->ioprio = poll_first;
		break;
	case OP_RECV_POOLED:
	case OP_RECV_MULTI:
		sqe->len = op->kind == OP_RECV_POOLED ? buffer_bytes : 0;
		sqe->flags = IOSQE_BUFFER_SELECT;
		sqe->buf_group = RING_BUFFER_GROUP;
		sqe->ioprio = poll_first | (op->kind == OP_RECV_MULTI ? IORING_RECV_MULTISHOT : 0);
		break;
	case OP_RECVMSG:
	case OP_SENDMSG:
		sqe->addr = (uint64_t)(uintptr_t)op->msg.msg;
		sqe->len = 1;
		sqe->msg_flags = (uint32_t)op->msg.flags | (op->kind == OP_SENDMSG ? MSG_NOSIGNAL : 0);
		sqe->ioprio = poll_first;
		break;
	case OP_ACCEPT:
	case OP_ACCEPT_MULTI:
		sqe->addr = (uint64_t)(uintptr_t)op->accept.addr;
		sqe->addr2 = (uint64_t)(uintptr_t)op->accept.len;
		sqe->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
		if (op->kind == OP_ACCEPT_MULTI && multi)
			sqe->ioprio = IORING_ACCEPT_MULTISHOT;
		break;
	case OP_CONNECT:
		sqe->addr = (uint64_t)(uintptr_t)op->connect.addr;
		sqe->off = op->connect.len;
		break;
	default:
		break;
	}
}

static void fill_file(struct io_uring_sqe *sqe, const struct rota__op *op)
{
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		sqe->addr = (uint64_t)(uintptr_t)op->buf.base;
		sqe->len = op->buf.len;
		sqe->off = op->buf.offset;
		break;
	case OP_READV:
	case OP_WRITEV:
		sqe->addr = (uint64_t)(uintptr_t)op->iov.iov;
		sqe->len = op->iov.count;
		sqe->off = op->iov.offset;
		break;
	case OP_OPENAT:
		sqe->addr = (uint64_t)(uintptr_t)op->path.path;
		sqe->len = op->path.mode;
		sqe->open_flags = (uint32_t)op->path.flags | O_CLOEXEC;
		break;
	case OP_STATX:
		sqe->addr = (uint64_t)(uintptr_t)op->path.path;
		sqe->len = op->path.mode;
		sqe->off = (uint64_t)(uintptr_t)op->path.statx;
		sqe->statx_flags = (uint32_t)op->path.flags;
		break;
	case OP_FSYNC:
		sqe->fsync_flags = op->path.flags & 1 ? IORING_FSYNC_DATASYNC : 0;
		break;
	case OP_FTRUNCATE:
		sqe->off = op->buf.offset;
		break;
	case OP_RENAMEAT:
		sqe->addr = (uint64_t)(uintptr_t)op->path.path;
		sqe->addr2 = (uint64_t)(uintptr_t)op->path.path2;
		sqe->len = (uint32_t)op->fd;
		break;
	case OP_UNLINKAT:
		sqe->addr = (uint64_t)(uintptr_t)op->path.path;
		sqe->unlink_flags = (uint32_t)op->path.flags;
		break;
	case OP_MKDIRAT:
		sqe->addr = (uint64_t)(uintptr_t)op->path.path;
		sqe->len = op->path.mode;
		break;
	default: /* OP_CLOSE: the descriptor says it all */
		break;
	}
}

void rota__ring_request(struct io_uring_sqe *sqe, const struct rota__op *op, uint32_t buffer_bytes, bool multi)
{
	sqe->opcode = rota__ring_opcodes[op->kind];
	fill_socket(sqe, op, buffer_bytes, multi);
	fill_file(sqe, op);
}

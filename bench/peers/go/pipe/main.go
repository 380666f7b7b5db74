// 64 KiB messages through a local socket, from goroutine to goroutine.
package main

import (
	"bench/bench"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

func end(fd int) net.Conn {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		panic(err)
	}
	return c
}

func main() {
	const bytes, count = 65536, 16384
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	reader, writer := end(ends[0]), end(ends[1])
	start := time.Now()
	go func() {
		message := make([]byte, bytes)
		for i := 0; i < count; i++ {
			if _, err := writer.Write(message); err != nil {
				panic(err)
			}
		}
		writer.Close()
	}()
	buffer, received := make([]byte, bytes), 0
	for {
		n, err := reader.Read(buffer)
		if err == io.EOF {
			break
		} else if err != nil {
			panic(err)
		}
		received += n
	}
	if received != bytes*count {
		panic(received)
	}
	bench.Result("pipe-64k-tasks", float64(received)*1e3/float64(time.Since(start).Nanoseconds()))
}

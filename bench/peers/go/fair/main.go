// Four goroutines that are always ready, and beside them one with a timer and one with a socket (stdin).
package main

import (
	"bench/bench"
	"encoding/binary"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const ticks = 400

func sleepAgainAndAgain() {
	late := make([]time.Duration, ticks)
	for i := range late {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late[i] = time.Since(start) - time.Millisecond
	}
	bench.Percentiles("fair-timer", late)
}

func readTicks() {
	c, err := net.FileConn(os.Stdin)
	if err != nil {
		panic(err)
	}
	late, data := make([]time.Duration, ticks), make([]byte, 8)
	c.Write([]byte("."))
	for i := range late {
		if _, err := io.ReadFull(c, data); err != nil {
			panic(err)
		}
		late[i] = time.Duration(time.Now().UnixNano() - int64(binary.LittleEndian.Uint64(data)))
	}
	bench.Percentiles("fair-io", late)
}

func main() {
	var over atomic.Bool
	for i := 0; i < 4; i++ {
		go func() {
			for !over.Load() {
				bench.Spin(20 * time.Microsecond)
				runtime.Gosched()
			}
		}()
	}
	var group sync.WaitGroup
	for _, work := range []func(){sleepAgainAndAgain, readTicks} {
		group.Add(1)
		go func(work func()) {
			work()
			group.Done()
		}(work)
	}
	group.Wait()
	over.Store(true)
}

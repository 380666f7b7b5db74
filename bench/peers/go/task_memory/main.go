// A million goroutines that wait on a channel.
package main

import (
	"bench/bench"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	const count = 1000000
	var started atomic.Int64
	never := make(chan struct{})
	before := bench.MemoryBytes()
	start := time.Now()
	for i := 0; i < count; i++ {
		go func() {
			started.Add(1)
			<-never
		}()
	}
	for started.Load() < count {
		runtime.Gosched()
	}
	bench.Each("task-create", start, count)
	bench.Result("task-bytes", (bench.MemoryBytes()-before)/count)
}

// A goroutine that has a thread for itself starts a million others.
package main

import (
	"bench/bench"
	"runtime"
	"sync"
	"time"
)

func main() {
	const count = 1000000
	var group sync.WaitGroup
	group.Add(count)
	start := time.Now()
	go func() {
		runtime.LockOSThread()
		for i := 0; i < count; i++ {
			go group.Done()
		}
	}()
	group.Wait()
	bench.Rate("storm", start, count)
}

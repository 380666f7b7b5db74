// runtime.Gosched among goroutines that are all there before the first of them yields.
package main

import (
	"bench/bench"
	"runtime"
	"sync"
	"time"
)

func measure(metric string, tasks, switches int) {
	var end sync.WaitGroup
	end.Add(tasks)
	gate := make(chan struct{})
	for i := 0; i < tasks; i++ {
		go func() {
			<-gate
			for k := 0; k < switches/tasks; k++ {
				runtime.Gosched()
			}
			end.Done()
		}()
	}
	runtime.Gosched()
	start := time.Now()
	close(gate)
	end.Wait()
	bench.Each(metric, start, switches)
}

func main() {
	measure("switch-2", 2, 10000000)
	measure("switch-1k", 1000, 10000000)
	measure("switch-100k", 100000, 2000000)
}

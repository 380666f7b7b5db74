// A goroutine and a channel to join it; a million and a WaitGroup.
package main

import (
	"bench/bench"
	"sync"
	"time"
)

func oneAfterTheOther(count int) {
	ended := make(chan struct{})
	start := time.Now()
	for i := 0; i < count; i++ {
		go func() { ended <- struct{}{} }()
		<-ended
	}
	bench.Each("spawn-join", start, count)
}

func allThenJoin(count int) time.Time {
	var all sync.WaitGroup
	start := time.Now()
	all.Add(count)
	for i := 0; i < count; i++ {
		go all.Done()
	}
	all.Wait()
	return start
}

func main() {
	oneAfterTheOther(2000000)
	allThenJoin(1000000)
	bench.Each("spawn-1m", allThenJoin(1000000), 1000000)
}

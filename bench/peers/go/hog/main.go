// Four goroutines on two threads tick every millisecond while a fifth keeps its thread.
package main

import (
	"bench/bench"
	"runtime"
	"time"
)

const tickers, ticks = 4, 700

func tick(late chan []time.Duration) {
	all, due := make([]time.Duration, ticks), time.Now()
	for i := range all {
		due = due.Add(time.Millisecond)
		time.Sleep(time.Until(due))
		all[i] = max(0, time.Since(due))
	}
	late <- all
}

func main() {
	runtime.GOMAXPROCS(2)
	late, all := make(chan []time.Duration), []time.Duration{}
	for i := 0; i < tickers; i++ {
		go tick(late)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		for i := 0; i < 3; i++ {
			bench.Hog()
			runtime.Gosched()
		}
	}()
	for i := 0; i < tickers; i++ {
		all = append(all, <-late...)
	}
	bench.Percentiles("hog-ticks", all)
}

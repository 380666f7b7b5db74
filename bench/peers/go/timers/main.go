// time.AfterFunc and Stop.
package main

import (
	"bench/bench"
	"math/rand"
	"os"
	"sync/atomic"
	"time"
)

func nothing() {}

func pairAt1M() {
	const count = 1000000
	delay := make([]time.Duration, count)
	for i := range delay {
		delay[i] = 2*time.Second + time.Duration(rand.Int63n(60e9))
	}
	order, timers := rand.Perm(count), make([]*time.Timer, count)
	start := time.Now()
	for i := range timers {
		timers[i] = time.AfterFunc(delay[i], nothing)
	}
	for _, i := range order {
		timers[i].Stop()
	}
	bench.Each("timer-pair-1m", start, count)
}

// A timer that is made once and reset: cheaper than one AfterFunc for each.
func pairAtOnce() {
	const count = 3000000
	timer := time.AfterFunc(time.Hour, nothing)
	start := time.Now()
	for i := 0; i < count; i++ {
		timer.Reset(30 * time.Second)
		timer.Stop()
	}
	bench.Each("timer-pair", start, count)
}

func fire() {
	const count = 1000000
	var fired atomic.Int64
	end := make(chan struct{})
	call := func() {
		if fired.Add(1) == count {
			close(end)
		}
	}
	base := time.Now().Add(1500 * time.Millisecond)
	for i := 0; i < count; i++ {
		time.AfterFunc(time.Until(base)+time.Duration(rand.Int63n(5e8)), call)
	}
	cpu := bench.CPU()
	<-end
	bench.Result("timer-fire", float64((bench.CPU()-cpu).Nanoseconds())/count)
}

func main() {
	pairAt1M()
	pairAtOnce()
	fire()
	os.Exit(0)
}

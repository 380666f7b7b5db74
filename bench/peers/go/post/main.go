// Functions through a channel, between goroutines that are locked to a thread each.
package main

import (
	"bench/bench"
	"runtime"
	"time"
)

func loop(posts chan func()) {
	runtime.LockOSThread()
	for call := range posts {
		call()
	}
}

func main() {
	runtime.LockOSThread()
	posts, answer := make(chan func(), 4096), make(chan struct{}, 1)
	go loop(posts)
	answerIt := func() { answer <- struct{}{} }
	times := make([]time.Duration, 10000)
	for i := range times {
		start := time.Now()
		posts <- answerIt
		<-answer
		times[i] = time.Since(start)
	}
	bench.Percentiles("post-roundtrip", times)
	const count = 2000000
	counted := 0
	countIt := func() { counted++ }
	start := time.Now()
	for i := 0; i < count; i++ {
		posts <- countIt
	}
	posts <- answerIt
	<-answer
	bench.Rate("post-flood", start, count)
	if counted != count {
		panic(counted)
	}
}

// A sleep of 1 ms, again and again.
package main

import (
	"bench/bench"
	"time"
)

func main() {
	late := make([]time.Duration, 300)
	for i := range late {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late[i] = time.Since(start) - time.Millisecond
	}
	bench.Percentiles("sleep-late", late)
}

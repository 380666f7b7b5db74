// Goroutines that split their work among goroutines; as many threads as CPUs.
package main

import (
	"bench/bench"
	"time"
)

func fib(n int) int {
	if n < 2 {
		return n
	}
	a := make(chan int, 1)
	go func() { a <- fib(n - 1) }()
	b := fib(n - 2)
	return <-a + b
}

func skynet(sum chan int, first, count int) {
	if count == 1 {
		sum <- first
		return
	}
	parts := make(chan int, 10)
	for i := 0; i < 10; i++ {
		go skynet(parts, first+i*(count/10), count/10)
	}
	all := 0
	for i := 0; i < 10; i++ {
		all += <-parts
	}
	sum <- all
}

func timed(metric string, work func() int, expected int) {
	start := time.Now()
	if work() != expected {
		panic(metric)
	}
	if metric != "" {
		bench.Result(metric, float64(time.Since(start).Nanoseconds())/1e6)
	}
}

func main() {
	tree := func() int { return fib(30) }
	million := func() int {
		sum := make(chan int, 1)
		skynet(sum, 0, 1000000)
		return <-sum
	}
	timed("", tree, 832040)
	timed("", million, 499999500000)
	timed("fib-30", tree, 832040)
	timed("skynet", million, 499999500000)
}

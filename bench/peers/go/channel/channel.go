// Values through channels among goroutines: there and back, and one way with 128 places; as many threads as CPUs.
package main

import (
	"bench/bench"
	"time"
)

const rounds, values = 5000000, 20000000

func pingPong() {
	ping, pong := make(chan uint64, 1), make(chan uint64, 1)
	go func() {
		for value := range ping {
			pong <- value
		}
	}()
	start := time.Now()
	for i := uint64(0); i < rounds; i++ {
		ping <- i
		<-pong
	}
	bench.Each("channel-pingpong", start, rounds)
	close(ping)
}

func oneWay(metric string, producers uint64) {
	stream := make(chan uint64, 128)
	each := values / producers
	start := time.Now()
	for i := uint64(0); i < producers; i++ {
		go func() {
			for k := uint64(0); k < each; k++ {
				stream <- k
			}
		}()
	}
	sum := uint64(0)
	for i := uint64(0); i < each*producers; i++ {
		sum += <-stream
	}
	bench.Rate(metric, start, values)
	if sum != producers*(each*(each-1)/2) {
		panic(metric)
	}
}

func main() {
	pingPong()
	oneWay("channel-1-producer", 1)
	oneWay("channel-4-producers", 4)
}

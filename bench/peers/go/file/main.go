// ReadAt by 32 goroutines; a read from the page cache does not give the thread away.
package main

import (
	"bench/bench"
	"encoding/binary"
	"os"
	"sync"
	"time"
)

const bytes, blocks, atOnce, count = 4096, 65536, 32, 400000

func read(f *os.File, x uint64, reads int) {
	block := make([]byte, bytes)
	for i := 0; i < reads; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		number := (x >> 20) % blocks
		if _, err := f.ReadAt(block, int64(number)*bytes); err != nil {
			panic(err)
		}
		if binary.LittleEndian.Uint64(block) != number {
			panic("the wrong block was read")
		}
	}
}

func all(f *os.File, reads int) {
	var group sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		group.Add(1)
		go func(seed uint64) {
			read(f, seed, reads)
			group.Done()
		}(88172645463325252 + uint64(i))
	}
	group.Wait()
}

func main() {
	f, err := os.Open(os.Getenv("BENCH_FILE"))
	if err != nil {
		panic(err)
	}
	whole := make([]byte, 1<<20)
	for at := int64(0); at < bytes*blocks; at += 1 << 20 {
		if _, err := f.ReadAt(whole, at); err != nil {
			panic(err)
		}
	}
	cpu, start := bench.CPU(), time.Now()
	all(f, count/atOnce)
	bench.Each("file-read-4k", start, count)
	bench.Result("file-read-4k-cpu", float64((bench.CPU()-cpu).Nanoseconds())/count)
}

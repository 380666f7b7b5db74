// Package bench is what the programs share: the lines they print, memory, CPU time.
package bench

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"
)

func Result(metric string, value float64) { fmt.Printf("%s %.5g\n", metric, value) }

func Each(metric string, start time.Time, count int) {
	Result(metric, float64(time.Since(start).Nanoseconds())/float64(count))
}

func Rate(metric string, start time.Time, count int) {
	Result(metric, float64(count)*1e3/float64(time.Since(start).Nanoseconds()))
}

func Percentiles(metric string, times []time.Duration) {
	sort.Slice(times, func(i, k int) bool { return times[i] < times[k] })
	us := func(at int) float64 { return float64(times[at].Nanoseconds()) / 1e3 }
	Result(metric+"-p50", us(len(times)/2))
	Result(metric+"-p99", us(len(times)*99/100))
	Result(metric+"-max", us(len(times)-1))
}

// Spin computes for so long.
func Spin(length time.Duration) {
	for start := time.Now(); time.Since(start) < length; {
	}
}

// Hog keeps its thread from others: it computes for 100 ms, then blocks in a system call as long.
func Hog() {
	const length = 100 * time.Millisecond
	Spin(length)
	end := time.Now().Add(length)
	for left := length; left > 0; left = time.Until(end) {
		t := syscall.NsecToTimespec(left.Nanoseconds())
		syscall.Nanosleep(&t, nil)
	}
}

// MemoryBytes is resident memory and page tables.
func MemoryBytes() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	sum := 0
	for _, line := range strings.Split(string(status), "\n") {
		var key string
		var kb int
		if n, _ := fmt.Sscanf(line, "%s %d", &key, &kb); n == 2 && (key == "VmRSS:" || key == "VmPTE:") {
			sum += kb
		}
	}
	return float64(sum) * 1024
}

func CPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// os/exec of /bin/true: one after the other, and sixteen at once.
package main

import (
	"bench/bench"
	"os"
	"os/exec"
	"sync"
	"time"
)

func one() {
	command := exec.Command("/bin/true")
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		panic(err)
	}
}

func measure(metric string, atOnce, count int) {
	start := time.Now()
	for left := count; left > 0; left -= atOnce {
		var group sync.WaitGroup
		for i := 0; i < atOnce; i++ {
			group.Add(1)
			go func() {
				one()
				group.Done()
			}()
		}
		group.Wait()
	}
	bench.Result(metric, float64(time.Since(start).Nanoseconds())/1e3/float64(count))
}

func main() {
	measure("process-one", 1, 300)
	measure("process-16", 16, 16*25)
}

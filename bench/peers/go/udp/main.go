// 64 datagrams on their way between two sockets, a goroutine for each.
package main

import (
	"bench/bench"
	"net"
	"net/netip"
	"time"
)

func open() *net.UDPConn {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	return c
}

func answer(c *net.UDPConn) {
	data := make([]byte, 64)
	for {
		n, from, err := c.ReadFromUDPAddrPort(data)
		if err != nil {
			return
		}
		c.WriteToUDPAddrPort(data[:n], from)
	}
}

func main() {
	const inFlight, count = 64, 64000
	client, server := open(), open()
	go answer(server)
	to := netip.MustParseAddrPort(server.LocalAddr().String())
	data := make([]byte, 64)
	start := time.Now()
	for i := 0; i < inFlight; i++ {
		client.WriteToUDPAddrPort(data, to)
	}
	for left := count; left > 0; left-- {
		if n, _, err := client.ReadFromUDPAddrPort(data); err != nil || n != 64 {
			panic(err)
		}
		if left > inFlight {
			client.WriteToUDPAddrPort(data, to)
		}
	}
	bench.Each("udp", start, 2*count)
}

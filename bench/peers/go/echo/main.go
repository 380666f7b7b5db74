// A goroutine and a buffer for each connection, blocking style.   echo PORT|/PATH
package main

import (
	"net"
	"os"
	"strings"
)

func serve(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 16384)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if _, err = c.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func main() {
	network, address := "tcp", "127.0.0.1:"+os.Args[1]
	if strings.HasPrefix(os.Args[1], "/") {
		network, address = "unix", os.Args[1]
		os.Remove(address)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept() // TCP_NODELAY is on from the start
		if err != nil {
			panic(err)
		}
		go serve(c)
	}
}

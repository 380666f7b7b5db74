// net/http.   http PORT DIRECTORY
package main

import (
	"net/http"
	"os"
)

func main() {
	body := []byte("Hello, World!")
	http.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		w.Header()["Content-Length"] = []string{"13"}
		w.Write(body)
	})
	if len(os.Args) > 2 {
		http.Handle("/", http.FileServer(http.Dir(os.Args[2])))
	}
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

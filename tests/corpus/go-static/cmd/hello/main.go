package main

import (
	"fmt"
	"net/http"
	"os"

	"example.org/hello/greet"
)

var version string

func main() {
	if len(os.Args) > 1 {
		fmt.Println(greet.To(os.Args[1]), version)
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, greet.To(r.URL.Query().Get("name")), version, os.Getuid())
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
}

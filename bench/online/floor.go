package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lookup reads the rows of keys in the views of a service, and reports how many
// there were.
type lookup func(ctx context.Context, service string, keys [][]byte) (found int, err error)

// floor serves until it is killed: the keys of the body are looked up, and as
// many bytes answered as the path asks for.
func floor(store string, args []string) error {
	open, ok := map[string]func([]string) (lookup, error){"sqlite": sqliteFloor, "postgres": postgresFloor, "redis": redisFloor}[store]
	if !ok {
		return fmt.Errorf("there is no floor for %s", store)
	}
	read, err := open(args)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Serving on http://%s\n", listener.Addr())
	ready := bytes.Repeat([]byte(" "), 64<<20) // written to: memory that never was is all one page, which is always in the cache
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, length := filepath.Split(r.URL.Path)
		service = strings.Trim(service, "/")
		body, err := io.ReadAll(r.Body)
		n, wrong := strconv.Atoi(length)
		if err != nil || wrong != nil {
			http.Error(w, "no such answer", http.StatusBadRequest)
			return
		}
		keys := keysOf(body)
		found, err := read(r.Context(), service, keys)
		if err != nil || found < len(services[service]) {
			http.Error(w, fmt.Sprint(found, " rows: ", err), http.StatusInternalServerError)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{length}
		_, _ = w.Write(ready[:n])
	}))
}

// prefix begins every entity key of version 3 with the one join key user_id.
var prefix = []byte("\x01\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x00user_id\x02\x00\x00\x00")

// keysOf returns the entity keys of the texts behind the last [ of the body.
func keysOf(body []byte) [][]byte {
	list := body[bytes.LastIndexByte(body, '[')+1:]
	keys := make([][]byte, 0, 1+bytes.Count(list, []byte(",")))
	for {
		_, rest, ok := bytes.Cut(list, []byte(`"`))
		if !ok {
			return keys
		}
		var text []byte
		text, list, _ = bytes.Cut(rest, []byte(`"`))
		key := binary.LittleEndian.AppendUint32(append(make([]byte, 0, 64), prefix...), uint32(len(text)))
		keys = append(keys, append(key, text...))
	}
}

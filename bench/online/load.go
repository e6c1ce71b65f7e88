package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// result is what one turn gave.
type result struct {
	requests  int
	perSecond float64
	p50, p99  time.Duration
}

// load sends the requests over so many connections, each waiting for its
// answer, and takes the times. The client is as small as can be, as it runs on
// the same cores as the server.
func load(address string, requests [][]byte, connections int, length time.Duration) (result, error) {
	times := make([][]time.Duration, connections)
	errs := make([]error, connections)
	begin := time.Now()
	var group sync.WaitGroup
	for n := range connections {
		group.Go(func() { times[n], errs[n] = ask(address, requests, n, begin.Add(length)) })
	}
	group.Wait()
	took := time.Since(begin)
	all := slices.Concat(times...)
	if err := errors.Join(errs...); err != nil {
		return result{}, err
	}
	slices.Sort(all)
	return result{len(all), float64(len(all)) / took.Seconds(), all[len(all)/2], all[len(all)*99/100]}, nil
}

func ask(address string, requests [][]byte, first int, end time.Time) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var times []time.Duration
	for n := first; ; n++ {
		sent := time.Now()
		if sent.After(end) && len(times) > 0 {
			return times, nil
		}
		if _, err := conn.Write(requests[n%len(requests)]); err != nil {
			return nil, err
		}
		if _, err := answer(in, nil); err != nil {
			return nil, err
		}
		times = append(times, time.Since(sent))
	}
}

// answer reads one answer, appends its body to dst unless that is nil, and
// returns it.
func answer(in *bufio.Reader, dst []byte) ([]byte, error) {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(status, []byte(" 200 ")) {
		rest := make([]byte, min(4096, in.Buffered()))
		_, _ = io.ReadFull(in, rest)
		return nil, fmt.Errorf("the answer is %s%s", status, rest)
	}
	size, chunked := 0, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := strings.Cut(string(bytes.TrimSpace(line)), ": ")
		switch strings.ToLower(name) {
		case "content-length":
			if size, err = strconv.Atoi(value); err != nil {
				return nil, err
			}
		case "transfer-encoding":
			chunked = true
		}
	}
	for chunked {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return nil, err
		}
		if dst, err = take(in, dst, int(n)); err != nil {
			return nil, err
		}
		if _, err := in.Discard(2); err != nil || n == 0 {
			return dst, err
		}
	}
	return take(in, dst, size)
}

func take(in *bufio.Reader, dst []byte, n int) ([]byte, error) {
	if dst == nil {
		_, err := in.Discard(n)
		return nil, err
	}
	start := len(dst)
	dst = append(dst, make([]byte, n)...)
	_, err := io.ReadFull(in, dst[start:])
	return dst, err
}

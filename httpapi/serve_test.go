package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/server"
)

// start serves until the returned stop is called, which gives Serve's error.
func start(t *testing.T, o server.HTTPOptions) (address string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	registry, store := streamflow(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- server.HTTP(ctx, l, httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)}), o)
	}()
	return l.Addr().String(), cancel, result
}

// begin sends the header of a request and the first half of its body.
func begin(t *testing.T, address, body string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	// The server asks for the body once the handler reads it: the request is open.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	io.WriteString(conn, body[:len(body)/2])
	return conn
}

const oneUser = `{"entities":{"user_id":["3413-BMNZE"]},"features":["subs_profile_fv:months_active"]}`

func TestServeEndsOpenRequests(t *testing.T) {
	address, stop, ended := start(t, server.HTTPOptions{})
	conn := begin(t, address, oneUser)
	stop()
	for { // until it takes no more connections
		other, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		other.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("the server ended with a request open: %v", err)
	default:
	}
	io.WriteString(conn, oneUser[len(oneUser)/2:])
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	for err == nil && response.StatusCode == http.StatusContinue {
		response, err = http.ReadResponse(bufio.NewReader(conn), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || !strings.Contains(string(body), `"values":[1]`) {
		t.Errorf("the open request got %d %s, %v", response.StatusCode, body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

// A client that keeps its connection gets an answer to what it sends while the
// server stops, and is told to leave; the server does not wait longer than that.
func TestServeSendsClientsAway(t *testing.T) {
	address, stop, ended := start(t, server.HTTPOptions{Drain: time.Minute})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, stopped := range []bool{false, true} {
		if stopped {
			stop()
			time.Sleep(20 * time.Millisecond) // whatever happens to an idle connection has happened
		}
		fmt.Fprintf(conn, "POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(oneUser), oneUser)
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("stopped %t: %v", stopped, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || response.Close != stopped || !strings.Contains(string(body), `"values":[1]`) {
			t.Errorf("stopped %t: %d %s, closes %t, %v", stopped, response.StatusCode, body, response.Close, err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeCutsOffAfterGrace(t *testing.T) {
	address, stop, ended := start(t, server.HTTPOptions{Grace: 20 * time.Millisecond})
	begin(t, address, oneUser)
	stop()
	if err := <-ended; asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeTimesOut(t *testing.T) {
	address, stop, ended := start(t, server.HTTPOptions{HeaderTimeout: 300 * time.Millisecond, ReadTimeout: 400 * time.Millisecond})
	slowHeader, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slowHeader.Close()
	io.WriteString(slowHeader, "GET /health HTTP/1.1\r\nHost:")
	slowBody := begin(t, address, oneUser)
	for _, c := range []struct {
		conn net.Conn
		want string // nothing: the connection is just closed
	}{{slowHeader, ""}, {slowBody, "400"}} {
		c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		got, err := io.ReadAll(c.conn)
		if err != nil || !strings.Contains(string(got), c.want) {
			t.Errorf("got %q, %v; want %q and the end", got, err, c.want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestServeOnClosedListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := server.HTTP(t.Context(), l, http.NotFoundHandler(), server.HTTPOptions{}); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

// openWire opens a store with users 0 to 99, whose fee is 7, behind a wire.
func openWire(t *testing.T) (*redis.Online, *wire) {
	t.Helper()
	w := startWire(t, storetest.StartRedis(t, "").Addr())
	store := open(t, redis.Config{Connection: w.addr})
	update(t, store, feeView)
	mustFees(t, store, 100, 7)
	return store, w
}

func manyUsers(n int) []string {
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprint(i)
	}
	return users
}

// hasFees checks that all of a reading are found with the fee 7.
func hasFees(r *asof.Reading) error {
	for i, found := range r.Found {
		if !found || !bytes.Equal(r.Value(0, i), []byte{0x20, 7}) {
			return fmt.Errorf("user %d: %v %x", i, found, r.Value(0, i))
		}
	}
	return nil
}

func TestReadByteByByte(t *testing.T) {
	store, w := openWire(t)
	w.altering(func(to io.Writer, answer []byte) error {
		for i := range answer {
			if _, err := to.Write(answer[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	})
	r := feeReading(t, manyUsers(100)...)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	if err := hasFees(r); err != nil {
		t.Error(err)
	}
}

// TestReadOnALineThatIsCut cuts the connection after each byte of the answer:
// what did not come is asked for on another one.
func TestReadOnALineThatIsCut(t *testing.T) {
	store, w := openWire(t)
	r := feeReading(t, manyUsers(3)...)
	for at := 0; ; at++ {
		w.alter.Store(nil)
		if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
			t.Fatal(err)
		}
		var cut atomic.Bool
		whole := false
		w.altering(func(to io.Writer, answer []byte) error {
			if cut.Swap(true) {
				_, err := to.Write(answer)
				return err
			}
			if whole = at == len(answer); whole {
				return errCut
			}
			if _, err := to.Write(answer[:at]); err != nil {
				return err
			}
			return errCut
		})
		if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
		if err := hasFees(r); err != nil {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
		if whole {
			break
		}
	}
	w.altering(func(io.Writer, []byte) error { return errCut })
	fails(t, store.Read(t.Context(), "shop", []*asof.Reading{r}), asof.CodeUnavailable, "does not answer")
}

// TestReadMalformed answers what is no reply, or not the one to the command.
func TestReadMalformed(t *testing.T) {
	store, w := openWire(t)
	for answer, says := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\n\r\n":             "where a reply begins",
		"*1\r\n*1\r\n$1\r\nx\r\n":                      "where a string begins",
		"*99999999999999999999\r\n":                    "length of more than",
		"$1\r\nx\r\n$1\r\nx\r\n":                       "another kind",
		"$1\r\nx\r\n*1\r\n$1\r\nx\r\n":                 "another kind",
		"*0\r\n*0\r\n":                                 "another kind",
		"$1\r\nx\r\n-ERR out of order today\r\n":       "out of order today",
		"-NOPERM of the record\r\n-NOPERM of keys\r\n": "NOPERM",
	} {
		w.altering(func(to io.Writer, _ []byte) error {
			_, err := io.WriteString(to, answer)
			return err
		})
		r := feeReading(t, "1")
		err := store.Read(t.Context(), "shop", []*asof.Reading{r})
		if err == nil || !strings.Contains(err.Error(), says) || asof.ErrorCode(err) == asof.CodeInternal {
			t.Errorf("%q: %v, want %q", answer, err, says)
		}
		w.alter.Store(nil)
		for range 2 {
			if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
				t.Fatalf("after %q: %v", answer, err)
			}
			if err := hasFees(r); err != nil {
				t.Fatalf("after %q: %v", answer, err)
			}
		}
	}
	// A reply more than was asked for ends the line before it is taken for
	// another's.
	w.altering(func(to io.Writer, answer []byte) error {
		_, err := to.Write(append(bytes.Clone(answer), "$1\r\nx\r\n"...))
		return err
	})
	for range 20 {
		r := feeReading(t, "1")
		if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err == nil {
			if err := hasFees(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReadersLeave has every other reader of one line leave while the server
// holds its answers back, in the middle of one: those who left are not touched
// any more, the others get what is theirs, on the same connection.
func TestReadersLeave(t *testing.T) {
	store, w := openWire(t)
	if _, err := read(t, store); err != nil {
		t.Fatal(err)
	}
	held, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.altering(func(to io.Writer, answer []byte) error {
		if _, err := to.Write(answer[:len(answer)/2]); err != nil {
			return err
		}
		once.Do(func() { close(held) })
		<-hold
		_, err := to.Write(answer[len(answer)/2:])
		return err
	})
	ctx, leave := context.WithCancel(t.Context())
	var staying, leaving errgroup.Group
	var left []*asof.Reading
	for i := range 40 {
		r := feeReading(t, manyUsers(1+i)...)
		if i%2 == 0 {
			left = append(left, r)
			leaving.Go(func() error { return store.Read(ctx, "shop", []*asof.Reading{r}) })
			continue
		}
		staying.Go(func() error {
			if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
				return err
			}
			return hasFees(r)
		})
	}
	<-held
	time.Sleep(50 * time.Millisecond) // nothing depends on it: more of them wait by then
	leave()
	if err := leaving.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var before []asof.Reading
	for _, r := range left {
		before = append(before, copied(r))
	}
	close(hold)
	if err := staying.Wait(); err != nil {
		t.Error(err)
	}
	w.alter.Store(nil)
	for range 10 {
		if found, err := read(t, store); !found || err != nil {
			t.Errorf("afterwards: %v, %v", found, err)
		}
	}
	for i, r := range left {
		if !reflect.DeepEqual(copied(r), before[i]) {
			t.Errorf("reading %d was changed after its caller had left", i)
		}
	}
	if n := w.reads.Load(); n > 4 {
		t.Errorf("reads used %d connections, want those of the server's lines", n)
	}
}

// copied returns the answer of a reading.
func copied(r *asof.Reading) asof.Reading {
	return asof.Reading{Found: slices.Clone(r.Found), Events: slices.Clone(r.Events), Buf: bytes.Clone(r.Buf), Spans: slices.Clone(r.Spans)}
}

// TestReadHasAnEnd reads without a deadline from a server that hangs.
func TestReadHasAnEnd(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr() + ",socket_timeout=0.3"})
	update(t, store, feeView)
	mustFees(t, store, 10, 7)
	if _, err := read(t, store); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	// One that fits into what the kernel buffers, and one that does not.
	for _, n := range []int{1, 200_000} {
		users := manyUsers(n)
		err := store.Read(t.Context(), "shop", []*asof.Reading{feeReading(t, users...)})
		fails(t, err, asof.CodeUnavailable, "too long")
	}
	server.Resume()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		found, err := read(t, store)
		if found {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after a pause: %v", err)
		}
	}
}

// TestCloseUnderReaders closes the store while it is read.
func TestCloseUnderReaders(t *testing.T) {
	store, _ := openWire(t)
	var readers errgroup.Group
	begun := make(chan struct{}, 64)
	for i := range 16 {
		r := feeReading(t, manyUsers(1+6*i)...)
		readers.Go(func() error {
			for {
				if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
					return err
				}
				if err := hasFees(r); err != nil {
					return fmt.Errorf("a read without an error: %w", err)
				}
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	fails(t, readers.Wait(), asof.CodeInternal, "closed")
	_, err := read(t, store)
	fails(t, err, asof.CodeInternal, "closed")
}

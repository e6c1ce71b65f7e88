package storetest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// The environment of a writing process: where it writes, and from which value.
const (
	writerPlace = "ASOF_STORETEST_WRITER_PLACE"
	writerFirst = "ASOF_STORETEST_WRITER_FIRST"
)

const writerUsers = 1000

// OnlineKill writes with two processes at once, kills them (SIGKILL) at any
// moment, and checks that every write is there whole or not at all; with the gap
// RowByRow, that writing again completes one. It has to be the first thing of
// its test function, which is run again in the processes; fresh names an empty
// place, and open opens a store on it.
func OnlineKill(t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string) asof.OnlineStore, gaps ...OnlineGap) {
	v := userView("v", feature("x", asof.TypeInt64))
	if place := os.Getenv(writerPlace); place != "" {
		writeUntilKilled(t, open(t, place), v)
		return
	}
	place := fresh(t)
	store := open(t, place)
	defer store.Close()
	if err := store.Update(t.Context(), project, []*asof.FeatureView{v}, nil); err != nil {
		t.Fatal(err)
	}
	keys := make([]string, writerUsers)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	last := "-"
	for round := range 6 {
		first := startWriter(t, place, 1000*round)
		second := startWriter(t, place, 1000*round+1)
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		first.kill(t)
		second.kill(t)
		r := reading(t, v, keys...)
		if err := store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(gaps, RowByRow) {
			again := int(slices.Max(r.Events)-r.Events[0])/1e6 + atoi(t, shown(r, 0))
			if _, err := store.Write(t.Context(), project, v, batch(t, v, numbered(writerUsers, again))); err != nil {
				t.Fatal(err)
			}
			if err := store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range keys {
			if shown(r, i) != shown(r, 0) {
				t.Fatalf("round %d: half a write is there: key %d holds %s, key 0 %s", round, i, shown(r, i), shown(r, 0))
			}
		}
		if shown(r, 0) == last {
			t.Fatalf("round %d: nothing was written since the value %s", round, last)
		}
		last = shown(r, 0)
	}
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func writeUntilKilled(t *testing.T, store asof.OnlineStore, v *asof.FeatureView) {
	first := atoi(t, os.Getenv(writerFirst))
	for n := first; n < first+1000; n += 2 {
		b := batch(t, v, numbered(writerUsers, n))
		if _, err := store.Write(t.Context(), project, v, b); err != nil {
			t.Fatal(err)
		}
		fmt.Println("written", n)
	}
}

// writer is a process that writes.
type writer struct {
	cmd    *exec.Cmd
	stdout io.ReadCloser
}

// startWriter starts a process and waits for its first write.
func startWriter(t *testing.T, place string, first int) *writer {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{cmd: exec.Command(program, "-test.run=^"+t.Name()+"$")}
	w.cmd.Env = append(os.Environ(), writerPlace+"="+place, writerFirst+"="+strconv.Itoa(first))
	w.cmd.Stderr = os.Stderr
	if w.stdout, err = w.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(w.stdout)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "written") {
			go io.Copy(io.Discard, w.stdout)
			return w
		}
		t.Log(lines.Text())
	}
	w.kill(t)
	t.Fatal("a writing process ended before it wrote")
	return nil
}

func (w *writer) kill(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	w.cmd.Wait() // it was killed
}

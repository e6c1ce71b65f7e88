package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

// Of several runs into one file at once, the receipt that stays is that of the
// file that stays.
func TestReceiptIsOfItsFile(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "out.csv")
	for range 20 {
		var runs sync.WaitGroup
		for n := range 6 {
			r := request(t, historical.Request{References: rate, Output: output, Dir: dir, Receipts: receipt.Folder(filepath.Join(dir, "kept")),
				Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp\n"+strings.Repeat("a,2024-01-31\n", n+1))}})
			runs.Go(func() {
				if _, err := historical.Run(context.Background(), r); err != nil {
					t.Error(err)
				}
			})
		}
		runs.Wait()
		text, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		beside, err := receipt.Read(output + receipt.Suffix)
		if err != nil {
			t.Fatal(err)
		}
		if rows := int64(strings.Count(string(text), "\n") - 1); rows != beside.Rows {
			t.Fatalf("a file of %d rows, and a receipt of %d", rows, beside.Rows)
		}
	}
}

// What a killed run left of the same output goes with the next run. A file that
// somebody is writing stays, and so does what only looks alike.
func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "o[u]t.csv")
	for _, name := range []string{".o[u]t.csv.0123abcd.part", ".o[u]t.csv.0123abcd.held", ".out.csv.0123abcd.part", ".o[u]t.csv.mine.part"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := request(t, historical.Request{References: rate, Output: output,
		Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp\na,2024-01-31\n")}})
	second := r
	r.Store = &broken{r.Store, func() error { // while the first run writes
		_, err := historical.Run(context.Background(), second)
		return err
	}}
	if _, err := historical.Run(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), ".o[u]t.csv.mine.part .out.csv.0123abcd.part o[u]t.csv"; got != want {
		t.Errorf("left: %s, want %s", got, want)
	}
}

// Where the copy of the receipt finds no place, nothing appears: a training set
// of which no receipt is kept could not be made again.
func TestNoCopyOfTheReceipt(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	if err := os.WriteFile(kept, nil, 0o666); err != nil { // a file where the folder has to be
		t.Fatal(err)
	}
	r := request(t, historical.Request{References: rate, Output: filepath.Join(dir, "out.csv"), Dir: dir, Receipts: receipt.Folder(kept),
		Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp\na,2024-01-31\n")}})
	_, err := historical.Run(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "--no-receipt") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// row is what a store holds of a key, in parts: the key first. A table adds
// event, created and the packed row; Redis the fields and values of a view.
type row [][]byte

// stored reads what a store holds, by view.
type stored func(ctx context.Context, address string) (map[string][]row, error)

// loader puts rows of a view into a store, newest-wins or whatever is there.
type loader func(ctx context.Context, address, view string, rows []row, newest bool) error

var stores = map[string]struct {
	stored stored
	load   loader
}{
	"sqlite":   {storedSQLite, loadSQLite},
	"postgres": {storedPostgres, loadPostgres},
	"redis":    {storedRedis, loadRedis},
}

// keep writes what a store holds into files, a view each, in the order of keys,
// and prints how many rows there are and a digest of all their bytes.
func keep(ctx context.Context, store, address, dir string) error {
	held, err := stores[store].stored(ctx, address)
	if err != nil {
		return err
	}
	digest, count := sha256.New(), 0
	for _, v := range views {
		rows := held[v.name+"_fv"]
		slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a[0], b[0]) })
		var out []byte
		for _, r := range rows {
			out = binary.AppendUvarint(out, uint64(len(r)))
			for _, part := range r {
				out = append(binary.AppendUvarint(out, uint64(len(part))), part...)
			}
		}
		count += len(rows)
		digest.Write(out)
		if err := os.WriteFile(filepath.Join(dir, v.name+".rows"), out, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%d rows, %x\n", count, digest.Sum(nil))
	return nil
}

// load puts the rows of the files into a store, the views side by side.
func load(ctx context.Context, store, address, dir string, newest bool) error {
	failed := make(chan error)
	for _, v := range views {
		go func() {
			rows, err := readRows(filepath.Join(dir, v.name+".rows"))
			if err == nil {
				err = stores[store].load(ctx, address, v.name+"_fv", rows, newest)
			}
			failed <- err
		}()
	}
	var err error
	for range views {
		err = errors.Join(err, <-failed)
	}
	return err
}

// readRows reads a file of keep's; the rows lie in its bytes.
func readRows(path string) ([]row, error) {
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []row
	for in := bytes.NewBuffer(all); in.Len() > 0; {
		parts, _ := binary.ReadUvarint(in)
		r := make(row, parts)
		for i := range r {
			n, _ := binary.ReadUvarint(in)
			r[i] = in.Next(int(n))
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// number and bytesOf are for the parts that are whole numbers.
func number(part []byte) int64 { return int64(binary.BigEndian.Uint64(part)) }
func bytesOf(n int64) []byte   { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// writeUsers publishes users in a mode.
func writeUsers(t *testing.T, w asof.Warehouse, mode asof.WriteMode, asOf time.Time, rows ...[]string) (asof.TableChange, error) {
	t.Helper()
	stage, err := w.Stage(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	if _, err := loadRows(t.Context(), stage, usersTable, rows); err != nil {
		t.Fatal(err)
	}
	done, err := stage.Publish(t.Context(), asof.Publication{ID: "r", AsOf: asOf, Writes: []asof.Write{{Table: usersTable, Mode: mode}}})
	if err != nil {
		return asof.TableChange{}, err
	}
	return counted(done.Tables)[0], nil
}

// usersAre compares the table and what a publication counted.
func usersAre(t *testing.T, w WarehouseUnderTest, change asof.TableChange, err error, want asof.TableChange, rows ...[]string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	want.Table = "users"
	diff(t, "counts", want, change)
	diff(t, "users", rows, read(t, w, "SELECT user_id, has_family FROM users ORDER BY user_id"))
}

func testAppend(t *testing.T, w WarehouseUnderTest) {
	a, b, c, d := []string{"a", "true"}, []string{"b", "∅"}, []string{"c", "false"}, []string{"d", "true"}
	change, err := writeUsers(t, w, asof.WriteAppend, february, a, b)
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Added: 2}, a, b)
	change, err = writeUsers(t, w, asof.WriteAppend, february, a, b)
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Equal: 2}, a, b)
	change, err = writeUsers(t, w, asof.WriteAppend, january, b, c) // a month that comes late
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Added: 1, Equal: 1}, a, b, c)
	_, err = writeUsers(t, w, asof.WriteAppend, february, d, []string{"b", "true"}, []string{"c", "true"})
	var taken *asof.KeyTaken
	if !errors.As(err, &taken) || asof.ErrorCode(err) != asof.CodeInvalid {
		t.Fatalf("a row that is there with another value: %v", err)
	}
	diff(t, "the key", &asof.KeyTaken{Table: "users", Key: []string{"user_id"}, Values: []string{"b"}}, taken)
	change, err = writeUsers(t, w, "", january, d) // the table still holds february
	usersAre(t, w, change, err, asof.TableChange{Skipped: "yes"}, a, b, c)
}

func testReplaceRows(t *testing.T, w WarehouseUnderTest) {
	a, b, c := []string{"a", "true"}, []string{"b", "∅"}, []string{"c", "false"}
	change, err := writeUsers(t, w, asof.WriteReplace, january, a, b)
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Added: 2}, a, b)
	change, err = writeUsers(t, w, asof.WriteReplace, january, b, a)
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Equal: 2}, a, b)
	b[1] = "true"
	change, err = writeUsers(t, w, asof.WriteReplace, february, b, c)
	usersAre(t, w, change, err, asof.TableChange{Rows: 2, Added: 1, Changed: 1, Removed: 1}, b, c)
	change, err = writeUsers(t, w, asof.WriteReplace, january, a)
	usersAre(t, w, change, err, asof.TableChange{Skipped: "yes"}, b, c)
	change, err = writeUsers(t, w, asof.WriteReplace, february)
	usersAre(t, w, change, err, asof.TableChange{Removed: 2})

	// Of two tables of which one refers to the other, rows go from both.
	whole := func(m month) error {
		stage, err := stageMonth(t.Context(), w, "r", m)
		if err != nil {
			return err
		}
		defer stage.Discard(context.WithoutCancel(t.Context()))
		p := m.publication("r")
		for i := range p.Writes {
			p.Writes[i].Mode = asof.WriteReplace
		}
		_, err = stage.Publish(t.Context(), p)
		return err
	}
	firstMonth := firstMonth
	firstMonth.asOf = february
	second := month{february, [][]string{{"b", "false"}}, [][]string{{"b", "2.25", "2"}}}
	if err := errors.Join(whole(firstMonth), whole(second)); err != nil {
		t.Fatal(err)
	}
	diff(t, "tables", [][]string{{"users", "b", "false"}, {"usage", "b", "2.25", "2"}, {"snapshot", "2024-02-29", "b", "2.25", "2"}}, state(t, w))
}

package schedule

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// put writes files below root; a name that ends in / is a folder.
func put(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		p := filepath.Join(root, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// looked are the folders that were found, each with its parameters and a ! where
// it is complete.
func looked(t *testing.T, f Folder) []string {
	t.Helper()
	found, err := f.Look()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range found {
		text := one.Path
		for _, name := range []string{"year", "month"} {
			if one.Params[name] != "" {
				text += " " + name + "=" + one.Params[name]
			}
		}
		if one.Complete {
			text += "!"
		}
		got = append(got, text)
	}
	return got
}

func TestLook(t *testing.T) {
	root, elsewhere := filepath.Join(t.TempDir(), "a [b] {c} *"), t.TempDir() // a root is no pattern
	put(t, elsewhere, "month_000/users.csv")
	put(t, root, "seeds/month_000/users.csv", "seeds/month_000/usage/a.csv", "seeds/month_001/users.csv", "seeds/month_002/", "seeds/.month_003.part/users.csv",
		"seeds/README", "seeds/März Ü/users.csv", "2024/01/DONE", "2024/02/users.csv", "other/month_000/users.csv", "part/1/.users.csv.tmp")
	if err := os.Symlink(filepath.Join(root, "seeds", "month_000"), filepath.Join(root, "seeds", "month_link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder Folder
		want   []string
	}{
		{Folder{Pattern: "seeds/{month}", Files: []string{"users.csv", "usage/*.csv"}},
			[]string{"seeds/März Ü month=März Ü", "seeds/month_000 month=month_000!", "seeds/month_001 month=month_001", "seeds/month_002 month=month_002", "seeds/month_link month=month_link!"}},
		{Folder{Pattern: "./seeds//month_{month}"}, []string{"seeds/month_000 month=000!", "seeds/month_001 month=001!", "seeds/month_002 month=002", "seeds/month_link month=link!"}},
		{Folder{Pattern: "{year}/{month}", Marker: "DONE"}, []string{"2024/01 year=2024 month=01!", "2024/02 year=2024 month=02", "other/month_000 year=other month=month_000", "part/1 year=part month=1",
			"seeds/März Ü year=seeds month=März Ü", "seeds/month_000 year=seeds month=month_000", "seeds/month_001 year=seeds month=month_001", "seeds/month_002 year=seeds month=month_002", "seeds/month_link year=seeds month=month_link"}},
		{Folder{Pattern: "nowhere/{month}"}, nil},
		{Folder{Pattern: "seeds/month_{month}", Files: []string{"us[a-z]ge"}}, []string{"seeds/month_000 month=000!", "seeds/month_001 month=001", "seeds/month_002 month=002", "seeds/month_link month=link!"}},
		{Folder{Pattern: "part/{month}", Files: []string{"*"}}, []string{"part/1 month=1"}},
		{Folder{Pattern: filepath.ToSlash(elsewhere) + "/{month}"}, []string{filepath.ToSlash(elsewhere) + "/month_000 month=month_000!"}},
	} {
		c.folder.Root = root
		if got := looked(t, c.folder); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.folder.Pattern, got, c.want)
		}
	}
	sub := Folder{Root: filepath.Join(root, "2024"), Pattern: "../seeds/{month}", Files: []string{"usage/a.csv"}}
	if got := looked(t, sub); !slices.Contains(got, "../seeds/month_000 month=month_000!") {
		t.Errorf("beside the root: %q", got)
	}
}

// TestSettling: a folder is ready when it has been seen unchanged for a while,
// once its last file is there; again when it has changed.
func TestSettling(t *testing.T) {
	root := t.TempDir()
	f := Folder{Root: root, Pattern: "{month}", Files: []string{"a.csv", "b.csv"}, Settle: time.Minute}
	start, old := time.Date(2024, 3, 1, 6, 0, 0, 0, time.UTC), time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	var s Settling
	look := func(after time.Duration, ready int, again time.Duration) {
		t.Helper()
		found, err := f.Look()
		if err != nil {
			t.Fatal(err)
		}
		got, when := s.Ready(f, found, start.Add(after))
		want := time.Time{}
		if again != 0 {
			want = start.Add(again)
		}
		if len(got) != ready || !when.Equal(want) {
			t.Fatalf("after %s: ready %v, again %s; want %d and %s", after, got, when, ready, want)
		}
	}
	write := func(name, text string, modified time.Time) {
		t.Helper()
		p := filepath.Join(root, "m", name)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	put(t, root, "m/")
	look(0, 0, 0)
	write("a.csv", "1", old) // as a copy that keeps the times of files
	look(10*time.Second, 0, 0)
	write("b.csv", "1", old)
	look(20*time.Second, 0, 80*time.Second)
	write("b.csv", "12", start)
	look(40*time.Second, 0, 100*time.Second) // the copy has not ended
	look(100*time.Second, 1, 0)
	look(110*time.Second, 1, 0) // who asks remembers what was run
	write("b.csv", "123", time.Now().Add(time.Hour))
	look(120*time.Second, 0, 180*time.Second)
	look(180*time.Second, 1, 0)
	look(-time.Hour, 0, -time.Hour+time.Minute) // the clock was put back
	f.Marker = "READY"
	look(200*time.Second, 0, 0)
	put(t, root, "m/READY")
	look(201*time.Second, 1, 0)
}

func TestCaptures(t *testing.T) {
	if names, err := Captures("data/{year}/m_{month}.d"); err != nil || !slices.Equal(names, []string{"year", "month"}) {
		t.Errorf("%v, %v", names, err)
	}
	for pattern, want := range map[string]string{"data/seeds": "finds no parameter", "data/{m}/{m}": "twice", "data/*/{m}": "may hold", "data/{m": "finds no parameter", "{m}/{": "may hold"} {
		if _, err := Captures(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}

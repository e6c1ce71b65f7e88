package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestMaterializeIntoAFullRedis has Redis reach its maxmemory in the middle of a
// run. The run says so and counts as failed; what is online is served on; once
// there is room, the next run completes it.
func TestMaterializeIntoAFullRedis(t *testing.T) {
	server := storetest.StartRedis(t, "")
	f := newFilling(t, 20_000, redisAt(server.Addr()))
	used := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(server.Do("info", "memory"))
	now, err := strconv.Atoi(used[1])
	if err != nil {
		t.Fatal(err)
	}
	server.Do("config", "set", "maxmemory", strconv.Itoa(now+2<<20))
	cmd, out := f.start(t)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "is full; raise its maxmemory") {
		t.Errorf("a run into a full Redis: %v\n%s", err, out)
	}
	if runs := f.ledgered(t); len(runs) != 1 || runs[0].Done() || !strings.Contains(runs[0].Error, "maxmemory") {
		t.Errorf("the ledger has %+v, want one run that failed", runs)
	}
	some := len(f.online(t, ordersView))
	if some == 0 || some == f.users {
		t.Errorf("%d users are online, want a part of %d: nothing is shown", some, f.users)
	}
	if got, want := f.verify(t), "20000 keys map[never loaded:"+strconv.Itoa(f.users-some)+"]"; got != want {
		t.Errorf("asof verify: %s, want %s", got, want)
	}
	server.Do("config", "set", "maxmemory", "0")
	run(t, "asof", "-c", f.dir, "materialize-incremental", "2024-02-01")
	f.verified(t)
}

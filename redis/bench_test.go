package redis_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redis/rueidis"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

const benchRows = 100_000

func benchUser(i int) string { return fmt.Sprintf("%04d-%05X", i%10_000, i) }

// benchBatch is rows of six features of three types, in no order of keys.
func benchBatch() (*asof.FeatureView, arrow.RecordBatch) {
	v := &asof.FeatureView{Name: "v0", EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}}}
	fields := []arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: asof.EventTimestamp, Type: asof.Timestamp}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}}
	for i, t := range []asof.ValueType{asof.TypeInt64, asof.TypeFloat32, asof.TypeString, asof.TypeInt64, asof.TypeFloat32, asof.TypeString} {
		f := asof.Field{Name: fmt.Sprint("f", i), Type: asof.Scalar(t)}
		v.Features = append(v.Features, f)
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow()})
	}
	build := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer build.Release()
	for n := range benchRows {
		i := n * 7919 % benchRows
		build.Field(0).(*array.StringBuilder).Append(benchUser(i))
		build.Field(1).(*array.TimestampBuilder).Append(1_706_659_200_000_000)
		build.Field(2).AppendNull()
		for f := 3; f < 9; f += 3 {
			build.Field(f).(*array.Int64Builder).Append(int64(i % 72))
			build.Field(f + 1).(*array.Float32Builder).Append(float32(i%10_000) / 100)
			build.Field(f + 2).(*array.StringBuilder).Append([]string{"DSL", "Fiber optic", "No"}[i%3])
		}
	}
	return v, build.NewRecordBatch()
}

// BenchmarkRead reads two features of each of three views, beside a floor that
// sends the same commands and looks at nothing. What a Read allocates does not
// grow with its keys.
func BenchmarkRead(b *testing.B) {
	d := storetest.Redis(b).Database(b)
	store := open(b, redis.Config{Connection: d.Connection()})
	v, data := benchBatch()
	var views []*asof.FeatureView
	for i := range 3 {
		c := *v
		c.Name = fmt.Sprint("v", i)
		views = append(views, &c)
	}
	if err := store.Update(b.Context(), "shop", views, nil); err != nil {
		b.Fatal(err)
	}
	for _, v := range views {
		if _, err := store.Write(b.Context(), "shop", v, data); err != nil {
			b.Fatal(err)
		}
	}
	client := bareClient(b, d)
	for _, n := range []int{1, 10, 100, 1000} {
		users := make([]string, n)
		for i := range users {
			users[i] = benchUser(i * 7919 % benchRows)
		}
		keys := feeReading(b, users...).Keys
		for _, readers := range []int{1, 8, 64} {
			name := fmt.Sprintf("%d keys, %d readers", n, readers)
			b.Run(name, func(b *testing.B) {
				readAtOnce(b, readers, func() func() error { return storeReader(b, store, views, keys) })
			})
			b.Run(name+", floor", func(b *testing.B) {
				readAtOnce(b, readers, func() func() error { return bareReader(b, client, views, keys) })
			})
		}
	}
}

// readAtOnce has so many readers read b.N times in all.
func readAtOnce(b *testing.B, readers int, reader func() func() error) {
	var group errgroup.Group
	var begun atomic.Int64
	reads := make([]func() error, readers)
	for i := range reads {
		reads[i] = reader()
		if err := reads[i](); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, read := range reads {
		group.Go(func() error {
			for begun.Add(1) <= int64(b.N) {
				if err := read(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Error(err)
	}
}

func storeReader(b *testing.B, store *redis.Online, views []*asof.FeatureView, keys [][]byte) func() error {
	var readings []*asof.Reading
	for _, v := range views {
		readings = append(readings, &asof.Reading{View: v, Features: []string{"f1", "f2"}, Keys: keys})
	}
	return func() error {
		err := store.Read(b.Context(), "shop", readings)
		if err == nil && !readings[2].Found[len(keys)-1] {
			err = fmt.Errorf("a key was not found")
		}
		return err
	}
}

// bareReader sends the same commands through rueidis and looks at nothing.
func bareReader(b *testing.B, client rueidis.Client, views []*asof.FeatureView, keys [][]byte) func() error {
	var redisKeys, fields []string
	for _, key := range keys {
		redisKeys = append(redisKeys, string(key)+"shop")
	}
	for _, v := range views {
		fields = append(fields, "_ts:"+v.Name, redis.ValueField(v.Name, "f1"), redis.ValueField(v.Name, "f2"))
	}
	return func() error {
		commands := make(rueidis.Commands, 0, 1+len(keys))
		commands = append(commands, client.B().Hget().Key("asof:online:shop").Field("").Build())
		for _, key := range redisKeys {
			commands = append(commands, client.B().Hmget().Key(key).Field(fields...).Build())
		}
		answers := client.DoMulti(b.Context(), commands...)
		if err := answers[0].Error(); err != nil {
			return err
		}
		for _, r := range answers[1:] {
			if _, err := r.ToArray(); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkWrite writes rows into an empty database and over themselves, beside
// floors that send ready-made bytes: under the same rule in the same script, and
// without a rule.
func BenchmarkWrite(b *testing.B) {
	v, data := benchBatch()
	for _, again := range []bool{false, true} {
		name := map[bool]string{false: "new", true: "again"}[again]
		run := func(name string, prepare func(b *testing.B, d storetest.RedisDatabase) func() error) {
			b.Run(name, func(b *testing.B) {
				d := storetest.Redis(b).Database(b)
				client := bareClient(b, d)
				write := prepare(b, d)
				for b.Loop() {
					if !again {
						b.StopTimer()
						if err := client.Do(b.Context(), client.B().Eval().Script("for _, k in ipairs(redis.call('KEYS', '*user*')) do redis.call('UNLINK', k) end").Numkeys(0).Build()).Error(); err != nil && !rueidis.IsRedisNil(err) {
							b.Fatal(err)
						}
						b.StartTimer()
					}
					if err := write(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
		run(name, func(b *testing.B, d storetest.RedisDatabase) func() error {
			store := open(b, redis.Config{Connection: d.Connection()})
			if err := store.Update(b.Context(), "shop", []*asof.FeatureView{v}, nil); err != nil {
				b.Fatal(err)
			}
			return func() error {
				n, err := store.Write(b.Context(), "shop", v, data)
				if err == nil && n != benchRows {
					err = fmt.Errorf("%d rows written", n)
				}
				return err
			}
		})
		for kind, rows := range map[string]int{"floor": 16, "floor without the rule": 0} {
			run(name+", "+kind, func(b *testing.B, d storetest.RedisDatabase) func() error {
				return bareLoader(b, bareClient(b, d), v, data, rows)
			})
		}
	}
}

// bareLoader returns a loader of rows that are ready: so many in a call of the
// script, or each by HSET.
func bareLoader(b *testing.B, c rueidis.Client, v *asof.FeatureView, data arrow.RecordBatch, perCall int) func() error {
	keys, rows := redis.ReadyRows(b, "shop", v, data)
	sha, err := c.Do(b.Context(), c.B().ScriptLoad().Script(redis.PutScript).Build()).ToString()
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		var group errgroup.Group
		group.SetLimit(3)
		for from := 0; from < len(keys); from += 1024 {
			group.Go(func() error {
				return bareBatch(b.Context(), c, sha, keys[from:min(from+1024, len(keys))], rows[from:min(from+1024, len(keys))], perCall)
			})
		}
		return group.Wait()
	}
}

func bareBatch(ctx context.Context, c rueidis.Client, sha string, keys []string, rows [][]string, perCall int) error {
	var commands rueidis.Commands
	if perCall == 0 {
		for i, key := range keys {
			commands = append(commands, c.B().Arbitrary("HSET").Keys(key).Args(rows[i]...).Build())
		}
	}
	for from := 0; perCall > 0 && from < len(keys); from += perCall {
		to := min(from+perCall, len(keys))
		call := c.B().Evalsha().Sha1(sha).Numkeys(int64(to-from)).Key(keys[from:to]...).Arg("0", "0", fmt.Sprint(len(rows[0])/2))
		for _, row := range rows[from:to] {
			call = call.Arg(row...)
		}
		commands = append(commands, call.Build())
	}
	for _, r := range c.DoMulti(ctx, commands...) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

func bareClient(tb testing.TB, d storetest.RedisDatabase) rueidis.Client {
	tb.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{d.Addr()}, Password: d.Password, SelectDB: d.Index, ForceSingleClient: true, DisableCache: true, AlwaysRESP2: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

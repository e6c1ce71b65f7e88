// Package answerlog keeps a share of what was served: answers of the online
// servers, as Parquet files, and what the features in them are like.
//
// A server pays one random number for an answer that is not kept. One that is
// kept changes hands without a copy, by a queue that never blocks: what it has
// no room for is dropped and counted. All else is done beside: rows are
// collected in memory and written as files that appear whole, so that a process
// that is killed loses what it had collected and no more. A folder holds so many
// bytes; its oldest files make room for new ones.
package answerlog

import (
	"cmp"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof/serving"
)

// DefaultFlush is after which time rows are written where nothing else is said.
const DefaultFlush = 5 * time.Minute

// Options say what is kept, and where.
type Options struct {
	// Services says whether answers to a feature service are kept as its
	// logging_config says: this share of them, in this folder, in Feast's form.
	Services bool
	Dir      string // what relative folders of definitions start from

	// Rate is the share that is kept of all other answers, each view's in a
	// folder of its own in Folder; 0: of none.
	Rate    float64
	Folder  string
	Keyless bool // without join keys: what the features are like needs none

	Most  int64         // bytes of the files in one folder; 0: 256 MiB
	Flush time.Duration // after which rows are written; 0: DefaultFlush
	Queue int64         // bytes of answers that wait; 0: 16 MiB

	Log *slog.Logger // gets why rows were lost; nil for nowhere
}

// Counts are rows of answers that were chosen.
type Counts struct {
	Written uint64
	Dropped uint64 // the queue was full
	Failed  uint64 // the files could not be written
}

// Log keeps answers until Close. It may be used by several goroutines.
type Log struct {
	Options
	queue   chan kept
	waiting atomic.Int64 // bytes of the answers in the queue
	closing chan struct{}
	closed  sync.Once
	done    chan struct{}

	written, dropped, failed atomic.Uint64

	telling sync.Mutex
	told    map[string]time.Time // when a warning was last given

	tables map[string]*table // by layout.key; of the goroutine that writes
	held   int               // bytes in them
}

// kept is an answer in the queue, and what it is rows of.
type kept struct {
	answer *serving.Answer
	size   int64
	parts  []part
}

// mostQueued is how many answers wait, whatever their size.
const mostQueued = 4096

// New makes a Log, which writes from now on.
func New(o Options) *Log {
	o.Most, o.Flush, o.Queue = cmp.Or(o.Most, 256<<20), cmp.Or(o.Flush, DefaultFlush), cmp.Or(o.Queue, 16<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Log{Options: o, queue: make(chan kept, mostQueued), closing: make(chan struct{}), done: make(chan struct{}),
		told: map[string]time.Time{}, tables: map[string]*table{}}
	go l.run()
	return l
}

// Sink is for [serving.Options.Sink].
func (l *Log) Sink(s *serving.Selected) *serving.Sink {
	rate, parts := l.Rate, []part(nil)
	if p, share := l.service(s); p != nil {
		rate, parts = share, []part{*p}
	} else if rate > 0 {
		parts = l.views(s)
	}
	if rate <= 0 || len(parts) == 0 {
		return nil
	}
	return &serving.Sink{Rate: rate, Take: func(a *serving.Answer) bool { return l.take(kept{a, int64(a.Size()), parts}) }}
}

// take puts an answer into the queue, if there is room.
func (l *Log) take(k kept) bool {
	if l.waiting.Add(k.size) <= l.Queue {
		select {
		case l.queue <- k:
			return true
		default:
		}
	}
	l.waiting.Add(-k.size)
	l.dropped.Add(uint64(k.answer.Rows()))
	return false
}

// Counts returns how many rows were written and lost so far.
func (l *Log) Counts() Counts {
	return Counts{Written: l.written.Load(), Dropped: l.dropped.Load(), Failed: l.failed.Load()}
}

// Close writes what there is. Nothing is to be served any more.
func (l *Log) Close() error {
	l.closed.Do(func() { close(l.closing) })
	<-l.done
	return nil
}

// run collects answers and writes them.
func (l *Log) run() {
	defer close(l.done)
	due := time.NewTicker(l.Flush)
	defer due.Stop()
	for {
		select {
		case k := <-l.queue:
			l.collect(k)
		case <-due.C:
			l.flush()
		case <-l.closing:
			for {
				select {
				case k := <-l.queue:
					l.collect(k)
					continue
				default:
				}
				l.flush()
				return
			}
		}
	}
}

// mostHeld is how many bytes are collected, of all folders together.
const mostHeld = 32 << 20

// collect copies the rows of an answer, and gives it back.
func (l *Log) collect(k kept) {
	for _, p := range k.parts {
		t := l.tables[p.key]
		if t == nil {
			t = newTable(p.layout)
			l.tables[p.key] = t
		}
		l.held += t.add(k.answer, p)
	}
	l.waiting.Add(-k.size)
	k.answer.Release()
	if l.held >= mostHeld {
		l.flush()
	}
}

// flush writes all that was collected.
func (l *Log) flush() {
	for key, t := range l.tables {
		l.write(t)
		delete(l.tables, key)
	}
	l.held = 0
}

// warn tells of a trouble, of each at most once in ten minutes.
func (l *Log) warn(trouble string, err error) {
	l.telling.Lock()
	defer l.telling.Unlock()
	if last, ok := l.told[trouble]; ok && time.Since(last) < 10*time.Minute {
		return
	}
	l.told[trouble] = time.Now()
	l.Log.Warn(trouble, "error", err)
}

package ondemand

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

//go:embed worker.py
var workerScript string

// Workers run the functions that cannot be run here: Python processes, or a
// service on another server. Processes are started when they are needed, kept
// for the next call, and killed when a call takes too long.
type Workers struct {
	service Service // nil: Python processes

	python  string
	timeout time.Duration
	slots   chan struct{}

	mu     sync.Mutex
	idle   []*worker
	closed bool
}

// workerTimeout bounds one call, the start of a process included.
const workerTimeout = 30 * time.Second

// maxAnswer bounds what a process may send, in bytes.
const maxAnswer = 1 << 30

// NewWorkers returns a pool of at most size processes of an interpreter that
// has pandas and pyarrow.
func NewWorkers(python string, size int) *Workers {
	return &Workers{python: python, timeout: workerTimeout, slots: make(chan struct{}, size)}
}

// NewServiceWorkers returns workers that have functions in pandas mode run by a
// service, and none else.
func NewServiceWorkers(s Service) *Workers { return &Workers{service: s} }

// takes reports whether the workers run functions like that of a view.
func (w *Workers) takes(view *asof.OnDemandFeatureView) bool {
	return w != nil && (w.service == nil || view.Mode == "pandas")
}

// how says what runs a function that the workers take.
func (w *Workers) how() How {
	if w.service != nil {
		return How("by " + w.service.Place())
	}
	return Worker
}

// Close ends the processes.
func (w *Workers) Close() error {
	w.mu.Lock()
	idle := w.idle
	w.idle, w.closed = nil, true
	w.mu.Unlock()
	for _, p := range idle {
		p.stop()
	}
	return nil
}

type worker struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer
}

func (w *Workers) take() (*worker, error) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		p := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		return p, nil
	}
	w.mu.Unlock()
	p := &worker{command: exec.Command(w.python, "-c", workerScript)}
	p.command.Stderr = &p.stderr
	var err error
	if p.in, err = p.command.StdinPipe(); err == nil {
		var out io.Reader
		if out, err = p.command.StdoutPipe(); err == nil {
			p.out = bufio.NewReader(out)
			err = p.command.Start()
		}
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the Python of asof.python cannot be started: %w", err)
	}
	return p, nil
}

// give keeps a process for the next call.
func (w *Workers) give(p *worker) {
	w.mu.Lock()
	if !w.closed {
		w.idle = append(w.idle, p)
		p = nil
	}
	w.mu.Unlock()
	if p != nil {
		p.stop()
	}
}

func (p *worker) stop() {
	_ = p.in.Close() // it ends by itself at the end of its input
	_ = p.command.Process.Kill()
	_ = p.command.Wait() // it was killed
}

// run sends the rows to a process, or the service, and returns the features that it gives.
func (w *Workers) run(ctx context.Context, view *asof.OnDemandFeatureView, inputs arrow.RecordBatch, mem memory.Allocator) (map[string]arrow.Array, error) {
	if w.service != nil {
		return askService(ctx, w.service, view, inputs, mem)
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-w.slots }()
	p, err := w.take()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	kill := context.AfterFunc(limited, func() { _ = p.command.Process.Kill() })
	outputs, err := p.call(view, inputs, mem)
	var refused functionError
	if !kill() || err != nil && !errors.As(err, &refused) {
		p.stop()
		switch {
		case ctx.Err() != nil:
			releaseOutputs(outputs)
			return nil, ctx.Err()
		case limited.Err() != nil:
			releaseOutputs(outputs)
			return nil, asof.Errorf(asof.CodeInvalid, "the function took longer than %s in Python and was stopped", w.timeout)
		}
		return nil, asof.Errorf(asof.CodeUnavailable, "the Python of asof.python ended: %s", p.lastWords(err))
	}
	w.give(p)
	return outputs, err
}

func releaseOutputs(outputs map[string]arrow.Array) {
	for _, a := range outputs {
		a.Release()
	}
}

// lastWords is the last line that a process wrote before it ended.
func (p *worker) lastWords(err error) string {
	lines := strings.Split(strings.TrimSpace(p.stderr.String()), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

// functionError is an exception of the function.
type functionError string

func (e functionError) Error() string { return string(e) }

func (p *worker) call(view *asof.OnDemandFeatureView, inputs arrow.RecordBatch, mem memory.Allocator) (map[string]arrow.Array, error) {
	head := map[string]any{"text": undecorated(view.Function.Text), "imports": view.Function.Imports, "name": view.Function.Name,
		"mode": view.Mode, "singleton": view.Singleton}
	var names []string
	for _, f := range view.Features {
		names = append(names, f.Name)
	}
	head["features"] = names
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	stream, err := streamed(shortNamed(view, inputs))
	if err != nil {
		return nil, err
	}
	for _, part := range [][]byte{line, stream} {
		if err := binary.Write(p.in, binary.LittleEndian, uint32(len(part))); err != nil {
			return nil, err
		}
		if _, err := p.in.Write(part); err != nil {
			return nil, err
		}
	}
	failure, err := p.receive()
	if err != nil {
		return nil, err
	}
	answer, err := p.receive()
	if err != nil {
		return nil, err
	}
	if len(failure) > 0 {
		return nil, functionError(failure)
	}
	return columnsOf(answer, mem)
}

func (p *worker) receive() ([]byte, error) {
	var size uint32
	if err := binary.Read(p.out, binary.LittleEndian, &size); err != nil {
		return nil, err
	}
	if size > maxAnswer {
		return nil, fmt.Errorf("an answer of %d bytes is too long", size)
	}
	data := make([]byte, size)
	_, err := io.ReadFull(p.out, data)
	return data, err
}

// shortNamed adds the features under their own names.
func shortNamed(view *asof.OnDemandFeatureView, inputs arrow.RecordBatch) arrow.RecordBatch {
	var fields []arrow.Field
	var columns []arrow.Array
	seen := map[string]bool{}
	add := func(name string, at int) {
		if !seen[name] {
			seen[name] = true
			fields = append(fields, arrow.Field{Name: name, Type: inputs.Column(at).DataType(), Nullable: true})
			columns = append(columns, inputs.Column(at))
		}
	}
	list := inputsOf(view, nil)
	for i := len(list) - 1; i >= 0; i-- { // of two of one name the later source's counts
		if at := inputs.Schema().FieldIndices(list[i].Name); len(at) > 0 {
			add(list[i].Feature, at[0])
		}
	}
	for i, f := range inputs.Schema().Fields() {
		add(f.Name, i)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, inputs.NumRows())
}

func streamed(batch arrow.RecordBatch) ([]byte, error) {
	defer batch.Release()
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(batch.Schema()))
	if err := w.Write(batch); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

// columnsOf reads the one batch of an answer. NaN is NULL.
func columnsOf(stream []byte, mem memory.Allocator) (map[string]arrow.Array, error) {
	r, err := ipc.NewReader(bytes.NewReader(stream), ipc.WithAllocator(mem))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	outputs := map[string]arrow.Array{}
	if !r.Next() {
		if r.Err() != nil {
			return nil, r.Err()
		}
		for _, f := range r.Schema().Fields() {
			outputs[f.Name] = array.MakeArrayOfNull(mem, f.Type, 0)
		}
		return outputs, nil
	}
	batch := r.RecordBatch()
	for i, f := range batch.Schema().Fields() {
		outputs[f.Name] = withoutNaN(batch.Column(i), mem)
	}
	return outputs, nil
}

package flightapi_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

// stream is a call to which messages are sent.
type stream interface {
	sender
	flight.DataStreamReader
}

// tell sends messages as they are, and returns what the server says of them.
func tell(t *testing.T, to stream, command string, messages []storetest.Message) error {
	t.Helper()
	for i, m := range messages {
		data := &flight.FlightData{DataHeader: m.Header, DataBody: m.Body}
		if i == 0 {
			data.FlightDescriptor = &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(command)}
		}
		if err := to.Send(data); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if err := to.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := to.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Rows that say of themselves what is not so are refused by a sentence, cost
// little, and leave the server as it was.
func TestRowsThatLie(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "note", Type: arrow.BinaryTypes.String}, {Name: "driver_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "event_timestamp", Type: asof.Timestamp}}, nil)
	honest, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema, strings.NewReader(`[{"note": "a", "driver_id": 1, "event_timestamp": "2024-02-01T00:00:00Z"}, {"note": "b", "driver_id": 2, "event_timestamp": "2024-02-01T00:00:00Z"}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Release()
	client := dial(t, start(t, fleet(t)))
	calls := map[string]func() (stream, error){
		"DoExchange": func() (stream, error) { return client.DoExchange(t.Context()) },
		"DoPut": func() (stream, error) {
			s, err := client.DoPut(t.Context())
			return putStream{s}, err
		},
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lies := storetest.Lies(t, honest)
	for call, open := range calls {
		for i, lie := range lies {
			t.Run(call+" "+lie.Name, func(t *testing.T) {
				to, err := open()
				if err != nil {
					t.Fatal(err)
				}
				says(t, tell(t, to, fmt.Sprintf(trips, fmt.Sprint(call, i)), lie.Messages), "FeastError", "the rows of the call cannot be read: ")
			})
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(len(lies))*4<<20 {
		t.Errorf("%d calls took %d bytes", 2*len(lies), took)
	}
	if n, err := exchange(t, client, fmt.Sprintf(trips, "honest"), honest, 3); n != 6 || err != nil {
		t.Errorf("after the lies: %d rows, %v", n, err)
	}
}

// putStream is a DoPut, whose answers are other messages.
type putStream struct {
	flight.FlightService_DoPutClient
}

// Recv returns what ends the call.
func (s putStream) Recv() (*flight.FlightData, error) {
	_, err := s.FlightService_DoPutClient.Recv()
	return new(flight.FlightData), err
}

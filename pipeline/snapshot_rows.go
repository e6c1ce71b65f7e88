package pipeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// EntityRows is SQL that makes entity rows of a snapshot: the keys of a day's
// rows, the day as event_timestamp, and a column of the snapshot where label is
// not "".
func (s *SnapshotStep) EntityRows(day time.Time, label string) string {
	columns := sqltext.Names(s.Table.Key)
	order := strings.Join(columns, ", ")
	columns = append(columns, sqltext.Name(asof.AsOfColumn)+" AS "+asof.EventTimestamp)
	if label != "" {
		columns = append(columns, sqltext.Name(label))
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s = DATE '%s' ORDER BY %s", strings.Join(columns, ", "), sqltext.Name(s.Table.Name), sqltext.Name(asof.AsOfColumn), day.Format(time.DateOnly), order)
}

package monitor

import (
	"fmt"
	"strings"
)

// Notes says of a feature which categories came and went, whether it says
// nothing any more, and how exact its profile is.
func Notes(f *Feature) (notes []string) {
	if len(f.New) > 0 {
		notes = append(notes, "new: "+strings.Join(f.New, ", "))
	}
	if len(f.Vanished) > 0 {
		notes = append(notes, "vanished: "+strings.Join(f.Vanished, ", "))
	}
	if f.Current.AllNull() && !f.Reference.AllNull() {
		notes = append(notes, "it is NULL in all rows")
	}
	if f.Current.Constant() && !f.Reference.Constant() {
		notes = append(notes, "it is the same in all rows")
	}
	if f.Current.Sampled > 0 {
		notes = append(notes, fmt.Sprintf("quantiles and frequent values are those of %d rows, the level of a quantile is off by %.2g at most", f.Current.Sampled, f.Current.RankError))
	}
	return notes
}

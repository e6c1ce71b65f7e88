package asof

// Progress hears how far a step is: its name, how much of how much is done (a
// total of 0 is not known), in rows. It may be called from several goroutines
// at once; Report is how to call one that may be nil.
type Progress func(step string, done, total int64)

// Report tells p, where there is one.
func (p Progress) Report(step string, done, total int64) {
	if p != nil {
		p(step, done, total)
	}
}

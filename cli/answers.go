package cli

import (
	"log/slog"

	"github.com/asof-dev/asof/answerlog"
)

// answers begins the log of what the repository's servers answer, which is
// written to its end when the repository is closed; nil where nothing is logged.
func (r *repository) answers() *answerlog.Log {
	a := r.config.Asof.Answers
	if !a.Services && a.Sample == 0 {
		return nil
	}
	log := answerlog.New(answerlog.Options{Services: a.Services, Dir: r.config.Dir, Rate: a.Sample, Folder: r.answersFolder(), Keyless: a.Keyless, Most: a.MaxBytes,
		Flush: a.Flush, Log: slog.Default()})
	r.sharing.Lock()
	defer r.sharing.Unlock()
	r.closers = append(r.closers, log)
	return log
}

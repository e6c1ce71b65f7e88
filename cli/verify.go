package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/verify"
)

type verifyFlags struct {
	at     string
	sample int
	seed   uint64
	limit  int
	output string

	metricsFile string
}

func (a *app) verifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [VIEW…]",
		Short: "Hold what is online against the point-in-time answer",
		Long: "Compares, key by key, the newest row that a view's source has, up to where the view was\n" +
			"materialized, with the row that is online, and says why they differ. Ends with 1 where\n" +
			"any do. Without views it takes all that are materialized.",
		Example: a.example("-c my_project verify", "-c my_project verify usage_agg_30d_fv --sample 10000", "-c my_project verify --at 2024-02-01 --output json"),
		RunE: func(cmd *cobra.Command, views []string) error {
			if flags.output != "table" && flags.output != "json" {
				return badOutput(flags.output, "table", "json")
			}
			if flags.sample < 0 || flags.limit < 0 {
				return usagef(cmd.CommandPath()+" --help", "--sample and --limit take a number, or 0 for all keys and for none of them")
			}
			if flags.metricsFile != "" && filepath.Ext(flags.metricsFile) != ".prom" {
				return usagef(cmd.CommandPath()+" --help", "--metrics-file is %q; node_exporter reads files that end in .prom", flags.metricsFile)
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.verify(cmd.Context(), views, flags) })
		},
	}
	cmd.Flags().StringVar(&flags.at, "at", "", "compare with the answer at this time instead")
	cmd.Flags().IntVar(&flags.sample, "sample", 0, "compare so many keys of each view; 0 is all")
	cmd.Flags().Uint64Var(&flags.seed, "seed", 0, "which sample: the same seed takes the same keys")
	cmd.Flags().IntVar(&flags.limit, "limit", 20, "show so many mismatches of each view")
	cmd.Flags().StringVar(&flags.metricsFile, "metrics-file", "", "write the counts to this file too, for the textfile collector of Prometheus' node_exporter")
	outputFlag(cmd, &flags.output)
	return cmd
}

func (r *repository) verify(ctx context.Context, views []string, flags verifyFlags) error {
	progress, end := r.app.progress()
	v, err := r.verifier(ctx, progress, flags)
	var results []verify.Result
	if err == nil {
		results, err = v.Verify(ctx, views)
	}
	end()
	if err != nil {
		return err
	}
	if flags.output == "json" {
		err = printJSON(r.app.stdio.Out, verifiedJSON(results))
	} else {
		err = r.app.printVerified(results)
	}
	if err == nil && flags.metricsFile != "" {
		err = metric.WriteVerified(r.app.path(flags.metricsFile), r.config.Project, time.Now(), verifiedMetrics(results))
	}
	if err != nil {
		return err
	}
	var keys, wrong int64
	for _, result := range results {
		keys, wrong = keys+result.Keys, wrong+result.Mismatched()
	}
	if wrong > 0 {
		return asof.Errorf(asof.CodeConflict, "%s of %s online %s not what the sources say", thousands(wrong), count(keys, "key", "keys"), isAre(wrong))
	}
	return nil
}

// verifiedMetrics counts every cause, so that one that is gone shows as 0.
func verifiedMetrics(results []verify.Result) []metric.Verified {
	var list []metric.Verified
	for _, r := range results {
		v := metric.Verified{View: r.View, At: r.At, Keys: r.Keys, Mismatches: map[string]int64{}}
		for _, cause := range verify.Causes {
			v.Mismatches[string(cause)] = r.Causes[cause]
		}
		list = append(list, v)
	}
	return list
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (r *repository) verifier(ctx context.Context, progress asof.Progress, flags verifyFlags) (*verify.Verifier, error) {
	v := &verify.Verifier{Project: r.config.Project, Sample: flags.sample, Seed: flags.seed, Limit: flags.limit,
		DropExpired: r.config.Asof.OnExpired == "drop", Progress: progress}
	var err error
	if flags.at != "" {
		if v.At, err = parseInstant("--at", flags.at); err != nil {
			return nil, err
		}
	}
	if _, err := r.snapshot(ctx); err != nil {
		return nil, err
	}
	if v.Registry, err = r.Registry(ctx); err != nil {
		return nil, err
	}
	r.memory.Store(fillMemory)
	if v.Offline, err = r.Offline(ctx); err != nil {
		return nil, err
	}
	if v.Online, err = r.Online(ctx); err != nil {
		return nil, err
	}
	v.Ledger, err = r.Ledger(ctx)
	return v, err
}

// printVerified prints the mismatches, a feature a line, then the counts.
func (a *app) printVerified(results []verify.Result) error {
	var lines, counts [][]string
	for _, r := range results {
		for _, m := range r.Mismatches {
			lines = append(lines, mismatchLines(r.View, m)...)
		}
		var causes []string
		for _, cause := range verify.Causes {
			if n := r.Causes[cause]; n > 0 {
				causes = append(causes, fmt.Sprintf("%s %s", thousands(n), cause))
			}
		}
		counts = append(counts, []string{r.View, instant{r.At, ""}.String(), strconv.FormatInt(r.Keys, 10), strconv.FormatInt(r.Equal, 10), strconv.FormatInt(r.Ahead, 10),
			strconv.FormatInt(r.Mismatched(), 10), took(r.Took), strings.Join(causes, ", ")})
	}
	if len(lines) > 0 {
		if err := plainTable(a.stdio.Out, []string{"VIEW", "KEY", "CAUSE", "FEATURE", "OFFLINE", "ONLINE"}, lines); err != nil {
			return err
		}
		fmt.Fprintln(a.stdio.Out)
	}
	err := plainTable(a.stdio.Out, []string{"VIEW", "UP TO", "KEYS", "EQUAL", "NEWER", "MISMATCHES", "TIME", "CAUSES"}, counts)
	for _, r := range results {
		for _, note := range append(r.Notes, whys(r.Mismatches)...) {
			fmt.Fprintf(a.stdio.Err, "%s %s: %s\n", paint(a.stdio.Err, yellow, "note:"), r.View, note)
		}
		if shown := int64(len(r.Mismatches)); shown < r.Mismatched() {
			fmt.Fprintf(a.stdio.Err, "%s %s: %s of %s are shown; --limit shows more\n", paint(a.stdio.Err, yellow, "note:"),
				r.View, thousands(shown), count(r.Mismatched(), "mismatch", "mismatches"))
		}
	}
	return err
}

// whys says of each cause why the first key has it.
func whys(mismatches []verify.Mismatch) (notes []string) {
	told := map[verify.Cause]bool{}
	for _, m := range mismatches {
		if !told[m.Cause] {
			told[m.Cause] = true
			notes = append(notes, fmt.Sprintf("%s, %s: %s", m.Cause, keyText(m.Key), m.Why))
		}
	}
	return notes
}

func keyText(key []verify.KeyValue) string {
	var keys []string
	for _, k := range key {
		keys = append(keys, k.Name+"="+k.Value)
	}
	return strings.Join(keys, ", ")
}

func mismatchLines(view string, m verify.Mismatch) [][]string {
	side := func(row *verify.Row, i int) string {
		if row == nil {
			return "no row"
		}
		return string(row.Values[i]) + " at " + instant{row.Event, ""}.String()
	}
	var lines [][]string
	for i, feature := range m.Features {
		lines = append(lines, []string{view, keyText(m.Key), string(m.Cause), feature, side(m.Offline, i), side(m.Online, i)})
	}
	return lines
}

// The JSON of asof verify.
type (
	verifiedView struct {
		View       string                 `json:"view"`
		At         instant                `json:"up_to"`
		Keys       int64                  `json:"keys"`
		Equal      int64                  `json:"equal"`
		Ahead      int64                  `json:"newer"`
		Mismatched int64                  `json:"mismatched"`
		Causes     map[verify.Cause]int64 `json:"causes"`
		Mismatches []verifiedMismatch     `json:"mismatches"`
		Notes      []string               `json:"notes,omitempty"`
		Took       elapsed                `json:"seconds"`
	}
	verifiedMismatch struct {
		Key     map[string]string `json:"key"`
		Cause   verify.Cause      `json:"cause"`
		Why     string            `json:"why"`
		Offline *verifiedRow      `json:"offline"`
		Online  *verifiedRow      `json:"online"`
	}
	verifiedRow struct {
		Event  instant                    `json:"event_timestamp"`
		Values map[string]json.RawMessage `json:"values"`
	}
)

func verifiedJSON(results []verify.Result) []verifiedView {
	list := []verifiedView{}
	for _, r := range results {
		v := verifiedView{View: r.View, At: instant{r.At, ""}, Keys: r.Keys, Equal: r.Equal, Ahead: r.Ahead, Mismatched: r.Mismatched(),
			Causes: r.Causes, Mismatches: []verifiedMismatch{}, Notes: r.Notes, Took: elapsed(r.Took / time.Microsecond * time.Microsecond)}
		for _, m := range r.Mismatches {
			key := map[string]string{}
			for _, k := range m.Key {
				key[k.Name] = k.Value
			}
			v.Mismatches = append(v.Mismatches, verifiedMismatch{key, m.Cause, m.Why, verifiedSide(m.Offline, m.Features), verifiedSide(m.Online, m.Features)})
		}
		list = append(list, v)
	}
	return list
}

func verifiedSide(row *verify.Row, features []string) *verifiedRow {
	if row == nil {
		return nil
	}
	side := &verifiedRow{Event: instant{row.Event, ""}, Values: map[string]json.RawMessage{}}
	for i, f := range features {
		side.Values[f] = row.Values[i]
	}
	return side
}

package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// table prints a store's cells. Ratios are medians of the turns' ratios; CPU is
// what a request takes of the server's time, which other load disturbs least.
type table struct{ w *tabwriter.Writer }

func newTable(store string) table {
	t := table{tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)}
	fmt.Fprintf(t.w, "\n%s\tfeatures\tentities\tconnections\tfloor/s\tasof/s\tto the floor\tfloor p50\tp99\tasof p50\tp99\tp99 to the floor's\tfloor CPU\tasof CPU\tFeast/s\tasof to Feast\t\n", store)
	return t
}

func (t table) print() { t.w.Flush() }

func (t table) add(c cell, contenders []*contender) {
	floor, ours := contenders[0], contenders[1]
	fmt.Fprintf(t.w, "\t%d\t%d\t%d\t%.0f\t%.0f\t%.2f\t%s\t%s\t%s\t%s\t%.2f\t%s\t%s\t", c.features, c.entities, c.connections,
		median(floor, rate), median(ours, rate), ratio(ours, floor, rate),
		shown(median(floor, p50)), shown(median(floor, p99)), shown(median(ours, p50)), shown(median(ours, p99)), ratio(ours, floor, p99),
		floor.costs.each(), ours.costs.each())
	if len(contenders) > 2 {
		fmt.Fprintf(t.w, "%.0f\t%.1f\t\n", median(contenders[2], rate), ratio(ours, contenders[2], rate))
	} else {
		fmt.Fprint(t.w, "\t\t\n")
	}
}

func rate(r result) float64 { return r.perSecond }
func p50(r result) float64  { return float64(r.p50) }
func p99(r result) float64  { return float64(r.p99) }

func median(c *contender, of func(result) float64) float64 {
	all := make([]float64, len(c.results))
	for i, r := range c.results {
		all[i] = of(r)
	}
	return middle(all)
}

func ratio(a, b *contender, of func(result) float64) float64 {
	all := make([]float64, len(a.results))
	for i := range all {
		all[i] = of(a.results[i]) / of(b.results[i])
	}
	return middle(all)
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func shown(ns float64) string {
	return time.Duration(ns).Round(10 * time.Microsecond).String()
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/receipt"
)

func (a *app) datasetListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the training sets that were written, newest first",
		Long: "Lists the training sets that have a receipt, and the saved datasets of the registry, which Feast's\n" +
			"SDK writes; the newest first.",
		Example: a.example("-c my_project dataset list", "-c my_project dataset list --output json"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				list, err := r.datasets(cmd.Context())
				if err != nil {
					return err
				}
				return a.printDatasets(output, list)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// dataset is a training set in the list: one that has a receipt, or one that
// is saved in the registry.
type dataset struct {
	made     time.Time
	receipt  *receiptLine
	saved    *savedLine
	features string
}

// receiptLine and savedLine are what --output json prints.
type receiptLine struct {
	Kind  string        `json:"kind"` // receipt
	State receipt.State `json:"state"`
	*receipt.Receipt
}

type savedLine struct {
	Kind      string     `json:"kind"` // saved
	Name      string     `json:"name"`
	Features  []string   `json:"features"`
	Service   string     `json:"feature_service,omitempty"`
	FullNames bool       `json:"full_feature_names,omitempty"`
	JoinKeys  []string   `json:"join_keys"`
	Storage   string     `json:"storage"`
	Created   time.Time  `json:"created"`
	Oldest    *time.Time `json:"oldest,omitempty"`
	Newest    *time.Time `json:"newest,omitempty"`
}

// datasets returns the training sets, newest first.
func (r *repository) datasets(ctx context.Context) ([]dataset, error) {
	kept, err := r.receipts().List()
	if err != nil {
		return nil, err
	}
	tables := r.datasetTables(ctx, kept)
	list := []dataset{}
	for _, d := range kept {
		list = append(list, dataset{d.Finished, &receiptLine{"receipt", d.State(r.config.Dir, tables), d}, nil, featuresOf(d.Request.Service, d.Request.Features)})
	}
	saved, err := r.savedDatasets(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list, saved...)
	slices.SortStableFunc(list, func(a, b dataset) int { return cmp.Compare(b.made.UnixNano(), a.made.UnixNano()) })
	return list, nil
}

// savedDatasets reads the registry; one that holds no project has none.
func (r *repository) savedDatasets(ctx context.Context) ([]dataset, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := registry.Snapshot(ctx, r.config.Project)
	if err != nil {
		return nil, err
	}
	var list []dataset
	for _, o := range snapshot.Objects(asof.KindSavedDataset) {
		d, err := feastconv.SavedDatasetOf(o.(*asof.Opaque))
		if err != nil {
			return nil, err
		}
		storage := "table " + d.Storage
		if d.IsFile {
			storage = "file " + d.Storage
		}
		list = append(list, dataset{made: d.Created, features: featuresOf(d.Service, d.Features),
			saved: &savedLine{"saved", d.Name, d.Features, d.Service, d.FullNames, d.JoinKeys, storage, d.Created, timePointer(d.Oldest), timePointer(d.Newest)}})
	}
	return list, nil
}

func timePointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *app) printDatasets(output string, list []dataset) error {
	if output == "json" {
		lines := make([]any, len(list))
		for i, d := range list {
			if lines[i] = d.receipt; d.saved != nil {
				lines[i] = d.saved
			}
		}
		return printJSON(a.stdio.Out, lines)
	}
	rows := make([][]string, len(list))
	for i, d := range list {
		made := d.made.UTC().Format(time.RFC3339)
		if s := d.saved; s != nil {
			rows[i] = []string{"saved", s.Name, s.Storage, "-", made, "-", "-", strings.Join(s.JoinKeys, ","), d.features, "-"}
			continue
		}
		r := d.receipt
		place := "file " + r.Output
		if r.Table != "" {
			place = "table " + r.Table
		}
		rows[i] = []string{"receipt", r.ID, place, string(r.State), made, strconv.FormatInt(r.Rows, 10), strconv.Itoa(len(r.Columns)),
			strings.Join(joinKeysOf(r.Receipt), ","), d.features, short(r.Content)}
	}
	return plainTable(a.stdio.Out, []string{"KIND", "ID", "WHERE", "STATE", "MADE", "ROWS", "COLUMNS", "JOIN KEYS", "FEATURES", "CONTENT"}, rows)
}

// datasetTables returns the tables of training sets that the warehouse has. Where
// it can't be asked that is said, and nil.
func (r *repository) datasetTables(ctx context.Context, list []*receipt.Receipt) map[string]string {
	if !slices.ContainsFunc(list, func(d *receipt.Receipt) bool { return d.Table != "" }) {
		return nil
	}
	tables, err := r.replaced(ctx)
	if err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s the tables of training sets can't be looked up: %s\n", paint(r.app.stdio.Err, yellow, "warning:"), err)
	}
	return tables
}

// replaced returns the tables of training sets by name, with their IDs; not nil
// where the warehouse answers.
func (r *repository) replaced(ctx context.Context) (map[string]string, error) {
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := warehouse.Replaced(ctx)
	if err == nil && tables == nil {
		tables = map[string]string{}
	}
	return tables, err
}

func featuresOf(service string, features []string) string {
	if service != "" {
		return service
	}
	return count(int64(len(features)), "feature", "features")
}

// joinKeysOf returns the entity rows' columns by which the views were joined,
// each once.
func joinKeysOf(d *receipt.Receipt) []string {
	var keys []string
	for _, v := range d.Views {
		for _, k := range v.Keys {
			if name, _, _ := strings.Cut(k, " = "); !slices.Contains(keys, name) {
				keys = append(keys, name)
			}
		}
	}
	return keys
}

// short is the beginning of a hash, enough to tell two apart by eye.
func short(hash string) string { return hash[:min(len(hash), len("sha256:")+12)] }

package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

func (a *app) onlineCommand() *cobra.Command {
	var entities, features []string
	var service, output string
	var fullNames bool
	cmd := &cobra.Command{
		Use:     "get-online-features -e KEY=VALUE -f VIEW:FEATURE",
		Short:   "Print online feature values",
		Long:    "Prints the newest values of features, by key, as Feast does. Several values of a key are\nseveral rows; --output table and json show them a row a line.",
		Example: a.example("-c my_project get-online-features -e user_id=3413-BMNZE -f subs_profile_fv:monthly_fee"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			request := serving.Request{Selection: serving.Selection{Features: features, Service: service, FullNames: fullNames}}
			if len(features) == 0 && service == "" {
				return usagef(cmd.CommandPath()+" --help", "say which features: -f VIEW:FEATURE, once for each, or --feature-service NAME")
			}
			var err error
			if request.Entities, err = entityColumns(entities); err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				reader, err := r.reader(cmd.Context())
				if err != nil {
					return err
				}
				answer, err := reader.Read(cmd.Context(), &request)
				if err != nil {
					return err
				}
				defer answer.Release()
				if err := a.printAnswer(output, answer); err != nil {
					return err
				}
				if foundNothing(answer) {
					fmt.Fprintf(a.stdio.Err, "%s no view has a row of any of these keys: are they right, and were the views materialized? `%s materializations` tells\n",
						paint(a.stdio.Err, yellow, "note:"), a.name)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVarP(&entities, "entities", "e", nil, "a key and its value: user_id=3413-BMNZE")
	cmd.Flags().StringArrayVarP(&features, "features", "f", nil, "a feature: view:feature")
	cmd.Flags().StringVar(&service, "feature-service", "", "the features of a service instead")
	cmd.Flags().BoolVar(&fullNames, "full-feature-names", false, "name features view__feature")
	cmd.Flags().StringVar(&output, "output", "feast", "feast, table or json")
	return cmd
}

// foundNothing reports whether the online store knows none of the keys.
func foundNothing(answer *serving.Answer) bool {
	for column := answer.Keys(); column < answer.Columns(); column++ {
		for row := range answer.Rows() {
			if answer.Status(column, row) != asof.StatusNotFound {
				return false
			}
		}
	}
	return answer.Rows() > 0
}

// entityColumns turns key=value words into columns, in the order in which the
// keys were first given.
func entityColumns(words []string) ([]serving.Column, error) {
	var columns []serving.Column
	for _, word := range words {
		key, text, ok := strings.Cut(word, "=")
		if !ok || key == "" {
			return nil, usagef("", "-e %q: write KEY=VALUE", word)
		}
		i := 0
		for i < len(columns) && columns[i].Name != key {
			i++
		}
		if i == len(columns) {
			columns = append(columns, serving.Column{Name: key})
		}
		columns[i].Values = append(columns[i].Values, serving.Text(text))
	}
	return columns, nil
}

// printAnswer prints an answer as Feast's command does, or a row a line.
func (a *app) printAnswer(output string, answer *serving.Answer) error {
	switch output {
	case "feast":
		_, err := a.stdio.Out.Write(append(answer.AppendDict(nil), '\n'))
		return err
	case "table":
		headers, rows := answer.Table()
		return plainTable(a.stdio.Out, headers, rows)
	case "json":
		rows := make([]json.RawMessage, answer.Rows())
		for i := range rows {
			rows[i] = answer.AppendEntity(nil, i)
		}
		return printJSON(a.stdio.Out, rows)
	}
	return badOutput(output, "feast", "table", "json")
}

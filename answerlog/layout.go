package answerlog

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/serving"
)

// Feast's names of what stands behind a feature, and behind all columns.
const (
	eventSuffix  = "__timestamp"
	statusSuffix = "__status"
	logTime      = "__log_timestamp"
	logDate      = "__log_date"
	requestID    = "__request_id"
)

// column is a join key, a column of the request, or a feature, behind which its
// event time and its status stand.
type column struct {
	name    string
	typ     asof.Type
	feature bool
}

// layout is what the files of a folder hold, in Feast's form.
type layout struct {
	folder  string
	by      []string // columns that divide the folder
	columns []column
	schema  *arrow.Schema
	key     string // tells layouts apart: services may share a folder, and definitions change
}

// part is what of an answer goes to one folder: for each column of the layout
// where it comes from.
type part struct {
	*layout
	from []source
}

// source is a place in an answer: a feature by its number, or a join key or
// something the request sent by its name; neither for what was not asked for.
type source struct {
	feature int
	name    string
}

var unasked = source{feature: -1}

// add adds a column unless there is one of its name.
func (p *part) add(c column, from source) {
	at := slices.IndexFunc(p.columns, func(other column) bool { return other.name == c.name })
	if at < 0 {
		p.columns, p.from = append(p.columns, c), append(p.from, from)
	} else if from != unasked {
		p.from[at] = from
	}
}

// finish makes the schema.
func (p *part) finish() *part {
	var fields []arrow.Field
	add := func(name string, t arrow.DataType) {
		fields = append(fields, arrow.Field{Name: name, Type: t, Nullable: true})
	}
	for _, c := range p.columns {
		if add(c.name, inSeconds(c.typ.Arrow())); c.feature {
			add(c.name+eventSuffix, arrow.FixedWidthTypes.Timestamp_s)
			add(c.name+statusSuffix, arrow.PrimitiveTypes.Int32)
		}
	}
	add(logTime, asof.Timestamp)
	add(logDate, arrow.FixedWidthTypes.Date32)
	add(requestID, arrow.BinaryTypes.String)
	p.schema = arrow.NewSchema(fields, nil)
	p.key = p.folder + "\n" + p.schema.String()
	return p
}

// service returns how answers to a feature service are kept, and which share of
// them; nil where its logging_config does not say, or not what can be done here.
func (l *Log) service(s *serving.Selected) (*part, float64) {
	if s.Service == nil || !l.Services {
		return nil, 0
	}
	config := feastconv.Logging(s.Service)
	if config.GetDestination() == nil {
		return nil, 0
	}
	trouble := fmt.Sprintf("answers to feature service %q are not logged as its logging_config says", s.Service.Name)
	to := config.GetFileDestination()
	if to == nil {
		l.warn(trouble, asof.Errorf(asof.CodeInvalid, "only folders of files are written here; make its destination FileLoggingDestination"))
		return nil, 0
	}
	folder, err := feastconv.LocalPath(l.Dir, to.GetPath())
	if err != nil {
		l.warn(trouble, err)
		return nil, 0
	}
	p := &part{layout: &layout{folder: folder, by: to.GetPartitionBy()}}
	for i := range s.Service.Projections {
		p.project(s, &s.Service.Projections[i])
	}
	p.finish()
	for _, name := range p.by {
		if !p.schema.HasField(name) {
			l.warn(trouble, asof.Errorf(asof.CodeInvalid, "its logs have no column %q to be divided by", name))
			return nil, 0
		}
	}
	return p, float64(config.GetSampleRate())
}

// project adds the columns of a view of a service.
func (p *part) project(s *serving.Selected, use *asof.Projection) {
	switch v := s.Snapshot.Object(asof.KindFeatureView, use.View).(type) {
	case *asof.FeatureView:
		for _, k := range v.EntityColumns {
			if k.Name == asof.DummyJoinKey {
				continue
			}
			name := k.Name
			if mapped := use.JoinKeyMap[name]; mapped != "" {
				name = mapped
			}
			p.add(column{name: name, typ: k.Type}, source{-1, name})
		}
	default:
		if v, ok := s.Snapshot.Object(asof.KindOnDemandView, use.View).(*asof.OnDemandFeatureView); ok {
			for _, source := range v.Sources {
				p.request(source.Request)
			}
		}
	}
	for _, f := range use.Features {
		at := slices.IndexFunc(s.Features, func(one serving.SelectedFeature) bool { return one.Prefix == use.Name() && one.Name == f.Name })
		p.add(column{PrefixOf(use) + "__" + f.Name, f.Type, true}, source{feature: at})
	}
}

func (p *part) request(r *asof.DataSource) {
	if r == nil {
		return
	}
	for _, f := range r.Schema {
		p.add(column{name: f.Name, typ: f.Type}, source{-1, f.Name})
	}
}

// PrefixOf returns what stands before the names of a projection's features in
// logs: as Feast names it, with the version that it was pinned to.
func PrefixOf(use *asof.Projection) string {
	if use.VersionTag != nil {
		return fmt.Sprintf("%s@v%d", use.Name(), *use.VersionTag)
	}
	return use.Name()
}

// views returns how answers are kept by view: each with its join keys and all of
// its features, those that were asked for or not. A view that is asked for under
// several names is several times there.
func (l *Log) views(s *serving.Selected) []part {
	var parts []part
	places := map[string]int{} // by prefix
	for i, f := range s.Features {
		at, ok := places[f.Prefix]
		if !ok {
			at = len(parts)
			places[f.Prefix] = at
			parts = append(parts, part{layout: &layout{folder: ViewFolder(l.Folder, f.View)}})
			for _, k := range f.Keys {
				if k.Name != asof.DummyJoinKey && !l.Keyless {
					parts[at].add(column{name: k.Name, typ: k.Type}, source{-1, k.Column})
				}
			}
			for _, other := range featuresOf(s.Snapshot, f.View) {
				parts[at].add(column{f.View + "__" + other.Name, other.Type, true}, unasked)
			}
		}
		parts[at].add(column{f.View + "__" + f.Name, f.Type, true}, source{feature: i})
	}
	for i := range parts {
		parts[i].finish()
	}
	return parts
}

// featuresOf returns the features of a view, of whichever kind.
func featuresOf(s *asof.Snapshot, view string) []asof.Field {
	switch v := s.Object(asof.KindFeatureView, view).(type) {
	case *asof.FeatureView:
		return v.Features
	}
	if v, ok := s.Object(asof.KindOnDemandView, view).(*asof.OnDemandFeatureView); ok {
		return v.Features
	}
	return nil
}

// ViewFolder returns where the answers of a view are kept in a folder of all.
func ViewFolder(folder, view string) string {
	return filepath.Join(folder, strings.ReplaceAll(url.PathEscape(view), ".", "%2E"))
}

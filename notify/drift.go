package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Drift is a view whose verdict has changed: it has drifted, or has no more.
type Drift struct {
	Before asof.Verdict // "" where there was none
	Now    asof.ViewDrift
	At     time.Time // when that was found
}

// Drifted tells the targets that want to know it. It does not block.
func (n *Notifier) Drifted(d Drift) {
	if len(n.options.Targets) > 0 {
		n.tell(happening{drift: &d})
	}
}

func (d Drift) id() string {
	return fmt.Sprintf("drift-%s-%s-%s%s-%d-%s", d.Now.Project, d.Now.View, d.Now.Reference.Source, d.Now.Reference.Name, d.Now.Current.To.Unix(), d.Now.Verdict)
}

// wantedBy leaves out OpenLineage, which knows runs alone.
func (d Drift) wantedBy(t *Target) bool { return t.Drift && t.Format != OpenLineage }

// mostFeatures bounds of how many features a message says why they drifted.
const mostFeatures = 20

func (d Drift) body(format Format) ([]byte, error) {
	if format == Slack {
		return json.Marshal(map[string]string{"text": d.text()})
	}
	data := driftData{Project: d.Now.Project, View: d.Now.View, Verdict: d.Now.Verdict, Reference: d.Now.Reference, Current: d.Now.Current,
		Drifted: d.Now.Drifted, Compared: d.Now.Compared, Features: []asof.FeatureDrift{}}
	if d.Before != "" {
		data.Before = &d.Before
	}
	data.Features = append(data.Features, d.features()...)
	return json.Marshal(driftBody{"view." + string(d.Now.Verdict), d.At.UTC(), data})
}

// driftBody is the form of JSON, as of runs.
type driftBody struct {
	Type string    `json:"type"` // "view.drifted", "view.stable"
	At   time.Time `json:"timestamp"`
	Data driftData `json:"data"`
}

type driftData struct {
	Project   string              `json:"project"`
	View      string              `json:"feature_view"`
	Verdict   asof.Verdict        `json:"verdict"`
	Before    *asof.Verdict       `json:"before"`
	Reference asof.DriftSide      `json:"reference"`
	Current   asof.DriftSide      `json:"current"`
	Drifted   int64               `json:"drifted"`
	Compared  int64               `json:"compared"`
	Features  []asof.FeatureDrift `json:"features"` // those that drifted
}

// features returns those that drifted, so many as a message says.
func (d Drift) features() (list []asof.FeatureDrift) {
	for _, f := range d.Now.Features {
		if f.Verdict == asof.VerdictDrifted && len(list) < mostFeatures {
			list = append(list, f)
		}
	}
	return list
}

// text returns the message in Slack's markup.
func (d Drift) text() string {
	name := escaped.Replace(d.Now.Project + "/" + d.Now.View)
	until := d.Now.Current.To.UTC().Format(time.DateOnly)
	if d.Now.Verdict != asof.VerdictDrifted {
		return fmt.Sprintf(":white_check_mark: *%s* has not drifted any more, up to %s", name, until)
	}
	var why strings.Builder
	for _, f := range d.features() {
		fmt.Fprintf(&why, "%s: %s\n", f.Feature, strings.Join(f.Reasons, "; "))
	}
	return fmt.Sprintf(":warning: *%s* has drifted up to %s: %d of %d features\n```%s```", name, until, d.Now.Drifted, d.Now.Compared, escaped.Replace(cut(strings.TrimSpace(why.String()))))
}

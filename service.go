package asof

// FeatureService is a named choice of features, what one model uses.
type FeatureService struct {
	Name        string
	Projections []Projection
	Description string
	Tags        map[string]string
	Owner       string
	Precompute  bool
	Logging     []byte // Feast's LoggingConfig message, kept as it is
	Meta        Meta
}

// Projection is a view as a service or an on-demand view uses it: some of its
// features, perhaps under another name and with other join keys.
type Projection struct {
	View       string            // the view's name
	Alias      string            // "" for the view's own name
	Features   []Field           // in the order chosen
	JoinKeyMap map[string]string // the view's join key → the entity rows' column
	VersionTag *int32
}

// Name returns the alias, else the view's name: the prefix of full feature names.
func (p *Projection) Name() string {
	if p.Alias != "" {
		return p.Alias
	}
	return p.View
}

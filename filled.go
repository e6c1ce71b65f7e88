package asof

// Filled returns the named views, or all that are filled from their sources:
// those that are online, enabled, and have a batch source with a timestamp. A
// view that is named has to be one of them; each comes once.
func (s *Snapshot) Filled(names []string) ([]*FeatureView, error) {
	var views []*FeatureView
	if len(names) == 0 {
		for _, v := range s.Views() {
			if v.unfilled() == nil {
				views = append(views, v)
			}
		}
		if len(views) == 0 {
			return nil, Errorf(CodeInvalid, "the project has no feature view that is online, enabled and read from a source")
		}
		return views, nil
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		if s.Object(KindOnDemandView, name) != nil {
			return nil, Errorf(CodeInvalid, "%q is an on demand feature view: it is computed when it is read, and not materialized", name)
		}
		v, err := s.View(name)
		if err != nil {
			return nil, err
		}
		if err := v.unfilled(); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// unfilled says why a view is not filled from its source.
func (v *FeatureView) unfilled() error {
	switch {
	case !v.Enabled:
		return Errorf(CodeInvalid, "feature view %q is disabled and is not materialized: `feature-views enable %s`, or enabled=True in its definition and `apply`", v.Name, v.Name)
	case v.State == StateCreated:
		return Errorf(CodeInvalid, "feature view %q is in state %s, which no materialization follows: `feature-views set-state %s %s` first", v.Name, v.State, v.Name, StateGenerated)
	case !v.Online:
		return Errorf(CodeInvalid, "feature view %q has online=False and is not kept in the online store", v.Name)
	}
	q, err := v.Query()
	if err != nil {
		return err
	}
	if q.Timestamp == "" {
		return Errorf(CodeInvalid, "feature view %q: its source %q has no timestamp_field, by which rows are materialized", v.Name, q.Source.Name)
	}
	return nil
}

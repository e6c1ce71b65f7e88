package postgres

// OnStep has step called at each step of publishing.
func (w *Warehouse) OnStep(step func(name string)) { w.step = step }

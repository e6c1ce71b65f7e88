package verify

// ReadFewer makes reads of so many keys, instead of thousands.
func ReadFewer(keys int) (undo func()) {
	usual := keysPerRead
	keysPerRead = keys
	return func() { keysPerRead = usual }
}

package serving

// Send takes a part of an answer: texts that follow one another. They are valid
// until it returns, and so is the list of them, which it may change. Length is
// how long the whole answer is in bytes, 0 where that is not known.
type Send func(texts [][]byte, length int)

// outgoing is an answer on its way out. The ends of columns, which are most of a
// large answer, are alike: they are not copied into the text but named between
// its pieces.
type outgoing struct {
	text  []byte
	cuts  []cut
	texts [][]byte
	begun bool // a part has been sent
}

// cut is where an end goes into the text, and its place in tails.text.
type cut struct{ at, start, end int }

const (
	rowsApart = 32      // for fewer, ends are so short that it is quicker to copy them
	maxText   = 2 << 20 // the length of an answer with more text is not known before it is sent
)

func (o *outgoing) begin() { o.text, o.cuts, o.begun = o.text[:0], o.cuts[:0], false }

// full reports whether there is enough for a part.
func (o *outgoing) full() bool { return len(o.text) >= maxText }

// leave sends what there is. What is sent first and last at once is the whole.
func (o *outgoing) leave(send Send, tails []byte, last bool) {
	length, from := len(o.text), 0
	o.texts = o.texts[:0]
	for _, c := range o.cuts {
		o.texts = append(o.texts, o.text[from:c.at], tails[c.start:c.end])
		length += c.end - c.start
		from = c.at
	}
	o.texts = append(o.texts, o.text[from:])
	if o.begun || !last {
		length = 0
	}
	send(o.texts, length)
	o.text, o.cuts, o.begun = o.text[:0], o.cuts[:0], true
}

package chart

import (
	"html/template"
	"strings"
	"unicode/utf8"
)

// Calendar is a table of small cells: a row for what is looked at, or for a
// month, a column for each month, or day.
type Calendar struct {
	Columns []Column
	Rows    []Row
}

// Column is the heading of a column. Over is written above the first of the
// columns that have the same: the year of months.
type Column struct{ Title, Over string }

// Row is a row with a cell for each column; of fewer cells the rest is empty.
type Row struct {
	Title, Href string // a link where it has an address
	Cells       []Cell
}

// Cell is one place. Mark is a letter or sign in it, so that colours alone say
// nothing; Text says all of it to who points at it, or hears the page read. A
// cell without Text is drawn and not told.
type Cell struct {
	Class, Mark, Text string
	Href              string // "" is no link
}

// The sizes of a calendar. A title of calendarTitle letters fits beside it.
const (
	cellWidth     = 34
	cellHeight    = 26
	cellGap       = 3
	calendarHead  = 44
	calendarTitle = 30
	letterWidth   = 8
)

// placedCalendar is a calendar with places, in pixels.
type placedCalendar struct {
	Width, Height int
	Heads         []Text
	Rows          []placedRow
}

type placedRow struct {
	Row
	Short string // the title as it fits
	Y, TY int
	Cells []placedCell
}

type placedCell struct {
	Cell
	X, Y, W, H, TX, TY int
}

// SVG returns the drawing as an element of a page; the page scrolls what is
// wider than itself.
func (c Calendar) SVG() template.HTML {
	var out strings.Builder
	if err := templates.ExecuteTemplate(&out, "calendar.svg", c.place()); err != nil {
		panic(err) // of a template that a test draws
	}
	return template.HTML(out.String())
}

// place turns the calendar into pixels.
func (c Calendar) place() placedCalendar {
	letters := 0
	for _, row := range c.Rows {
		letters = max(letters, min(utf8.RuneCountInString(row.Title), calendarTitle))
	}
	left := letters*letterWidth + margin
	p := placedCalendar{Width: left + len(c.Columns)*(cellWidth+cellGap) + margin, Height: calendarHead + len(c.Rows)*(cellHeight+cellGap) + margin}
	over := ""
	for i, column := range c.Columns {
		x := left + i*(cellWidth+cellGap)
		if column.Over != over || i == 0 {
			over = column.Over
			p.Heads = append(p.Heads, Text{Line{Text: over}, x, 16})
		}
		p.Heads = append(p.Heads, Text{Line{Text: column.Title}, x + 4, 36})
	}
	for i, row := range c.Rows {
		y := calendarHead + i*(cellHeight+cellGap)
		placed := placedRow{Row: row, Short: shortened(row.Title, calendarTitle), Y: y, TY: y + cellHeight - 8}
		for n, cell := range row.Cells[:min(len(row.Cells), len(c.Columns))] {
			x := left + n*(cellWidth+cellGap)
			placed.Cells = append(placed.Cells, placedCell{cell, x, y, cellWidth, cellHeight, x + cellWidth/2, y + cellHeight - 8})
		}
		p.Rows = append(p.Rows, placed)
	}
	return p
}

// shortened cuts a text to so many letters.
func shortened(text string, letters int) string {
	if utf8.RuneCountInString(text) <= letters {
		return text
	}
	return string([]rune(text)[:letters-1]) + "…"
}

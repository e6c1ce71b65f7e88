package chart

import (
	"html/template"
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
	Heads         []head
	Rows          []placedRow
}

type head struct {
	Text string
	X, Y int
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
func (c Calendar) SVG() template.HTML { return svg("calendar.svg", c.place()) }

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
			p.Heads = append(p.Heads, head{over, x, 16})
		}
		p.Heads = append(p.Heads, head{column.Title, x + 4, 36})
	}
	for i, row := range c.Rows {
		y := calendarHead + i*(cellHeight+cellGap)
		placed := placedRow{Row: row, Short: Shortened(row.Title, calendarTitle), Y: y, TY: y + cellHeight - 8}
		for n, cell := range row.Cells[:min(len(row.Cells), len(c.Columns))] {
			x := left + n*(cellWidth+cellGap)
			placed.Cells = append(placed.Cells, placedCell{cell, x, y, cellWidth, cellHeight, x + cellWidth/2, y + cellHeight - 8})
		}
		p.Rows = append(p.Rows, placed)
	}
	return p
}

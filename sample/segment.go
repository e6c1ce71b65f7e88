package sample

// segment is a kind of customer: what they subscribe to, and so what they pay,
// watch and whether they leave.
type segment struct {
	netService, contract string

	count        int     // of 7,043
	months       float64 // the mean time as a customer
	streamTV     float64 // the share that streams TV; of movies likewise
	extras       float64 // the share of the five 5-dollar extras taken
	paperless    float64 // the share without paper bills
	churnJanuary float64 // the share that left in the first month
}

const (
	dsl, fiber, noService              = "DSL", "Fiber optic", "No"
	monthToMonth, oneYear, twoYear     = "Month-to-month", "One year", "Two year"
	segmentTotal                   int = 7043
)

// segments adds up to segmentTotal, and by netService and by contract to what
// StreamFlow has. The first is that of the known user.
var segments = []segment{
	{dsl, monthToMonth, 1223, 15.7, 0.25, 0.24, 0.59, 0.322},
	{dsl, oneYear, 570, 40.5, 0.45, 0.52, 0.53, 0.093},
	{dsl, twoYear, 628, 59.1, 0.65, 0.72, 0.49, 0.019},
	{fiber, monthToMonth, 2128, 21.6, 0.47, 0.30, 0.79, 0.546},
	{fiber, oneYear, 539, 52.1, 0.74, 0.55, 0.74, 0.193},
	{fiber, twoYear, 429, 65.2, 0.82, 0.73, 0.71, 0.072},
	{noService, monthToMonth, 524, 9.1, 0, 0, 0.33, 0.189},
	{noService, oneYear, 364, 29.6, 0, 0, 0.27, 0.025},
	{noService, twoYear, 638, 48.7, 0, 0, 0.27, 0.008},
}

// segmentOf returns the segment of the customer with this rank of 0..users-1.
// Segments get their shares of any number of users, rounded; the first always
// gets somebody.
func segmentOf(rank, users int) *segment {
	end := 0
	for i := range segments {
		end += segments[i].count
		if rank < (end*users+segmentTotal-1)/segmentTotal {
			return &segments[i]
		}
	}
	panic("sample: rank outside of the users")
}

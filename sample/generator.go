package sample

import (
	"math"
	"math/rand/v2"
	"time"
)

// The user that StreamFlow's team looks up by hand, and what they know of it.
const (
	knownUser      = "3413-BMNZE"
	knownIndex     = 0
	knownMonths    = 1
	knownFee       = 45_25
	knownSignupDay = 5
)

var knownWatchHours = []float64{32.0919931169304, 32.0431934762757} // January, February

// avgSessionMins is the same for everyone: a feature without information.
const avgSessionMins = 29.14104464084511

// profile is what a user has in users.csv and subscriptions.csv. Money is in
// cents.
type profile struct {
	id                         []byte
	signup                     time.Time
	gender                     string
	senior, family, dependents bool
	months                     int
	tv, movies                 bool // unset where segment.netService is No
	paperless                  bool
	fee, paid                  int
	segment                    *segment
}

// activity is what a user has in the four other files of a month.
type activity struct {
	watchHours               float64
	devices, skips, rebuffer int
	failedPayments, tickets  int
	resolutionTenths         int // of an hour
	churned                  bool
}

// generator makes any user of any month from its number. It reuses its memory:
// a profile is good until the next.
type generator struct {
	options Options
	ids     permutation // which id a user has
	ranks   permutation // which place among the segments
	source  rand.PCG
	rand    *rand.Rand
	id      []byte
}

func newGenerator(o Options) *generator {
	g := &generator{options: o}
	g.rand = rand.New(&g.source)
	g.source.Seed(o.Seed, ^uint64(0))
	g.ids = newPermutation(idSpace, 1<<30+g.rand.Uint64N(1<<36), idNumber(knownUser))
	g.ranks = newPermutation(uint64(o.Users), g.rand.Uint64(), 0)
	return g
}

// Each user has streams of random numbers: one for the profile, one for habits
// that last, and from firstMonth on one for each month.
const (
	profileStream = iota
	habitStream
	firstMonth
)

// seed starts a user's stream.
func (g *generator) seed(user, stream int) {
	g.source.Seed(g.options.Seed+uint64(stream)*0x9e3779b97f4a7c15, uint64(user)*0xbf58476d1ce4e5b9)
}

// profile makes a user's profile.
func (g *generator) profile(user int) profile {
	g.seed(user, profileStream)
	g.id = appendID(g.id[:0], g.ids.at(uint64(user)))
	s := segmentOf(int(g.ranks.at(uint64(user))), g.options.Users)
	p := profile{
		id:        g.id,
		segment:   s,
		gender:    "Male",
		senior:    g.chance(0.162),
		family:    g.chance(0.483),
		months:    g.monthsActive(s),
		tv:        g.chance(s.streamTV),
		paperless: g.chance(s.paperless),
	}
	if g.chance(0.495) {
		p.gender = "Female"
	}
	if p.family {
		p.dependents = g.chance(0.52)
	} else {
		p.dependents = g.chance(0.094)
	}
	// Who streams TV mostly streams movies too.
	p.movies = p.tv
	if g.chance(0.57) {
		p.movies = g.chance(s.streamTV)
	}
	p.fee = g.fee(s, p.tv, p.movies)
	day := 1 + g.rand.IntN(28)
	if user == knownIndex {
		p.months, p.fee, p.paperless, p.tv, p.movies = knownMonths, knownFee, false, false, false
		day = knownSignupDay
	}
	p.paid = g.paid(p.months, p.fee)
	first := g.options.First
	p.signup = time.Date(first.Year(), first.Month()-time.Month(p.months), day, 0, 0, 0, 0, time.UTC)
	return p
}

// monthsActive is 0 to 72. Customers by the month are mostly new, those with a
// two-year contract mostly old.
func (g *generator) monthsActive(s *segment) int {
	if g.chance(0.0016) {
		return 0 // signed up this very month
	}
	var months float64
	switch s.contract {
	case monthToMonth:
		months = 1 + g.exponential((s.months-1)*1.06) // the cap takes some back
	case oneYear:
		months = s.months + g.normal(17)
	default:
		months = 72 - g.exponential((72-s.months)*1.06)
	}
	return int(math.Round(min(max(months, 1), 72)))
}

// fee is the price of the plan and what was added to it, to five cents.
func (g *generator) fee(s *segment, tv, movies bool) int {
	var dollars float64
	switch s.netService {
	case noService:
		dollars = 20
		if g.chance(0.22) {
			dollars = 25 // a second line
		}
	case dsl:
		dollars = 45
		if g.chance(0.28) {
			dollars = 25 // without a phone
		}
	default:
		dollars = 70
	}
	for range 5 {
		if g.chance(s.extras) {
			dollars += 5
		}
	}
	if tv {
		dollars += 10
	}
	if movies {
		dollars += 10
	}
	dollars += g.normal(0.4)
	return 5 * int(math.Round(20*min(max(dollars, 18.25), 118.75)))
}

// paid is about months × fee: fees were not always what they are.
func (g *generator) paid(months, fee int) int {
	if months <= 1 {
		return months * fee
	}
	cents := float64(months*fee) * (1 + g.normal(0.03))
	return 5 * int(math.Round(min(cents, 8684_80)/5))
}

// activity makes what the user with profile p did in a month.
func (g *generator) activity(user, month int, p *profile) activity {
	g.seed(user, habitStream)
	usual := 19.75 + float64(p.fee)*0.1526/100 + g.normal(4.95)
	devices := 1 + g.rand.IntN(3)

	g.seed(user, firstMonth+month)
	a := activity{
		watchHours:       min(max(usual+g.normal(0.3), 5.7+g.rand.Float64()), 51.7-g.rand.Float64()),
		devices:          devices,
		skips:            min(g.poisson(5), 14),
		rebuffer:         min(g.poisson(2.3), 10),
		failedPayments:   min(g.poisson(0.16), 3),
		tickets:          min(g.poisson(0.3), 4),
		resolutionTenths: int(math.Round(min(max(100+g.normal(39), 10), 249))),
	}
	if g.chance(0.1) { // a device bought or lost
		a.devices = 1 + g.rand.IntN(3)
	}
	// February was a better month than January, and so on in turn.
	churn := p.segment.churnJanuary
	if month%2 == 1 {
		churn *= 0.913
	}
	a.churned = g.chance(churn)
	if user == knownIndex && month < len(knownWatchHours) {
		a.watchHours = knownWatchHours[month]
	}
	return a
}

func (g *generator) chance(p float64) bool { return g.rand.Float64() < p }

// A product is rounded before it is added to (float64 says so), or the same
// seed would give other digits where the processor adds and multiplies at once.

// normal draws from the normal distribution around 0.
func (g *generator) normal(deviation float64) float64 {
	return float64(g.rand.NormFloat64() * deviation)
}

// exponential draws from the exponential distribution.
func (g *generator) exponential(mean float64) float64 {
	return float64(g.rand.ExpFloat64() * mean)
}

// poisson draws a count with this mean, by Knuth's method.
func (g *generator) poisson(mean float64) int {
	limit, product := math.Exp(-mean), g.rand.Float64()
	n := 0
	for product > limit {
		product *= g.rand.Float64()
		n++
	}
	return n
}
